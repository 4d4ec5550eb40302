// argReduce: the position of the largest or smallest element along the middle axis of [outer, reduce, inner].
//
// Invariant: the first of equal elements wins, and the first NaN wins over everything, as in NumPy. No arithmetic is done, so
// every instruction set gives the same answer.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/arg_reduce.cc"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Whether v takes the place of best: larger (or smaller), or the first NaN.
template <bool kMaximum, typename T>
HWY_INLINE bool beats(T v, T best) {
  return (kMaximum ? v > best : v < best) || (isNan(v) && !isNan(best));
}

template <bool kMaximum, class D>
HWY_INLINE hn::Mask<D> beatsVector(D, hn::Vec<D> v, hn::Vec<D> best) {
  const auto better = kMaximum ? hn::Gt(v, best) : hn::Lt(v, best);
  if constexpr (!hwy::IsFloat<hn::TFromD<D>>())
    return better;
  else
    return hn::Or(better, hn::AndNot(hn::IsNaN(best), hn::IsNaN(v)));
}

// Columns j..j+lanes-1 of one [reduce, inner] matrix.
template <bool kMaximum, typename T>
HWY_INLINE void argColumns(const T* x, int64_t reduce, int64_t inner, int32_t* y) {
  const hn::ScalableTag<T> d;
  const hn::ScalableTag<int32_t> di;
  auto best = hn::LoadU(d, x);
  auto position = hn::Zero(di);
  for (int64_t r = 1; r < reduce; ++r) {
    const auto v = hn::LoadU(d, x + r * inner);
    const auto better = beatsVector<kMaximum>(d, v, best);
    best = hn::IfThenElse(better, v, best);
    position = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, static_cast<int32_t>(r)), position);
  }
  hn::StoreU(position, di, y);
}

// One row: each lane keeps the first best of its own elements; then the lanes are compared, lower positions first.
template <bool kMaximum, typename T>
int32_t argRow(const T* x, int64_t reduce) {
  const hn::ScalableTag<T> d;
  const hn::ScalableTag<int32_t> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  T winner = x[0];
  int32_t at = 0;
  int64_t i = 1;
  if (reduce >= 2 * lanes) {
    HWY_ALIGN T values[hn::MaxLanes(d)];
    HWY_ALIGN int32_t positions[hn::MaxLanes(di)];
    auto best = hn::LoadU(d, x);
    auto index = hn::Iota(di, 0);
    auto position = index;
    for (i = lanes; i + lanes <= reduce; i += lanes) {
      index = hn::Add(index, hn::Set(di, static_cast<int32_t>(lanes)));
      const auto v = hn::LoadU(d, x + i);
      const auto better = beatsVector<kMaximum>(d, v, best);
      best = hn::IfThenElse(better, v, best);
      position = hn::IfThenElse(hn::RebindMask(di, better), index, position);
    }
    hn::Store(best, d, values);
    hn::Store(position, di, positions);
    winner = values[0];
    at = positions[0];
    for (int64_t lane = 1; lane < lanes; ++lane) {
      const bool equal = values[lane] == winner || (isNan(values[lane]) && isNan(winner));
      if (!beats<kMaximum>(values[lane], winner) && !(equal && positions[lane] < at)) continue;
      winner = values[lane];
      at = positions[lane];
    }
  }
  for (; i < reduce; ++i) {
    if (!beats<kMaximum>(x[i], winner)) continue;
    winner = x[i];
    at = static_cast<int32_t>(i);
  }
  return at;
}

template <bool kMaximum, typename T>
void argMatrix(const T* x, int64_t reduce, int64_t inner, int32_t* y) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  int64_t j = 0;
  for (; j + lanes <= inner; j += lanes) argColumns<kMaximum>(x + j, reduce, inner, y + j);
  for (; j < inner; ++j) {
    T best = x[j];
    y[j] = 0;
    for (int64_t r = 1; r < reduce; ++r) {
      if (!beats<kMaximum>(x[r * inner + j], best)) continue;
      best = x[r * inner + j];
      y[j] = static_cast<int32_t>(r);
    }
  }
}

template <bool kMaximum, typename T>
void argAll(int64_t outer, int64_t reduce, int64_t inner, int32_t* y, const T* x) {
  const int64_t perChunk = std::max<int64_t>(1, kChunkElements / (reduce * inner));
  parallelFor(ceilDivide(outer, perChunk), [&](int64_t chunk) HWY_ATTR {
    const int64_t last = std::min((chunk + 1) * perChunk, outer);
    for (int64_t o = chunk * perChunk; o < last; ++o) {
      if (inner == 1)
        y[o] = argRow<kMaximum>(x + o * reduce, reduce);
      else
        argMatrix<kMaximum>(x + o * reduce * inner, reduce, inner, y + o * inner);
    }
  });
}

void argReduce(bool minimum, bool isFloat, int64_t outer, int64_t reduce, int64_t inner, int32_t* y, const void* x) {
  const auto* const floats = static_cast<const float*>(x);
  const auto* const integers = static_cast<const int32_t*>(x);
  if (isFloat)
    minimum ? argAll<false>(outer, reduce, inner, y, floats) : argAll<true>(outer, reduce, inner, y, floats);
  else
    minimum ? argAll<false>(outer, reduce, inner, y, integers) : argAll<true>(outer, reduce, inner, y, integers);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(argReduce);

// [kind 0 maximum 1 minimum, outer, reduce, inner, dtype]; an empty axis has no position.
bool argArguments(const Row& row, bool* isFloat) {
  if (!accepts(row, 2, 5, 5) || row.integer(0) > 1 || row.integer(2) > INT32_MAX) return false;
  const auto dtype = static_cast<DType>(row.integer(4));
  *isFloat = dtype == DType::float32 || dtype == DType::float64;
  return (*isFloat || dtype == DType::int32) && (row.integer(2) > 0 || row.integer(1) * row.integer(3) == 0);
}

template <typename T>
void argNaive(const Row& row, const T* x) {
  const int64_t reduce = row.integer(2), inner = row.integer(3);
  for (int64_t i = 0; i < row.integer(1) * inner; ++i) {
    const T* const column = x + i / inner * reduce * inner + i % inner;
    int64_t best = 0;
    for (int64_t r = 1; r < reduce; ++r) {
      const T v = column[r * inner], b = column[best * inner];
      if (isNan(b)) break;
      if (isNan(v) || (row.integer(0) == 0 ? v > b : v < b)) best = r;
    }
    row.buffer<int32_t>(0)[i] = static_cast<int32_t>(best);
  }
}

}  // namespace

// [y int32, x] args [kind, outer, reduce, inner, dtype]
Status argReduceFast(const Row& row) {
  bool isFloat;
  if (!argArguments(row, &isFloat) || static_cast<DType>(row.integer(4)) == DType::float64) return kBadRow;
  if (row.integer(1) * row.integer(3) == 0) return {};
  HWY_DYNAMIC_DISPATCH(argReduce)
  (row.integer(0) == 1, isFloat, row.integer(1), row.integer(2), row.integer(3), row.buffer<int32_t>(0), row.buffers[1]);
  return {};
}

Status argReduceTwin(const Row& row) {
  bool isFloat;
  if (!argArguments(row, &isFloat)) return kBadRow;
  if (isFloat)
    argNaive(row, row.buffer<const double>(1));
  else
    argNaive(row, row.buffer<const int32_t>(1));
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
