// Tiles of grouped convolutions, forward and gradient to the input, with several groups side by side in a vector, for one
// instruction set.
//
// A tile is up to kTileRows pixels times one vector of channels (grouped_tile-inl.h says how they meet their groups). Where the
// taps of a row meet neighbouring pixels, each pixel of the source is permuted once for all of them. Invariant: nothing outside
// the operands is touched.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_tile-inl.h"

#if defined(STEEPEST_KERNELS_GROUPED_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#undef STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#else
#define STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Adds the products with taps 0 … KW - 1 of a row, tap j of pixel i meeting pixel i + j of the source, for the input channels
// l ^ r. b is the first tap's vector for r.
template <int MR, int KW>
HWY_INLINE void addExchanged(const TileProduct& t, const Exchanges& exchanges, int r, const float* a, const float* b,
                             GemmVector (&sums)[MR]) {
  const GemmTag d;
  GemmVector w[KW];
#pragma GCC unroll 4
  for (int j = 0; j < KW; ++j) w[j] = hn::LoadU(d, b + j * t.bSteps.inner);
  const auto lanes = hn::SetTableIndices(d, exchanges.lanes[r]);
#pragma GCC unroll 16
  for (int i = 0; i < MR + KW - 1; ++i, a += t.rowStride) {
    const GemmVector v = r == 0 ? hn::LoadU(d, a) : hn::TableLookupLanes(hn::LoadU(d, a), lanes);
#pragma GCC unroll 4
    for (int j = 0; j < KW; ++j) {
      if (i >= j && i - j < MR) sums[i - j] = hn::MulAdd(v, w[j], sums[i - j]);
    }
  }
}

// Adds a row of taps for the input channels l ^ r. Every KW sums the taps of a row in the same order.
template <int MR, int KW>
HWY_INLINE void addExchangedRow(const TileProduct& t, const Exchanges& exchanges, int r, const float* a, const float* b,
                                GemmVector (&sums)[MR]) {
  for (int64_t inner = 0; inner < t.innerTaps; inner += KW)
    addExchanged<MR, KW>(t, exchanges, r, a + inner * t.aSteps.inner, b + inner * t.bSteps.inner + r * kLanes, sums);
}

// t.length is the channels of a group; B is [tap, r, kLanes].
template <int MR, int KW>
HWY_NOINLINE void groupedTile(const TileProduct& t, const Exchanges& exchanges) {
  GemmVector sums[MR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) sums[i] = hn::Zero(GemmTag());
  for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
    const float* a = t.a + outer * t.aSteps.outer;
    const float* b = t.b + outer * t.bSteps.outer;
    addExchangedRow<MR, KW>(t, exchanges, 0, a, b, sums);
    for (int r = 1; r < t.length; ++r) addExchangedRow<MR, KW>(t, exchanges, r, a, b, sums);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) hn::StoreU(sums[i], GemmTag(), t.c + i * t.cStride);
}

template <int KW, int... kRows>
HWY_INLINE void runGroupedTiles(TileProduct t, const Exchanges& exchanges, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*table[])(const TileProduct&, const Exchanges&) = {groupedTile<kRows + 1, KW>...};
  const int64_t blocks = ceilDivide(rows, kTileRows);
  const float* a = t.a;
  float* c = t.c;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    t.a = a + start * t.rowStride;
    t.c = c + start * t.cStride;
    table[partStart(rows, blocks, i + 1) - start - 1](t, exchanges);
  }
}

// As runRows, for a vector of channels of several groups.
HWY_INLINE void runGroupedRows(const TileProduct& t, const Exchanges& exchanges, int64_t rows) {
  constexpr std::make_integer_sequence<int, kTileRows> heights;
  if (t.innerTaps == kGroupedTaps && t.aSteps.inner == t.rowStride)
    runGroupedTiles<kGroupedTaps>(t, exchanges, rows, heights);
  else
    runGroupedTiles<1>(t, exchanges, rows, heights);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_GROUPED_WALK_INL_H_
