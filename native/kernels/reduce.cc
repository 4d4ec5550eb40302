// reduce: sum, mean, maximum, minimum or product over the middle axis of [outer, reduce, inner].
//
// Invariant: every result is a fixed tree over its elements. The reduced axis is cut into blocks (from the shape alone), a block
// into leaves of 64 rows or vectors, so that a sum of a million floats passes through about a hundred roundings per lane
// instead of a million, and is the same for any number of threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cc"

#include "kernels/reduce.h"

#include <algorithm>
#include <cstdint>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLeaf = 64;
constexpr int64_t kWide = 64;  // narrower rows are taken several at a time, so that vectors are full

template <class Op, class D>
HWY_INLINE hn::Vec<D> combine(D, hn::Vec<D> acc, hn::Vec<D> v) {
  using T = hn::TFromD<D>;
  if constexpr (Op::kind == Reduction::sum)
    return hn::Add(acc, v);
  else if constexpr (Op::kind == Reduction::product)
    return hn::Mul(acc, v);
  else if constexpr (!hwy::IsFloat<T>())
    return Op::kind == Reduction::maximum ? hn::Max(acc, v) : hn::Min(acc, v);
  else
    return hn::IfThenElse(hn::Or(Op::kind == Reduction::maximum ? hn::Gt(v, acc) : hn::Lt(v, acc), hn::IsNaN(v)), v, acc);
}

// Halves the vector until one lane is left.
template <class Op, class D>
HWY_INLINE hn::TFromD<D> acrossLanes(D d, hn::Vec<D> v) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = Op::template apply<T>(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

// One contiguous row.
template <class Op, typename T>
T reduceRow(const T* x, int64_t count) {
  if (count < 32) {  // neighbouring rows overlap in the processor; adding up lanes would cost more
    T total = Op::template identity<T>();
    for (int64_t i = 0; i < count; ++i) total = Op::template apply<T>(total, x[i]);
    return total;
  }
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::template identity<T>());
  auto total = identity;
  int64_t i = 0;
  while (count - i >= 4 * lanes) {
    auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes);
    auto c = hn::LoadU(d, x + i + 2 * lanes), e = hn::LoadU(d, x + i + 3 * lanes);
    const int64_t end = i + std::min(kLeaf, (count - i) / lanes & ~int64_t{3}) * lanes;
    for (i += 4 * lanes; i < end; i += 4 * lanes) {
      a = combine<Op>(d, a, hn::LoadU(d, x + i));
      b = combine<Op>(d, b, hn::LoadU(d, x + i + lanes));
      c = combine<Op>(d, c, hn::LoadU(d, x + i + 2 * lanes));
      e = combine<Op>(d, e, hn::LoadU(d, x + i + 3 * lanes));
    }
    total = combine<Op>(d, total, combine<Op>(d, combine<Op>(d, a, b), combine<Op>(d, c, e)));
  }
  for (; count - i >= lanes; i += lanes) total = combine<Op>(d, total, hn::LoadU(d, x + i));
  if (i < count) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(count - i));
    total = combine<Op>(d, total, hn::IfThenElse(mask, LoadTail(d, x + i, count - i), identity));
  }
  return acrossLanes<Op>(d, total);
}

// Four vectors' worth of columns (or one: kVectors), rows in leaves of kLeaf.
template <class Op, int kVectors, typename T>
HWY_INLINE void reduceStrip(const T* x, int64_t rows, int64_t stride, T* out) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::template identity<T>());
  hn::Vec<decltype(d)> total[kVectors];
  for (int v = 0; v < kVectors; ++v) total[v] = identity;
  for (int64_t first = 0; first < rows; first += kLeaf) {
    const int64_t last = std::min(first + kLeaf, rows);
    hn::Vec<decltype(d)> even[kVectors], odd[kVectors];
    for (int v = 0; v < kVectors; ++v) even[v] = odd[v] = identity;
    int64_t r = first;
    for (; r + 2 <= last; r += 2) {
      for (int v = 0; v < kVectors; ++v) {
        even[v] = combine<Op>(d, even[v], hn::LoadU(d, x + r * stride + v * lanes));
        odd[v] = combine<Op>(d, odd[v], hn::LoadU(d, x + (r + 1) * stride + v * lanes));
      }
    }
    if (r < last) {
      for (int v = 0; v < kVectors; ++v) even[v] = combine<Op>(d, even[v], hn::LoadU(d, x + r * stride + v * lanes));
    }
    for (int v = 0; v < kVectors; ++v) total[v] = combine<Op>(d, total[v], combine<Op>(d, even[v], odd[v]));
  }
  for (int v = 0; v < kVectors; ++v) hn::StoreU(total[v], d, out + v * lanes);
}

