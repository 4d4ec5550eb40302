// softmax, log-softmax and their gradient, and the cross-entropy of integer labels from logits and its gradient, along rows.
//
// Each row is shifted by its maximum, so exponentials never overflow. A row that holds NaN or +infinity, or only -infinity, gives
// NaN as in NumPy. Invariants: a row is reduced in an order that depends on its length alone; labels are checked before anything
// is written; an output may be its input of the same shape.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cc"

#include <algorithm>
#include <cstdint>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"
#include "kernels/indices.h"
#include "kernels/softmax_few-inl.h"
#include "kernels/tail-inl.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// What a row costs, in units of which overRows() puts a fixed number into a chunk: exponentials and two short reductions.
constexpr int64_t rowCost(int64_t cols) { return 2 * (cols + 32); }

// Calls body(i, count) for every whole vector of a row, then for what is left; count == lanes marks whole ones.
template <typename F>
HWY_INLINE void forVectors(D d, int64_t cols, const F& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= cols; i += lanes) body(i, lanes);
  if (i < cols) body(i, cols - i);
}

HWY_INLINE V loadUpTo(D d, const float* from, int64_t count) {
  return count == static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, from) : LoadTail(d, from, count);
}
HWY_INLINE void storeUpTo(D d, V v, float* to, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, to);
  } else {
    StoreTail(v, d, to, count);
  }
}

// combine(...) over a row of value(i, count) in four interleaved chains, then lanes that are not there count as `identity`.
template <typename Value, typename Combine>
HWY_INLINE V foldRow(D d, int64_t cols, float identity, const Value& value, const Combine& combine) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V start = hn::Set(d, identity);
  V a = start, b = start, c = start, e = start;
  int64_t i = 0;
  for (; i + 4 * lanes <= cols; i += 4 * lanes) {
    a = combine(a, value(i, lanes));
    b = combine(b, value(i + lanes, lanes));
    c = combine(c, value(i + 2 * lanes, lanes));
    e = combine(e, value(i + 3 * lanes, lanes));
  }
  for (; i + lanes <= cols; i += lanes) a = combine(a, value(i, lanes));
  if (i < cols) {
    const int64_t rest = cols - i;
    b = combine(b, hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(rest)), value(i, rest), start));
  }
  return combine(combine(a, b), combine(c, e));
}

// The maximum of a row in every lane. NaN may get lost, but not in the exponentials that follow.
HWY_INLINE V rowMaximum(D d, const float* x, int64_t cols) {
  const auto value = [&](int64_t i, int64_t count) HWY_ATTR { return loadUpTo(d, x + i, count); };
  const auto larger = [](V a, V b) HWY_ATTR { return hn::Max(a, b); };
  return hn::MaxOfLanes(d, foldRow(d, cols, -math::kInfinity, value, larger));
}

template <typename Value>
HWY_INLINE V rowSum(D d, int64_t cols, const Value& value) {
  return hn::SumOfLanes(d, foldRow(d, cols, 0.0f, value, [](V a, V b) HWY_ATTR { return hn::Add(a, b); }));
}

// The sum of e^(x - maximum) in every lane; the terms go to `terms` unless it is null.
HWY_INLINE V exponentialSum(D d, const float* x, V maximum, float* terms, int64_t cols) {
  return rowSum(d, cols, [&](int64_t i, int64_t count) HWY_ATTR {
    const V e = math::exp(d, hn::Sub(loadUpTo(d, x + i, count), maximum));
    if (terms) storeUpTo(d, e, terms + i, count);
    return e;
  });
}

void softmaxRow(float* y, const float* x, int64_t cols) {
  const D d;
  const V sum = exponentialSum(d, x, rowMaximum(d, x, cols), y, cols);
  const V scale = hn::Div(hn::Set(d, 1.0f), sum);
  forVectors(d, cols,
             [&](int64_t i, int64_t count) HWY_ATTR { storeUpTo(d, hn::Mul(loadUpTo(d, y + i, count), scale), y + i, count); });
}

void logSoftmaxRow(float* y, const float* x, int64_t cols) {
  const D d;
  const V maximum = rowMaximum(d, x, cols);
  const V logSum = math::log(d, exponentialSum(d, x, maximum, nullptr, cols));
  forVectors(d, cols, [&](int64_t i, int64_t count) HWY_ATTR {
    storeUpTo(d, hn::Sub(hn::Sub(loadUpTo(d, x + i, count), maximum), logSum), y + i, count);
  });
}

// dx = y (dy - sum(dy y))
void softmaxBackwardRow(float* dx, const float* dy, const float* y, int64_t cols) {
  const D d;
  const V dot = rowSum(
      d, cols, [&](int64_t i, int64_t count) HWY_ATTR { return hn::Mul(loadUpTo(d, dy + i, count), loadUpTo(d, y + i, count)); });
  forVectors(d, cols, [&](int64_t i, int64_t count) HWY_ATTR {
    const V difference = hn::Sub(loadUpTo(d, dy + i, count), dot);
    storeUpTo(d, hn::Mul(loadUpTo(d, y + i, count), difference), dx + i, count);
  });
}

// dx = dy - e^y sum(dy), for y = log softmax(x)
void logSoftmaxBackwardRow(float* dx, const float* dy, const float* y, int64_t cols) {
  const D d;
  const V sum = rowSum(d, cols, [&](int64_t i, int64_t count) HWY_ATTR { return loadUpTo(d, dy + i, count); });
  forVectors(d, cols, [&](int64_t i, int64_t count) HWY_ATTR {
    const V p = math::exp(d, loadUpTo(d, y + i, count));
    storeUpTo(d, hn::NegMulAdd(p, sum, loadUpTo(d, dy + i, count)), dx + i, count);
  });
}

