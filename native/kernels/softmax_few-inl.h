// Softmax and cross-entropy of rows of few columns: as many rows at once as a vector has lanes, one row per lane, so that maxima
// and sums need no step across lanes and no lane of an exponential is wasted. 128 x 10 logits take 1 to 2 us instead of 7.
//
// Invariant: a row's result is the same in any lane and beside any other rows; lanes without a row compute zeros that nobody
// stores.
#if defined(STEEPEST_SOFTMAX_FEW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_SOFTMAX_FEW_INL_H_
#undef STEEPEST_SOFTMAX_FEW_INL_H_
#else
#define STEEPEST_SOFTMAX_FEW_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int64_t kFewColumns = 32;

// Up to a vector of rows, turned so that column c of all of them is one vector.
class TurnedRows {
 public:
  using D = hwy::HWY_NAMESPACE::ScalableTag<float>;
  using V = hwy::HWY_NAMESPACE::Vec<D>;

  TurnedRows(int64_t rows, int64_t cols) : rows_(rows), cols_(cols) {
    namespace hn = hwy::HWY_NAMESPACE;
    if (rows < lanes()) {
      for (int64_t c = 0; c < cols; ++c) set(c, hn::Zero(D()));
    }
  }

  static int64_t lanes() { return static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(D())); }

  HWY_INLINE V column(int64_t c) const { return hwy::HWY_NAMESPACE::Load(D(), values_ + c * lanes()); }
  HWY_INLINE void set(int64_t c, V v) { hwy::HWY_NAMESPACE::Store(v, D(), values_ + c * lanes()); }
  float at(int64_t r, int64_t c) const { return values_[c * lanes() + r]; }

  HWY_INLINE void load(const float* x) {
    const int64_t stride = lanes();
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < cols_; ++c) values_[c * stride + r] = x[r * cols_ + c];
    }
  }
  HWY_INLINE void store(float* y) const {
    const int64_t stride = lanes();
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < cols_; ++c) y[r * cols_ + c] = values_[c * stride + r];
    }
  }

  // The largest of each row. NaN may get lost, but not in the exponentials that follow.
  HWY_INLINE V maximum() const {
    V result = hwy::HWY_NAMESPACE::Set(D(), -math::kInfinity);
    for (int64_t c = 0; c < cols_; ++c) result = hwy::HWY_NAMESPACE::Max(result, column(c));
    return result;
  }

  // sum(e^(x - maximum)) of each row; with kKeep the terms take the place of x.
  template <bool kKeep>
  HWY_INLINE V exponentialSum(V maximum) {
    namespace hn = hwy::HWY_NAMESPACE;
    V sum = hn::Zero(D());
    for (int64_t c = 0; c < cols_; ++c) {
      const V e = math::exp(D(), hn::Sub(column(c), maximum));
      if constexpr (kKeep) set(c, e);
      sum = hn::Add(sum, e);
    }
    return sum;
  }

 private:
  const int64_t rows_, cols_;
  HWY_ALIGN float values_[kFewColumns * hwy::HWY_NAMESPACE::MaxLanes(D())];
};

inline void softmaxFew(float* y, const float* x, int64_t rows, int64_t cols) {
  namespace hn = hwy::HWY_NAMESPACE;
  const TurnedRows::D d;
  TurnedRows turned(rows, cols);
  turned.load(x);
  const auto scale = hn::Div(hn::Set(d, 1.0f), turned.exponentialSum<true>(turned.maximum()));
  for (int64_t c = 0; c < cols; ++c) turned.set(c, hn::Mul(turned.column(c), scale));
  turned.store(y);
}

inline void logSoftmaxFew(float* y, const float* x, int64_t rows, int64_t cols) {
  namespace hn = hwy::HWY_NAMESPACE;
  const TurnedRows::D d;
  TurnedRows turned(rows, cols);
  turned.load(x);
  const auto maximum = turned.maximum();
  const auto logSum = math::log(d, turned.exponentialSum<false>(maximum));
  for (int64_t c = 0; c < cols; ++c) turned.set(c, hn::Sub(hn::Sub(turned.column(c), maximum), logSum));
  turned.store(y);
}

// loss = log(sum(e^x)) - x[label]
inline void crossEntropyFew(float* loss, const float* x, const int32_t* labels, int64_t rows, int64_t cols) {
  namespace hn = hwy::HWY_NAMESPACE;
  const TurnedRows::D d;
  TurnedRows turned(rows, cols);
  turned.load(x);
  const auto maximum = turned.maximum();
  const auto logSum = math::log(d, turned.exponentialSum<false>(maximum));
  HWY_ALIGN float result[hn::MaxLanes(d)] = {};
  for (int64_t r = 0; r < rows; ++r) result[r] = turned.at(r, labels[r]);
  hn::Store(hn::Sub(logSum, hn::Sub(hn::Load(d, result), maximum)), d, result);
  std::copy_n(result, rows, loss);
}

// dx = (softmax(x) - [column == label]) dLoss
inline void crossEntropyBackwardFew(float* dx, const float* x, const int32_t* labels, const float* dLoss, int64_t rows,
                                    int64_t cols) {
  namespace hn = hwy::HWY_NAMESPACE;
  const TurnedRows::D d;
  TurnedRows turned(rows, cols);
  turned.load(x);
  HWY_ALIGN float losses[hn::MaxLanes(d)] = {};
  std::copy_n(dLoss, rows, losses);
  const auto scale = hn::Div(hn::Load(d, losses), turned.exponentialSum<true>(turned.maximum()));
  for (int64_t c = 0; c < cols; ++c) turned.set(c, hn::Mul(turned.column(c), scale));
  turned.store(dx);
  for (int64_t r = 0; r < rows; ++r) dx[r * cols + labels[r]] -= losses[r];
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_SOFTMAX_FEW_INL_H_