// out[j] = the reduction of column j of `rows` rows of `width` elements, `stride` apart.
template <class Op, typename T>
void reduceColumns(const T* x, int64_t rows, int64_t width, int64_t stride, T* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  int64_t j = 0;
  for (; j + 4 * lanes <= width; j += 4 * lanes) reduceStrip<Op, 4>(x + j, rows, stride, out + j);
  for (; j + lanes <= width; j += lanes) reduceStrip<Op, 1>(x + j, rows, stride, out + j);
  if (j < width && width >= lanes) {  // the last vector overlaps its neighbour: the shared columns come out the same
    reduceStrip<Op, 1>(x + width - lanes, rows, stride, out + width - lanes);
    return;
  }
  for (; j < width; ++j) {
    T total = Op::template identity<T>();
    for (int64_t r = 0; r < rows; ++r) total = Op::template apply<T>(total, x[r * stride + j]);
    out[j] = total;
  }
}

// Narrow contiguous rows: `together` rows are one row of a wider matrix, whose columns are folded at the end.
template <class Op, typename T>
void reduceNarrow(const T* x, int64_t rows, int64_t inner, T* out) {
  const int64_t together = ceilDivide(kWide, inner), width = together * inner, wideRows = rows / together;
  T sums[2 * kWide];
  reduceColumns<Op>(x, wideRows, width, width, sums);
  for (int64_t r = wideRows * together; r < rows; ++r) {
    for (int64_t i = 0; i < inner; ++i) sums[i] = Op::template apply<T>(sums[i], x[r * inner + i]);
  }
  for (int64_t half = together; half > 1;) {
    const int64_t upper = half / 2, lower = half - upper;
    for (int64_t i = 0; i < upper * inner; ++i) sums[i] = Op::template apply<T>(sums[i], sums[lower * inner + i]);
    half = lower;
  }
  std::copy_n(sums, inner, out);
}

// Columns first..first+width-1 of a [rows, inner] matrix.
template <class Op, typename T>
void reduceMatrix(const T* x, int64_t rows, int64_t inner, int64_t first, int64_t width, T* out) {
  if (inner == 1)
    *out = reduceRow<Op>(x, rows);
  else if (inner < kWide)
    reduceNarrow<Op>(x, rows, inner, out);
  else
    reduceColumns<Op>(x + first, rows, width, inner, out + first);
}

// Divides sums into means in double: one rounding.
template <typename T>
void finish(const ReducePlan& plan, T* y, int64_t count) {
  if (!plan.mean) return;
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(static_cast<double>(y[i]) / static_cast<double>(plan.reduce));
}

