// The last step of Winograd's correlation for one instruction set: products of a tile transformed back, finished and stored, or
// their maxima over windows of 2x2, of which a tile holds four whole ones.
//
// Invariant: nothing outside the pixels and channels of the tile that exist is written.
#include "hwy/highway.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd_correlation.h"

#if defined(STEEPEST_KERNELS_WINOGRAD_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_WINOGRAD_STORE_INL_H_
#undef STEEPEST_KERNELS_WINOGRAD_STORE_INL_H_
#else
#define STEEPEST_KERNELS_WINOGRAD_STORE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Where a tile's pixels, or maxima, lie from one column of the produced tensor on, and how many of them exist.
struct TilePixels {
  int64_t first;  // in floats from the beginning
  int64_t rowStride, columnStride, rows, columns;
  float* pixels;          // of this tile
  const float* residual;  // beside them, null for none
  const float* mask;      // likewise
  uint8_t* where;         // beside them, null for none

  TilePixels(const WinogradCorrelation& c, const TilePlace& at, int64_t column) {
    const TileGrid& g = c.grid;
    const int shift = c.epilogue.pooled ? 1 : 0;
    const int64_t H = g.producedH >> shift, W = g.producedW >> shift, h = at.h >> shift, w = at.w >> shift;
    columnStride = g.producedC;
    rowStride = W * columnStride;
    first = (at.image * H + h) * rowStride + w * columnStride + column;
    rows = HWY_MIN(kTileSide >> shift, H - h);
    columns = HWY_MIN(kTileSide >> shift, W - w);
    pixels = c.produced + first;
    residual = c.epilogue.residual ? c.epilogue.residual + first : nullptr;
    mask = c.epilogue.mask ? c.epilogue.mask + first : nullptr;
    where = c.epilogue.where ? c.epilogue.where + first : nullptr;
  }
};

// A column of the products of one vector of channels. Its first address is kept, so that those of the 36 positions are not all
// computed ahead, which takes more registers than there are.
HWY_INLINE void loadProducts(const float* products, int64_t stride, int column, GemmVector* in) {
  const float* first = products + column * stride;
  keepInRegister(first);
#pragma GCC unroll 6
  for (int row = 0; row < kPatchSide; ++row) in[row] = hn::LoadU(GemmTag(), first + row * kPatchSide * stride);
}

// One vector of channels of one tile, the channels [c, c + lanes) from its column on.
template <bool kWhole, bool kFinish>
HWY_INLINE void storePixels(const ChannelEpilogue& epilogue, const float* products, int64_t stride, const TilePixels& tile,
                            int64_t c, int64_t lanes) {
  const GemmTag d;
  const int64_t rowStride = tile.rowStride, columnStride = tile.columnStride;
  const auto load = [&](int column, GemmVector* in) HWY_ATTR { loadProducts(products, stride, column, in); };
  const auto store = [&](int row, const GemmVector* out) HWY_ATTR {
    if (!kWhole && row >= tile.rows) return;
    int64_t at = c + row * rowStride;
#pragma GCC unroll 4
    for (int column = 0; column < kTileSide; ++column, at += columnStride) {
      if (!kWhole && column >= tile.columns) continue;
      GemmVector v = out[column];
      if (kFinish) {
        v = epilogue.finish(v, tile.residual ? tile.residual + at : nullptr, tile.mask ? tile.mask + at : nullptr,
                            kWhole ? kLanes : lanes);
      }
      if (kWhole) {
        hn::StoreU(v, d, tile.pixels + at);
      } else {
        storeColumns(v, tile.pixels + at, lanes, false);
      }
    }
  };
  transformSquare<ProductTransform>(load, store);
}

// The maximum of a window and the tap where it was: the first one, or the first NaN.
struct WindowMaximum {
  GemmVector best;
  hn::Vec<hn::RebindToSigned<GemmTag>> at;

  HWY_INLINE void start(GemmVector v) {
    best = v;
    at = hn::Zero(hn::RebindToSigned<GemmTag>());
  }
  HWY_INLINE void take(GemmVector v, int tap) {
    const hn::RebindToSigned<GemmTag> d;
    const auto keep = hn::Or(hn::IsNaN(best), hn::Le(v, best));
    best = hn::IfThenElse(keep, best, v);
    at = hn::IfThenElse(hn::RebindMask(d, keep), at, hn::Set(d, tap));
  }
  HWY_INLINE void store(float* y, uint8_t* where, int64_t lanes) const {
    storeColumns(best, y, lanes, false);
    if (!where) return;
    const hn::Rebind<uint8_t, GemmTag> bytes;
    if (lanes >= kLanes) return hn::StoreU(hn::DemoteTo(bytes, at), bytes, where);
    HWY_ALIGN uint8_t taps[kLanes];
    hn::Store(hn::DemoteTo(bytes, at), bytes, taps);
    memcpy(where, taps, static_cast<size_t>(lanes));
  }
};

// As storePixels, for the maxima of the tile. Rows come in any order in which each even one is before the odd one below it.
HWY_INLINE void storeMaxima(const ChannelEpilogue& epilogue, const float* products, int64_t stride, const TilePixels& tile,
                            int64_t c, int64_t lanes) {
  const GemmTag d;
  HWY_ALIGN float evenRows[2 * kTileSide * kLanes];
  const auto load = [&](int column, GemmVector* in) HWY_ATTR { loadProducts(products, stride, column, in); };
  const auto store = [&](int row, const GemmVector* out) HWY_ATTR {
    float* above = evenRows + row / 2 * kTileSide * kLanes;
    if (row % 2 == 0) {
#pragma GCC unroll 4
      for (int column = 0; column < kTileSide; ++column)
        hn::Store(epilogue.finish(out[column], nullptr, nullptr, lanes), d, above + column * kLanes);
      return;
    }
    if (row / 2 >= tile.rows) return;
    int64_t to = c + row / 2 * tile.rowStride;
#pragma GCC unroll 2
    for (int column = 0; column < kTileSide / 2; ++column, to += tile.columnStride) {
      if (column >= tile.columns) continue;
      WindowMaximum maximum;
      maximum.start(hn::Load(d, above + 2 * column * kLanes));
      maximum.take(hn::Load(d, above + (2 * column + 1) * kLanes), 1);
      maximum.take(epilogue.finish(out[2 * column], nullptr, nullptr, lanes), 2);
      maximum.take(epilogue.finish(out[2 * column + 1], nullptr, nullptr, lanes), 3);
      maximum.store(tile.pixels + to, tile.where ? tile.where + to : nullptr, lanes);
    }
  };
  transformSquare<ProductTransform>(load, store);
}

// `channels` channels of a tile, from `column` of the produced tensor on.
void storeTile(const ConvEpilogue& e, const TilePixels& tile, int64_t column, int64_t channels, const float* products,
               int64_t stride) {
  const bool whole = tile.rows == kTileSide && tile.columns == kTileSide, finish = e.changesPixels();
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t lanes = HWY_MIN(kLanes, channels - c);
    const ChannelEpilogue epilogue(e, column + c, lanes);
    const float* from = products + c;
    if (e.pooled) {
      storeMaxima(epilogue, from, stride, tile, c, lanes);
    } else if (!whole || lanes < kLanes) {
      finish ? storePixels<false, true>(epilogue, from, stride, tile, c, lanes)
             : storePixels<false, false>(epilogue, from, stride, tile, c, lanes);
    } else {
      finish ? storePixels<true, true>(epilogue, from, stride, tile, c, lanes)
             : storePixels<true, false>(epilogue, from, stride, tile, c, lanes);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_WINOGRAD_STORE_INL_H_
