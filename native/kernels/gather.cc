// gather and its gradient scatterAdd: whole slices along one axis, chosen by int32 indices.
//
// Invariant: every index is checked before the first write. Sums are added in index order by one thread per destination, so they
// do not depend on the number of threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gather.cc"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/indices.h"
#include "kernels/reduce.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
HWY_INLINE void addTo(T* HWY_RESTRICT dst, const T* HWY_RESTRICT src, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, dst + i), hn::LoadU(d, src + i)), d, dst + i);
  if (i < count) StoreTail(hn::Add(LoadTail(d, dst + i, count - i), LoadTail(d, src + i, count - i)), d, dst + i, count - i);
}

// dx[o, a, :] = sum of dy[o, n, :] over the n with indices[n] == a. Each chunk owns a range of destination slices and passes over
// all indices; with short slices that pass would cost more than the sums, so those are not split.
template <typename T>
void scatterAdd(int64_t outer, int64_t axisSize, int64_t inner, int64_t count, T* dx, const T* dy, const int32_t* indices) {
  const int64_t pieces = inner < 8 ? 1 : std::min<int64_t>(16, ceilDivide(axisSize * inner, kChunkElements));
  const int64_t perPiece = ceilDivide(axisSize, pieces);
  parallelFor(outer * pieces, [&](int64_t chunk) HWY_ATTR {
    const int64_t o = chunk / pieces, first = std::min(axisSize, chunk % pieces * perPiece);
    const int64_t last = std::min(axisSize, first + perPiece);
    T* const slices = dx + o * axisSize * inner;
    std::fill(slices + first * inner, slices + last * inner, T{0});
    for (int64_t n = 0; n < count; ++n) {
      const int64_t a = indices[n];
      if (a >= first && a < last) addTo(slices + a * inner, dy + (o * count + n) * inner, inner);
    }
  });
}

void scatterAddFloat(int64_t outer, int64_t axisSize, int64_t inner, int64_t count, void* dx, const void* dy,
                     const int32_t* indices) {
  scatterAdd(outer, axisSize, inner, count, static_cast<float*>(dx), static_cast<const float*>(dy), indices);
}

void scatterAddInteger(int64_t outer, int64_t axisSize, int64_t inner, int64_t count, void* dx, const void* dy,
                       const int32_t* indices) {
  scatterAdd(outer, axisSize, inner, count, static_cast<int32_t*>(dx), static_cast<const int32_t*>(dy), indices);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(scatterAddFloat);
HWY_EXPORT(scatterAddInteger);

bool wrongSize(int64_t size) { return size != 1 && size != 4 && size != 8; }

}  // namespace

// [y, x, indices] args [outer, axisSize, inner, indexCount, elementSize]: y[o, n, :] = x[o, indices[n], :]
Status gatherFast(const Row& row) {
  if (!accepts(row, 3, 5, 5) || wrongSize(row.integer(4))) return kBadRow;
  const int64_t outer = row.integer(0), axisSize = row.integer(1), inner = row.integer(2), count = row.integer(3);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndices(indices, count, axisSize);
  if (status.code != StatusCode::ok) return status;
  withSize(row.integer(4), [&](auto element) {
    using T = decltype(element);
    T* const y = row.buffer<T>(0);
    const T* const x = row.buffer<const T>(1);
    overRows(outer * count, inner, [&](int64_t r) {
      const T* const slice = x + (r / count * axisSize + indices[r % count]) * inner;
      if (inner == 1)
        y[r] = *slice;
      else
        std::memcpy(y + r * inner, slice, static_cast<size_t>(inner) * sizeof(T));
    });
  });
  return {};
}

Status gatherTwin(const Row& row) {
  if (!accepts(row, 3, 5, 5)) return kBadRow;
  const int64_t outer = row.integer(0), axisSize = row.integer(1), inner = row.integer(2), count = row.integer(3);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndicesNaive(indices, count, axisSize);
  if (status.code != StatusCode::ok) return status;
  const bool known = withSize(row.integer(4), [&](auto element) {
    using T = decltype(element);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t n = 0; n < count; ++n) {
        for (int64_t i = 0; i < inner; ++i) {
          row.buffer<T>(0)[(o * count + n) * inner + i] = row.buffer<const T>(1)[(o * axisSize + indices[n]) * inner + i];
        }
      }
    }
  });
  return known ? Status{} : kBadRow;
}

// [dx, dy, indices] args [outer, axisSize, inner, indexCount, dtype]: the gradient of gather; dx is written whole.
Status scatterAddFast(const Row& row) {
  if (!accepts(row, 3, 5, 5)) return kBadRow;
  const bool isFloat = static_cast<DType>(row.integer(4)) == DType::float32;
  if (!isFloat && static_cast<DType>(row.integer(4)) != DType::int32) return kBadRow;
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndices(indices, row.integer(3), row.integer(1));
  if (status.code != StatusCode::ok || row.integer(1) * row.integer(2) == 0) return status;
  const auto run = isFloat ? HWY_DYNAMIC_DISPATCH(scatterAddFloat) : HWY_DYNAMIC_DISPATCH(scatterAddInteger);
  run(row.integer(0), row.integer(1), row.integer(2), row.integer(3), row.buffers[0], row.buffers[1], indices);
  return {};
}

Status scatterAddTwin(const Row& row) {
  if (!accepts(row, 3, 5, 5)) return kBadRow;
  const int64_t outer = row.integer(0), axisSize = row.integer(1), inner = row.integer(2), count = row.integer(3);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndicesNaive(indices, count, axisSize);
  if (status.code != StatusCode::ok) return status;
  const bool known = withType(row.integer(4), true, [&](auto element) {
    using T = decltype(element);
    T* const dx = row.buffer<T>(0);
    for (int64_t i = 0; i < outer * axisSize * inner; ++i) dx[i] = 0;
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t n = 0; n < count; ++n) {
        for (int64_t i = 0; i < inner; ++i) {
          T& sum = dx[(o * axisSize + indices[n]) * inner + i];
          sum = ReduceOp<Reduction::sum>::apply(sum, row.buffer<const T>(1)[(o * count + n) * inner + i]);
        }
      }
    }
  });
  return known ? Status{} : kBadRow;
}

}  // namespace steepest
#endif  // HWY_ONCE
