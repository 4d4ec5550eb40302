// Register-tile products over a short list of steps, for one instruction set: convolutions of few channels.
//
// With one to three input channels a tile multiplies for some 50 cycles, less than nested loops over taps and a call per tile
// cost around it. Here the taps and channels of a run are one list of offsets, made once per run, and one call makes all tiles of
// a strip, finished as it stays. Invariant: nothing outside the operands is touched, and each pixel is made once.
#include <utility>

#include "hwy/highway.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_FLAT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_FLAT_TILE_INL_H_
#undef STEEPEST_KERNELS_FLAT_TILE_INL_H_
#else
#define STEEPEST_KERNELS_FLAT_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int64_t kFlatSteps = 160;  // 2.5 KiB of offsets on the stack

// Where step k lies in A and in B, in elements.
struct FlatStep {
  int64_t a, b;
};

struct FlatProduct {
  FlatStep steps[kFlatSteps];
  int64_t count = 0;
  const ConvEpilogue* epilogue;  // what is done to sums in the store, null for nothing
  float* produced;               // where the epilogue's operands of one number a pixel and channel count from
  int64_t channel;               // of the first column

  static bool fits(const TileProduct& t) {
    return t.outerTaps * t.innerTaps * t.length <= kFlatSteps && t.columnStride == 1 && !t.accumulate;
  }
  FlatProduct(const TileProduct& t, const ConvEpilogue* epilogue, float* produced, int64_t channel)
      : epilogue(epilogue), produced(produced), channel(channel) {
    for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
      for (int64_t inner = 0; inner < t.innerTaps; ++inner) {
        const int64_t a = outer * t.aSteps.outer + inner * t.aSteps.inner, b = outer * t.bSteps.outer + inner * t.bSteps.inner;
        for (int64_t k = 0; k < t.length; ++k) steps[count++] = {a + k, b + k * t.bStride};
      }
    }
  }
};

template <int MR, int NV, bool kWhole>
HWY_INLINE void flatTile(const FlatProduct& f, const float* a, int64_t rowStride, const float* b, float* c, int64_t cStride,
                         int64_t width) {
  const GemmTag d;
  const FlatStep* HWY_RESTRICT const steps = f.steps;
  const int64_t count = f.count;
  GemmVector sums[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) sums[i][j] = hn::Zero(d);
  }
#pragma GCC unroll kStepsAtOnce
  for (const FlatStep* step = steps; step != steps + count; ++step) {
    const float* HWY_RESTRICT x = a + step->a;
    const float* HWY_RESTRICT w = b + step->b;
    GemmVector columns[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) columns[j] = hn::LoadU(d, w + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const GemmVector value = hn::Set(d, x[i * rowStride]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) sums[i][j] = hn::MulAdd(value, columns[j], sums[i][j]);
    }
  }
  if (kWhole && f.epilogue) {
    const ConvEpilogue& e = *f.epilogue;
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      const ChannelEpilogue epilogue(e, f.channel + j * kLanes, kLanes);
      int64_t at = c - f.produced + j * kLanes;
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i, at += cStride) {
        const GemmVector v =
            epilogue.finish(sums[i][j], e.residual ? e.residual + at : nullptr, e.mask ? e.mask + at : nullptr, kLanes);
        hn::StoreU(v, d, c + i * cStride + j * kLanes);
      }
    }
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      float* const to = c + i * cStride + j * kLanes;
      kWhole || j < NV - 1 ? hn::StoreU(sums[i][j], d, to) : storeColumns(sums[i][j], to, width - j * kLanes, false);
    }
  }
  if (!kWhole && f.epilogue) finishRun(*f.epilogue, f.produced, c - f.produced, MR, cStride, f.channel, width);
}

// `rows` rows of a strip, a multiple of MR, from a and c on. The product is not copied per strip: that would wait for the stores
// to its pointers.
template <int MR, int NV, bool kWhole>
HWY_NOINLINE void flatTiles(const FlatProduct& f, const TileProduct& t, const float* a, float* c, int64_t rows) {
  for (int64_t row = 0; row < rows; row += MR, a += MR * t.rowStride, c += MR * t.cStride)
    flatTile<MR, NV, kWhole>(f, a, t.rowStride, t.b, c, t.cStride, t.width);
}

using FlatFunction = void (*)(const FlatProduct&, const TileProduct&, const float*, float*, int64_t);

template <int NV, bool kWhole, int... kRows>
HWY_INLINE void runFlat(const FlatProduct& f, const TileProduct& t, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr FlatFunction table[] = {flatTiles<kRows + 1, NV, kWhole>...};
  const int64_t blocks = ceilDivide(rows, kTileRows), high = ceilDivide(rows, blocks);
  const int64_t highRows = (rows - blocks * (high - 1)) * high;
  table[high - 1](f, t, t.a, t.c, highRows);
  if (highRows < rows) table[high - 2](f, t, t.a + highRows * t.rowStride, t.c + highRows * t.cStride, rows - highRows);
}

// As runRows, for rows of C that are computed anew: near-equal blocks, the higher ones first.
HWY_INLINE void runFlatRows(const FlatProduct& f, const TileProduct& t, int64_t rows) {
  constexpr std::make_integer_sequence<int, kTileRows> heights;
  if (rows <= 0) return;
  if (t.width == kPanel)
    runFlat<2, true>(f, t, rows, heights);
  else if (t.width > kLanes)
    runFlat<2, false>(f, t, rows, heights);
  else if (t.width == kLanes)
    runFlat<1, true>(f, t, rows, heights);
  else
    runFlat<1, false>(f, t, rows, heights);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_FLAT_TILE_INL_H_
