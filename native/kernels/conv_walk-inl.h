// The walk of direct convolutions over NHWC images for one instruction set, without im2col and without padding anything.
//
// A tile is up to kTileRows neighbouring pixels times one panel of produced channels; its k runs over the taps that the pixels'
// run allows, contiguous over (kw, channel) where the layout allows. Invariant: chunks own whole rows of the produced tensor, so
// nothing is summed twice.
#include <utility>

#include "engine/pool.h"
#include "hwy/highway.h"
#include "kernels/conv2d.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/conv_panels-inl.h"
#include "kernels/dot_tile-inl.h"
#include "kernels/flat_tile-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_walk-inl.h"
#include "kernels/sliding_tile-inl.h"

#if defined(STEEPEST_KERNELS_CONV_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_CONV_WALK_INL_H_
#undef STEEPEST_KERNELS_CONV_WALK_INL_H_
#else
#define STEEPEST_KERNELS_CONV_WALK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int64_t kLeastSliding = 4;  // columns that are walked along whatever the rows, so that bits do not depend on bands

// Strips of pixels at equal distances.
struct Strips {
  int64_t count, length, aStep, cStep;
};

// Every kind of tile has a walk of its own: in one function they get in the way of each other's registers.
template <class Run>
HWY_NOINLINE void walkStrips(const Strips& strips, TileProduct t, const Run& run) {
  for (int64_t i = 0; i < strips.count; ++i, t.a += strips.aStep, t.c += strips.cStep) run(t, strips.length);
}

void walkGroups(const Strips& strips, const TileProduct& t) {
  const Exchanges exchanges;
  if constexpr (kHasGrids) {
    if (strips.length >= kLeastSliding && t.outerTaps == 3 && t.innerTaps == 3 && t.aSteps.outer == strips.aStep &&
        t.aSteps.inner == t.rowStride)
      return runGroupedGrids(t, strips.cStep, exchanges, strips.count, strips.length,
                             std::make_integer_sequence<int, kGridRows * kGridWidths>());
  }
  walkStrips(strips, t, [&](const TileProduct& strip, int64_t length) HWY_ATTR { runGroupedRows(strip, exchanges, length); });
}

// Whether rectangles of a panel of `width` channels are walked by tiles that share pixels between taps, if they are wide enough.
HWY_INLINE bool slides(const Correlation& c, int64_t width) {
  return fillingOf(c) == Filling::columns && width <= kLanes && c.KW > 1 && c.depth >= kSlidingDepth;
}

// Whether sums are finished tile by tile: if every rectangle of the image is made of flat tiles. Else bands are finished once
// they are whole.
bool finishesTiles(const Correlation& c) {
  const int64_t lastWidth = (c.producedGroup - 1) % kPanel + 1;
  return fillingOf(c) == Filling::columns && !slides(c, lastWidth) && c.KH * c.KW * c.depth <= kFlatSteps;
}

void walkFlat(const Correlation& c, const Strips& strips, const TileProduct& t, int64_t channel) {
  const FlatProduct flat(t, finishesTiles(c) && c.epilogue.changesPixels() ? &c.epilogue : nullptr, c.produced, channel);
  walkStrips(strips, t, [&](const TileProduct& strip, int64_t length) HWY_ATTR { runFlatRows(flat, strip, length); });
}

