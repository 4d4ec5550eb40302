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
#include "kernels/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

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
    const int64_t first = chunk * plan.tasksPerChunk, last = std::min(first + plan.tasksPerChunk, tasks);
    if (inner == 1 && plan.blocks == 1) {  // a task is one whole row
      reduceRows<Op>(x + first * plan.reduce, last - first, plan.reduce, y + first);
      finish(plan, y + first, last - first);
      return;
    }
    for (int64_t task = first; task < last; ++task) {
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
