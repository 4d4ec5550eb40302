// copy: moves a strided box of elements. Transpose, slice, concat, split, pad, broadcast, flip and tile are all this kernel.
//
// Invariant: elements are moved as bits (1, 4 or 8 bytes), so every dtype and every NaN survives, and the twin moves the
// same elements one by one. The box is first simplified (axes of one dropped, axes that are contiguous in both merged).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy.cc"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/pool.h"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"
#include "kernels/box.h"
#include "kernels/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kTile = 16;  // a transposed tile: 16 cache lines in, 16 out
// Rows of tiles side by side: with two, both of two neighbouring lines of src are read one after the other. Slower (up to 10 %)
// where tiles go through a buffer.
constexpr int64_t kStrip = HWY_TARGET <= HWY_AVX3 ? 2 * kTile : kTile;
// Larger sources are prefetched, as long strides defeat the hardware's prefetcher; in L2 that costs 5 to 8 % of whole tiles.
constexpr int64_t kNear = HWY_TARGET <= HWY_AVX3 ? int64_t{1} << 18 : 0;

// dst[i * dstStride + j] = src[j * srcStride + i] for a 4x4 corner of 32-bit elements, in registers.
HWY_INLINE void transpose4x4(uint32_t* dst, int64_t dstStride, const uint32_t* src, int64_t srcStride) {
  const hn::FixedTag<uint32_t, 4> d;
  const hn::FixedTag<uint64_t, 2> wide;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + srcStride);
  const auto r2 = hn::LoadU(d, src + 2 * srcStride), r3 = hn::LoadU(d, src + 3 * srcStride);
  const auto a = hn::BitCast(wide, hn::InterleaveLower(d, r0, r1)), b = hn::BitCast(wide, hn::InterleaveLower(d, r2, r3));
  const auto e = hn::BitCast(wide, hn::InterleaveUpper(d, r0, r1)), f = hn::BitCast(wide, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, a, b)), d, dst);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, a, b)), d, dst + dstStride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, e, f)), d, dst + 2 * dstStride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, e, f)), d, dst + 3 * dstStride);
}

#if HWY_TARGET == HWY_AVX2
// As transpose4x4 for a corner of 8x8.
HWY_INLINE void transpose8x8(uint32_t* dst, int64_t dstStride, const uint32_t* src, int64_t srcStride) {
  const hn::FixedTag<uint32_t, 8> d;
  const hn::FixedTag<uint64_t, 4> wide;
  using V = hn::Vec<decltype(d)>;
  V v[4][2];  // [i % 4][j / 4], blocks of four j
#pragma GCC unroll 2
  for (int64_t g = 0; g < 2; ++g) {
    const uint32_t* const from = src + 4 * g * srcStride;
    const V r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + srcStride);
    const V r2 = hn::LoadU(d, from + 2 * srcStride), r3 = hn::LoadU(d, from + 3 * srcStride);
    const auto a = hn::BitCast(wide, hn::InterleaveLower(d, r0, r1)), b = hn::BitCast(wide, hn::InterleaveLower(d, r2, r3));
    const auto e = hn::BitCast(wide, hn::InterleaveUpper(d, r0, r1)), f = hn::BitCast(wide, hn::InterleaveUpper(d, r2, r3));
    v[0][g] = hn::BitCast(d, hn::InterleaveLower(wide, a, b));
    v[1][g] = hn::BitCast(d, hn::InterleaveUpper(wide, a, b));
    v[2][g] = hn::BitCast(d, hn::InterleaveLower(wide, e, f));
    v[3][g] = hn::BitCast(d, hn::InterleaveUpper(wide, e, f));
  }
#pragma GCC unroll 4
  for (int64_t k = 0; k < 4; ++k) {
    hn::StoreU(hn::ConcatLowerLower(d, v[k][1], v[k][0]), d, dst + k * dstStride);
    hn::StoreU(hn::ConcatUpperUpper(d, v[k][1], v[k][0]), d, dst + (4 + k) * dstStride);
  }
}
#endif

template <typename T>
void transposeScalar(T* dst, int64_t dstStride, const T* src, int64_t srcStride, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) dst[i * dstStride + j] = src[j * srcStride + i];
  }
}

// dst[i * dstStride + j] = src[j * srcStride + i] over rows x columns of at most kTile each. A full tile goes through registers
// or a buffer, so that every cache line of src is read once and every line of dst written once: with strides of 4 KiB they push
// each other out.
template <typename T>
void transposeTile(T* dst, int64_t dstStride, const T* src, int64_t srcStride, int64_t rows, int64_t columns) {
  if constexpr (sizeof(T) == 4) {
    if (rows == kTile && columns == kTile) {
#if HWY_TARGET <= HWY_AVX3
      // 80 shuffles and blends, which move bits whatever they mean.
      packSixteenTransposed(reinterpret_cast<const float*>(src), srcStride, reinterpret_cast<float*>(dst), dstStride);
#else
      HWY_ALIGN T tile[kTile * kTile];
#if HWY_TARGET == HWY_AVX2
      for (int64_t j = 0; j < kTile; j += 8) {
        for (int64_t i = 0; i < kTile; i += 8) transpose8x8(tile + i * kTile + j, kTile, src + j * srcStride + i, srcStride);
      }
#else
      for (int64_t j = 0; j < kTile; j += 4) {
        for (int64_t i = 0; i < kTile; i += 4) transpose4x4(tile + i * kTile + j, kTile, src + j * srcStride + i, srcStride);
      }
#endif
      for (int64_t i = 0; i < kTile; ++i) std::memcpy(dst + i * dstStride, tile + i * kTile, kTile * sizeof(T));
#endif
      return;
    }
    const int64_t rows4 = rows & ~int64_t{3}, columns4 = columns & ~int64_t{3};
    for (int64_t i = 0; i < rows4; i += 4) {
      for (int64_t j = 0; j < columns4; j += 4)
        transpose4x4(dst + i * dstStride + j, dstStride, src + j * srcStride + i, srcStride);
    }
    transposeScalar(dst + columns4, dstStride, src + columns4 * srcStride, srcStride, rows4, columns - columns4);
    transposeScalar(dst + rows4 * dstStride, dstStride, src + rows4, srcStride, rows - rows4, columns);
  } else {
    transposeScalar(dst, dstStride, src, srcStride, rows, columns);
  }
}