template <class Op, typename T>
void reduceAll(const ReducePlan& plan, T* y, const T* x, T* partials) {
  const int64_t inner = plan.inner, tasks = plan.outer * plan.tiles * plan.blocks;
  parallelFor(ceilDivide(tasks, plan.tasksPerChunk), [&](int64_t chunk) HWY_ATTR {
    const int64_t last = std::min((chunk + 1) * plan.tasksPerChunk, tasks);
    for (int64_t task = chunk * plan.tasksPerChunk; task < last; ++task) {
      const int64_t block = task % plan.blocks, tile = task / plan.blocks % plan.tiles, o = task / plan.blocks / plan.tiles;
      const int64_t row = block * plan.rowsPerBlock, column = tile * plan.tileWidth;
      const int64_t rows = std::min(plan.rowsPerBlock, plan.reduce - row), width = std::min(plan.tileWidth, inner - column);
      const T* const source = x + (o * plan.reduce + row) * inner;
      if (plan.blocks > 1) {
        reduceMatrix<Op>(source, rows, inner, column, width, partials + (o * plan.blocks + block) * inner);
      } else {
        reduceMatrix<Op>(source, rows, inner, column, width, y + o * inner);
        finish(plan, y + o * inner + column, width);
      }
    }
  });
  if (plan.blocks == 1) return;
  parallelFor(plan.outer * plan.tiles, [&](int64_t task) HWY_ATTR {
    const int64_t o = task / plan.tiles, column = task % plan.tiles * plan.tileWidth;
    const int64_t width = std::min(plan.tileWidth, inner - column);
    reduceMatrix<Op>(partials + o * plan.blocks * inner, plan.blocks, inner, column, width, y + o * inner);
    finish(plan, y + o * inner + column, width);
  });
}

template <typename T>
void reduceKind(const ReducePlan& plan, void* y, const void* x, void* partials) {
  const auto run = [&](auto op) {
    reduceAll<decltype(op)>(plan, static_cast<T*>(y), static_cast<const T*>(x), static_cast<T*>(partials));
  };
  switch (plan.kind) {
    case Reduction::maximum:
      run(ReduceOp<Reduction::maximum>());
      break;
    case Reduction::minimum:
      run(ReduceOp<Reduction::minimum>());
      break;
    case Reduction::product:
      run(ReduceOp<Reduction::product>());
      break;
    default:
      run(ReduceOp<Reduction::sum>());
  }
}

void reduce(const ReducePlan& plan, void* y, const void* x, void* partials) {
  if (plan.dtype == DType::int32)
    reduceKind<int32_t>(plan, y, x, partials);
  else
    reduceKind<float>(plan, y, x, partials);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(reduce);

template <class Op, typename T>
void reduceNaive(const ReducePlan& plan, T* y, const T* x) {
  for (int64_t o = 0; o < plan.outer; ++o) {
    for (int64_t i = 0; i < plan.inner; ++i) {
      T total = Op::template identity<T>();
      for (int64_t r = 0; r < plan.reduce; ++r) total = Op::template apply<T>(total, x[(o * plan.reduce + r) * plan.inner + i]);
      y[o * plan.inner + i] = plan.mean ? total / static_cast<T>(plan.reduce) : total;
    }
  }
}

template <typename T>
void reduceNaiveKind(const ReducePlan& plan, T* y, const T* x) {
  switch (plan.kind) {
    case Reduction::maximum:
      return reduceNaive<ReduceOp<Reduction::maximum>>(plan, y, x);
    case Reduction::minimum:
      return reduceNaive<ReduceOp<Reduction::minimum>>(plan, y, x);
    case Reduction::product:
      return reduceNaive<ReduceOp<Reduction::product>>(plan, y, x);
    default:
      return reduceNaive<ReduceOp<Reduction::sum>>(plan, y, x);
  }
}

}  // namespace

// [y, x] args [kind, outer, reduce, inner, dtype]
Status reduceFast(const Row& row) {
  ReducePlan plan;
  if (!plan.read(row) || plan.dtype == DType::float64) return kBadRow;
  if (plan.outer * plan.inner == 0) return {};
  HWY_DYNAMIC_DISPATCH(reduce)(plan, row.buffers[0], row.buffers[1], row.buffers[2]);
  return {};
}

Status reduceTwin(const Row& row) {
  ReducePlan plan;
  if (!plan.read(row)) return kBadRow;
  if (plan.dtype == DType::int32)
    reduceNaiveKind(plan, row.buffer<int32_t>(0), row.buffer<const int32_t>(1));
  else
    reduceNaiveKind(plan, row.buffer<double>(0), row.buffer<const double>(1));
  return {};
}

// One partial result per block and output.
int64_t reduceScratch(const Row& row) {
  ReducePlan plan;
  if (!plan.read(row) || plan.blocks == 1) return 0;
  return plan.outer * plan.blocks * plan.inner * 4;
}

}  // namespace steepest
#endif  // HWY_ONCE