// log(sum(e^x)) - x[label]
float crossEntropyRow(const float* x, int32_t label, int64_t cols) {
  const D d;
  const V maximum = rowMaximum(d, x, cols);
  const V logSum = math::log(d, exponentialSum(d, x, maximum, nullptr, cols));
  return hn::GetLane(hn::Sub(logSum, hn::Sub(hn::Set(d, x[label]), maximum)));
}

// dx = (softmax(x) - [column == label]) dLoss
void crossEntropyBackwardRow(float* dx, const float* x, int32_t label, float dLoss, int64_t cols) {
  const D d;
  const V sum = exponentialSum(d, x, rowMaximum(d, x, cols), dx, cols);
  const V scale = hn::Div(hn::Set(d, dLoss), sum);
  forVectors(d, cols,
             [&](int64_t i, int64_t count) HWY_ATTR { storeUpTo(d, hn::Mul(loadUpTo(d, dx + i, count), scale), dx + i, count); });
  dx[label] -= dLoss;
}

// few(first row, rows) for groups of as many rows as a vector has lanes.
template <typename F>
void overGroups(int64_t rows, int64_t cols, const F& few) {
  const int64_t lanes = TurnedRows::lanes();
  overRows(ceilDivide(rows, lanes), lanes * rowCost(cols) / 4, [&](int64_t group) {
    const int64_t first = group * lanes;
    few(first, std::min(lanes, rows - first));
  });
}

void softmax(const Row& row) {
  const int64_t rows = row.integer(0), cols = row.integer(1);
  float* const y = row.buffer<float>(0);
  const float* const x = row.buffer<float>(1);
  if (cols <= kFewColumns) {
    const auto few = row.flag(2) ? logSoftmaxFew : softmaxFew;
    return overGroups(rows, cols, [&](int64_t r, int64_t count) { few(y + r * cols, x + r * cols, count, cols); });
  }
  const auto one = row.flag(2) ? logSoftmaxRow : softmaxRow;
  overRows(rows, rowCost(cols), [&](int64_t r) { one(y + r * cols, x + r * cols, cols); });
}

void softmaxBackward(const Row& row) {
  const int64_t rows = row.integer(0), cols = row.integer(1);
  float* const dx = row.buffer<float>(0);
  const float* const dy = row.buffer<float>(1);
  const float* const y = row.buffer<float>(2);
  const auto one = row.flag(2) ? logSoftmaxBackwardRow : softmaxBackwardRow;
  overRows(rows, rowCost(cols), [&](int64_t r) { one(dx + r * cols, dy + r * cols, y + r * cols, cols); });
}

void sparseCrossEntropy(const Row& row) {
  const int64_t rows = row.integer(0), cols = row.integer(1);
  float* const loss = row.buffer<float>(0);
  const float* const x = row.buffer<float>(1);
  const int32_t* const labels = row.buffer<int32_t>(2);
  if (cols <= kFewColumns) {
    return overGroups(rows, cols,
                      [&](int64_t r, int64_t count) { crossEntropyFew(loss + r, x + r * cols, labels + r, count, cols); });
  }
  overRows(rows, rowCost(cols), [&](int64_t r) { loss[r] = crossEntropyRow(x + r * cols, labels[r], cols); });
}

void sparseCrossEntropyBackward(const Row& row) {
  const int64_t rows = row.integer(0), cols = row.integer(1);
  float* const dx = row.buffer<float>(0);
  const float* const x = row.buffer<float>(1);
  const int32_t* const labels = row.buffer<int32_t>(2);
  const float* const dLoss = row.buffer<float>(3);
  if (cols <= kFewColumns) {
    return overGroups(rows, cols, [&](int64_t r, int64_t count) {
      crossEntropyBackwardFew(dx + r * cols, x + r * cols, labels + r, dLoss + r, count, cols);
    });
  }
  overRows(rows, rowCost(cols),
           [&](int64_t r) { crossEntropyBackwardRow(dx + r * cols, x + r * cols, labels[r], dLoss[r], cols); });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {

HWY_EXPORT(softmax);
HWY_EXPORT(softmaxBackward);
HWY_EXPORT(sparseCrossEntropy);
HWY_EXPORT(sparseCrossEntropyBackward);

// [y, x] args [rows, cols, log]
Status softmaxFast(const Row& row) {
  if (!accepts(row, 2, 3, 3)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(softmax)(row);
  return {};
}

// [dx, dy, y] args [rows, cols, log]
Status softmaxBackwardFast(const Row& row) {
  if (!accepts(row, 3, 3, 3)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(softmaxBackward)(row);
  return {};
}

// [loss[rows], logits, labels int32] args [rows, cols]
Status sparseCrossEntropyFast(const Row& row) {
  if (!accepts(row, 3, 2, 2)) return kBadRow;
  const Status status = checkIndices(row.buffer<int32_t>(2), row.integer(0), row.integer(1));
  if (status.code == StatusCode::ok) HWY_DYNAMIC_DISPATCH(sparseCrossEntropy)(row);
  return status;
}

// [dlogits, logits, labels int32, dloss[rows]] args [rows, cols]
Status sparseCrossEntropyBackwardFast(const Row& row) {
  if (!accepts(row, 4, 2, 2)) return kBadRow;
  const Status status = checkIndices(row.buffer<int32_t>(2), row.integer(0), row.integer(1));
  if (status.code == StatusCode::ok) HWY_DYNAMIC_DISPATCH(sparseCrossEntropyBackward)(row);
  return status;
}

}  // namespace steepest
#endif  // HWY_ONCE
