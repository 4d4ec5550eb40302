// Register-tile products whose rows of A lie at given offsets, for one instruction set: kernel gradients of few channels.
//
// With one input channel a row of taps is three rows of dw, too few sums to keep the multipliers busy. Rows from several rows of
// taps share a tile here, each with its own pointer. Invariant: nothing outside the operands is touched.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_OFFSET_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_OFFSET_TILE_INL_H_
#undef STEEPEST_KERNELS_OFFSET_TILE_INL_H_
#else
#define STEEPEST_KERNELS_OFFSET_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kOffsetRows = 6;  // pointers that fit the general registers, and with two vectors the 16 of AVX2

// As multiplyTile of one tap per outer step; row i of A starts at t.a + offsets[i].
template <int MR, int NV>
HWY_NOINLINE void offsetTile(const TileProduct& t, const int64_t* offsets) {
  const GemmTag d;
  GemmVector sums[MR][NV];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) sums[i][j] = hn::Zero(d);
  }
  for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
    const float* rows[MR];
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) rows[i] = t.a + outer * t.aSteps.outer + offsets[i];
    const float* HWY_RESTRICT b = t.b + outer * t.bSteps.outer;
#pragma GCC unroll kStepsAtOnce
    for (int64_t k = 0, at = 0; k < t.length; ++k, at += t.columnStride, b += t.bStride) {
      GemmVector columns[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) columns[j] = hn::LoadU(d, b + j * kLanes);
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const GemmVector x = hn::Set(d, rows[i][at]);
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) sums[i][j] = hn::MulAdd(x, columns[j], sums[i][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) storeColumns(sums[i][j], t.c + i * t.cStride + j * kLanes, t.width - j * kLanes, t.accumulate);
  }
}

template <int... kRows>
HWY_INLINE void runOffsetTile(const TileProduct& t, const int64_t* offsets, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*one[])(const TileProduct&, const int64_t*) = {offsetTile<kRows + 1, 1>...};
  static constexpr void (*two[])(const TileProduct&, const int64_t*) = {offsetTile<kRows + 1, 2>...};
  (t.width <= kLanes ? one : two)[rows - 1](t, offsets);
}

// Runs `t` for any number of rows, as near-equal blocks.
HWY_INLINE void runOffsetRows(TileProduct t, const int64_t* offsets, int64_t rows) {
  const int64_t blocks = ceilDivide(rows, kOffsetRows);
  float* c = t.c;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    t.c = c + start * t.cStride;
    runOffsetTile(t, offsets + start, partStart(rows, blocks, i + 1) - start, std::make_integer_sequence<int, kOffsetRows>());
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_OFFSET_TILE_INL_H_
