// Register-tile products of convolutions with panels of one vector, for one instruction set.
//
// Such a panel needs a number of the source per multiplication, which loads cannot bring in time. Where neighbouring taps meet
// neighbouring pixels, each number is multiplied with up to three taps here, for as many produced pixels. Invariant: nothing
// outside the operands is touched, and a pixel's bits do not depend on the tile that it is in.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_SLIDING_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_SLIDING_TILE_INL_H_
#undef STEEPEST_KERNELS_SLIDING_TILE_INL_H_
#else
#define STEEPEST_KERNELS_SLIDING_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kSlidingTaps = 3;
constexpr int kSlidingRows = kTileRows > 6 ? 16 : HWY_TARGET <= HWY_AVX2 ? 11 : 10;  // sums beside three taps and a number
constexpr int64_t kSlidingDepth = 8;  // of the source: below, the loops cost more than the loads

// Adds the products with TAPS taps, tap j of pixel i meeting pixel i + j of the source, from a and b on.
template <int MR, int TAPS>
HWY_INLINE void addTaps(const TileProduct& t, const float* a, const float* b, GemmVector (&sums)[MR]) {
  const GemmTag d;
  const int64_t stride = t.rowStride, tapStep = t.bSteps.inner, bStep = t.bStride;
  RowPointers<MR + TAPS - 1, false> pixels(a, stride);
#pragma GCC unroll kStepsAtOnce
  for (int64_t k = 0; k < t.length; ++k, b += bStep) {
    GemmVector w[TAPS];
#pragma GCC unroll 4
    for (int j = 0; j < TAPS; ++j) {
      w[j] = hn::LoadU(d, b + j * tapStep);
      keepInRegister(w[j]);
    }
#pragma GCC unroll 20
    for (int i = 0; i < MR + TAPS - 1; ++i) {
      GemmVector x = hn::Set(d, pixels.element(i, stride));
      if (TAPS > 1) keepInRegister(x);
#pragma GCC unroll 4
      for (int j = 0; j < TAPS; ++j) {
        if (i >= j && i - j < MR) sums[i - j] = hn::MulAdd(x, w[j], sums[i - j]);
      }
    }
    pixels.advance(1);
  }
}

// Taps are shared three at a time, then two, then one.
template <int MR>
HWY_NOINLINE void slidingTile(const TileProduct& t, const float* aOuter, float* c) {
  GemmVector sums[MR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) sums[i] = hn::Zero(GemmTag());
  const int64_t shared = t.aSteps.inner == t.rowStride ? t.innerTaps : 1;
  for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
    const float* a = aOuter + outer * t.aSteps.outer;
    const float* b = t.b + outer * t.bSteps.outer;
    for (int64_t left = t.innerTaps, taps = 0; left > 0; left -= taps, a += taps * t.aSteps.inner, b += taps * t.bSteps.inner) {
      taps = HWY_MIN(HWY_MIN(left, shared), int64_t{kSlidingTaps});
      if (taps == 3)
        addTaps<MR, 3>(t, a, b, sums);
      else if (taps == 2)
        addTaps<MR, 2>(t, a, b, sums);
      else
        addTaps<MR, 1>(t, a, b, sums);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) storeColumns(sums[i], c + i * t.cStride, t.width, false);
}

template <int... kRows>
HWY_INLINE void runSlidingTiles(const TileProduct& t, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*table[])(const TileProduct&, const float*, float*) = {slidingTile<kRows + 1>...};
  const int64_t blocks = ceilDivide(rows, kSlidingRows);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    table[partStart(rows, blocks, i + 1) - start - 1](t, t.a + start * t.rowStride, t.c + start * t.cStride);
  }
}

// As runRows, for a width of up to one vector and rows of C that are computed anew.
HWY_INLINE void runSlidingRows(const TileProduct& t, int64_t rows) {
  runSlidingTiles(t, rows, std::make_integer_sequence<int, kSlidingRows>());
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_SLIDING_TILE_INL_H_