// One row of the innermost axis.
template <typename T>
void copyLine(T* dst, int64_t dstStride, const T* src, int64_t srcStride, int64_t count) {
  if (dstStride == 1 && srcStride == 1) {
    std::memcpy(dst, src, static_cast<size_t>(count) * sizeof(T));
  } else if (dstStride == 1 && srcStride == 0) {
    std::fill_n(dst, count, *src);
  } else {
    for (int64_t i = 0; i < count; ++i) dst[i * dstStride] = src[i * srcStride];
  }
}

// The transposed case: along the last axis dst is contiguous, along the one before it src is.
template <typename T>
void copyTransposed(const Box& box, T* dst, const T* src) {
  const int64_t r = box.rank - 2, c = box.rank - 1;
  const int64_t dstStride = box.dstStrides[r], srcStride = box.srcStrides[c], columns = box.dims[c];
  const bool far = columns * srcStride > kNear;
  const int64_t strips = ceilDivide(box.dims[r], kStrip), outer = box.count(r);
  const int64_t stripsPerChunk = std::max<int64_t>(1, kChunkElements / (kStrip * columns));
  parallelFor(ceilDivide(outer * strips, stripsPerChunk), [&](int64_t chunk) {
    const int64_t last = std::min((chunk + 1) * stripsPerChunk, outer * strips);
    for (int64_t strip = chunk * stripsPerChunk; strip < last; ++strip) {
      const Offsets at = box.at(strip / strips, r);
      const int64_t first = strip % strips * kStrip, end = std::min(first + kStrip, box.dims[r]);
      for (int64_t j = 0; j < columns; j += kTile) {
        const int64_t width = std::min(kTile, columns - j), ahead = std::min(kTile, columns - j - width);
        for (int64_t i = first; i < end; i += kTile) {
          const T* const from = src + at.src + i + j * srcStride;
          if (far)
            for (int64_t next = kTile; next < kTile + ahead; ++next) hwy::Prefetch(from + next * srcStride);
          transposeTile(dst + at.dst + i * dstStride + j, dstStride, from, srcStride, std::min(kTile, end - i), width);
        }
      }
    }
  });
}

// Any other case: lines along the last axis. A long line is cut into pieces, short ones are grouped.
template <typename T>
void copyLines(const Box& box, T* dst, const T* src) {
  const int64_t c = box.rank - 1, length = box.dims[c], lines = box.count(c);
  const int64_t pieces = ceilDivide(length, kChunkElements);
  const int64_t perChunk = std::max<int64_t>(1, kChunkElements / length);
  parallelFor(ceilDivide(lines * pieces, perChunk), [&](int64_t chunk) {
    const int64_t last = std::min((chunk + 1) * perChunk, lines * pieces);
    for (int64_t piece = chunk * perChunk; piece < last; ++piece) {
      const Offsets at = box.at(piece / pieces, c);
      const int64_t i = piece % pieces * kChunkElements;
      copyLine(dst + at.dst + i * box.dstStrides[c], box.dstStrides[c], src + at.src + i * box.srcStrides[c], box.srcStrides[c],
               std::min(kChunkElements, length - i));
    }
  });
}

template <typename T>
void copyBox(Box box, void* dst, const void* src) {
  const bool transposed = box.moveContiguousSourceAxis();
  if (transposed)
    copyTransposed(box, static_cast<T*>(dst) + box.dstOffset, static_cast<const T*>(src) + box.srcOffset);
  else
    copyLines(box, static_cast<T*>(dst) + box.dstOffset, static_cast<const T*>(src) + box.srcOffset);
}

void copy(const Box& box, int64_t size, void* dst, const void* src) {
  switch (size) {
    case 1:
      copyBox<uint8_t>(box, dst, src);
      break;
    case 4:
      copyBox<uint32_t>(box, dst, src);
      break;
    default:
      copyBox<uint64_t>(box, dst, src);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(copy);

template <typename T>
void copyNaive(const Box& box, void* dst, const void* src) {
  for (int64_t i = 0; i < box.count(box.rank); ++i) {
    const Offsets at = box.at(i, box.rank);
    static_cast<T*>(dst)[box.dstOffset + at.dst] = static_cast<const T*>(src)[box.srcOffset + at.src];
  }
}

}  // namespace

// [dst, src] args [elementSize, rank, dstOffset, srcOffset, dims.., dstStrides.., srcStrides..] in elements
Status copyFast(const Row& row) {
  Box box;
  if (!box.read(row)) return kBadRow;
  if (box.count(box.rank) == 0) return {};
  box.simplify();
  HWY_DYNAMIC_DISPATCH(copy)(box, row.integer(0), row.buffer<void>(0), row.buffer<const void>(1));
  return {};
}

Status copyTwin(const Row& row) {
  Box box;
  if (!box.read(row)) return kBadRow;
  switch (row.integer(0)) {
    case 1:
      copyNaive<uint8_t>(box, row.buffers[0], row.buffers[1]);
      break;
    case 4:
      copyNaive<uint32_t>(box, row.buffers[0], row.buffers[1]);
      break;
    default:
      copyNaive<uint64_t>(box, row.buffers[0], row.buffers[1]);
  }
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