// One rectangle of the produced image: `rows` rows of vertical run v from its `start`-th, all columns of horizontal run h.
HWY_INLINE void correlateRectangle(const Correlation& c, const AxisRun& v, int64_t start, int64_t rows, const AxisRun& h,
                                   const float* source, float* produced, int64_t channel, TileProduct t) {
  t.outerTaps = v.taps;
  t.innerTaps = h.taps;
  t.length = c.depth;
  const Filling filling = fillingOf(c);
  const bool dots = filling == Filling::dots, grouped = filling == Filling::groups;
  const int64_t tap = dots ? dotTap(c.depth, t.width) : c.depth * t.bStride;
  t.b += (v.tap * c.KW + h.tap) * tap;
  t.aSteps = {v.tapSource * c.sourceW * c.sourceC, h.tapSource * c.sourceC};
  t.bSteps = {v.tapStep * c.KW * tap, h.tapStep * tap};
  const bool sliding = slides(c, t.width) && h.count >= kLeastSliding;
  const bool merges = !grouped && !sliding && (!dots || c.depth % kLanes == 0);
  if (merges && t.aSteps.inner == c.depth && h.tapStep == 1) {  // taps of a row: contiguous in both operands
    t.length *= t.innerTaps;
    t.innerTaps = 1;
  }
  const int64_t sourceRow = v.sourceStep * c.sourceW * c.sourceC, sourceColumn = h.sourceStep * c.sourceC;
  const int64_t producedRow = v.step * c.producedW * c.producedC, producedColumn = h.step * c.producedC;
  const float* a = source + (v.source * c.sourceW + h.source) * c.sourceC + start * sourceRow;
  float* to = produced + (v.first * c.producedW + h.first) * c.producedC + start * producedRow;
  const bool alongColumns = h.count >= kLeastSliding || (!grouped && h.count >= rows);  // narrow borders are walked downwards
  const int64_t strips = alongColumns ? rows : h.count;
  t.rowStride = alongColumns ? sourceColumn : sourceRow;
  t.cStride = alongColumns ? producedColumn : producedRow;
  const Strips all{strips, alongColumns ? h.count : rows, alongColumns ? sourceRow : sourceColumn,
                   alongColumns ? producedRow : producedColumn};
  t.a = a;
  t.c = to;
  if (grouped && !alongColumns) {  // the taps of a column then meet neighbours
    std::swap(t.outerTaps, t.innerTaps);
    std::swap(t.aSteps.outer, t.aSteps.inner);
    std::swap(t.bSteps.outer, t.bSteps.inner);
  }
  if (grouped) return walkGroups(all, t);
  if (dots) return walkStrips(all, t, [](const TileProduct& strip, int64_t length) HWY_ATTR { runDotRows(strip, length); });
  if (sliding)
    return walkStrips(all, t, [](const TileProduct& strip, int64_t length) HWY_ATTR { runSlidingRows(strip, length); });
  if (FlatProduct::fits(t)) return walkFlat(c, all, t, channel);
  walkStrips(all, t, [](const TileProduct& strip, int64_t length) HWY_ATTR { runRows(strip, length); });
}

// Rows [start, end) of one image, counted in the order of the vertical runs, for one panel of one group.
void correlateRows(const Correlation& c, const float* w, int64_t image, int64_t start, int64_t end, int64_t index) {
  const bool grouped = fillingOf(c) == Filling::groups;
  const int64_t panels = ceilDivide(c.producedGroup, kPanel);
  const int64_t group = grouped ? index * (kLanes / c.depth) : index / panels;
  const int64_t column = grouped ? 0 : index % panels * kPanel;
  const float* source = c.source + image * c.sourceH * c.sourceW * c.sourceC + group * c.depth;
  const int64_t channel = group * c.producedGroup + column;
  float* produced = c.produced + image * c.producedH * c.producedW * c.producedC + channel;
  TileProduct t;
  t.width = grouped ? kLanes : HWY_MIN(kPanel, c.producedGroup - column);
  const bool inPlace = c.readsInPlace(kLanes);
  t.b = inPlace ? w + column : c.packed + index * panelFloats(c);
  t.bStride = inPlace ? c.O : panelRow(t.width);
  int64_t before = 0;
  for (int64_t i = 0; i < c.verticalRuns; ++i) {
    const AxisRun& v = c.vertical[i];
    const int64_t first = HWY_MAX(start - before, int64_t{0});
    const int64_t rows = HWY_MIN(end - before, v.count) - first;
    before += v.count;
    if (rows <= 0) continue;
    for (int64_t j = 0; j < c.horizontalRuns; ++j)
      correlateRectangle(c, v, first, rows, c.horizontal[j], source, produced, channel, t);
  }
}

void correlate(const Correlation& c, const float* w) {
  const int64_t panels = panelCount(c);
  const bool serial = c.flop() < kConvSerialFlop;
  const int64_t packers = c.readsInPlace(kLanes) ? 0 : serial ? 1 : panels;
  parallelFor(packers, [&](int64_t packer) {
    for (int64_t i = partStart(panels, packers, packer); i < partStart(panels, packers, packer + 1); ++i)
      packKernelPanel(c, w, i);
  });
  const int64_t bands = c.bandsPerImage();
  const int64_t total = c.images * bands;
  const int64_t chunks = serial ? 1 : total;
  ConvEpilogue later = finishesTiles(c) ? ConvEpilogue() : c.epilogue;
  later.moments = c.epilogue.moments;
  if (later.moments) later.moments->expect(1, 1);
  parallelFor(chunks, [&](int64_t chunk) {
    for (int64_t band = partStart(total, chunks, chunk); band < partStart(total, chunks, chunk + 1); ++band) {
      const int64_t start = partStart(c.producedH, bands, band % bands);
      const int64_t end = partStart(c.producedH, bands, band % bands + 1);
      for (int64_t i = 0; i < panels; ++i) correlateRows(c, w, band / bands, start, end, i);
      finishBand(later, c.produced, band / bands * c.producedH + start, end - start, c.producedW, c.producedC);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_CONV_WALK_INL_H_
