// conv2d and conv2dBackwardInput: one direct walk over NHWC images, without im2col and without padding anything.
//
// The kernel is packed once into panels of output channels (for the gradient: flipped and transposed, panels of input channels).
// A tile is up to kTileRows neighbouring pixels times one panel; its k runs over the taps that the pixels' run allows, contiguous
// over (kw, channel) where the layout allows. Invariant: chunks own whole rows of the produced tensor, so nothing is summed
// twice.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d.cc"

#include "kernels/conv2d.h"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/conv_panels-inl.h"
#include "kernels/depthwise.h"
#include "kernels/dot_tile-inl.h"
#include "kernels/flat_tile-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_walk-inl.h"
#include "kernels/sliding_tile-inl.h"
#include "kernels/winograd.h"

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

void walkFlat(const Strips& strips, const TileProduct& t) {
  const FlatProduct flat(t);
  walkStrips(strips, t, [&](const TileProduct& strip, int64_t length) HWY_ATTR { runFlatRows(flat, strip, length); });
}

// One rectangle of the produced image: `rows` rows of vertical run v from its `start`-th, all columns of horizontal run h.
HWY_INLINE void correlateRectangle(const Correlation& c, const AxisRun& v, int64_t start, int64_t rows, const AxisRun& h,
                                   const float* source, float* produced, TileProduct t) {
  t.outerTaps = v.taps;
  t.innerTaps = h.taps;
  t.length = c.depth;
  const Filling filling = fillingOf(c);
  const bool dots = filling == Filling::dots, grouped = filling == Filling::groups;
  const int64_t tap = dots ? dotTap(c.depth, t.width) : c.depth * t.bStride;
  t.b += (v.tap * c.KW + h.tap) * tap;
  t.aSteps = {v.tapSource * c.sourceW * c.sourceC, h.tapSource * c.sourceC};
  t.bSteps = {v.tapStep * c.KW * tap, h.tapStep * tap};
  const bool slides =
      filling == Filling::columns && t.width <= kLanes && c.KW > 1 && c.depth >= kSlidingDepth && h.count >= kLeastSliding;
  const bool merges = !grouped && !slides && (!dots || c.depth % kLanes == 0);
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
  if (slides) return walkStrips(all, t, [](const TileProduct& strip, int64_t length) HWY_ATTR { runSlidingRows(strip, length); });
  if (FlatProduct::fits(t)) return walkFlat(all, t);
  walkStrips(all, t, [](const TileProduct& strip, int64_t length) HWY_ATTR { runRows(strip, length); });
}

// Rows [start, end) of one image, counted in the order of the vertical runs, for one panel of one group.
void correlateRows(const Correlation& c, const float* w, int64_t image, int64_t start, int64_t end, int64_t index) {
  const bool grouped = fillingOf(c) == Filling::groups;
  const int64_t panels = ceilDivide(c.producedGroup, kPanel);
  const int64_t group = grouped ? index * (kLanes / c.depth) : index / panels;
  const int64_t column = grouped ? 0 : index % panels * kPanel;
  const float* source = c.source + image * c.sourceH * c.sourceW * c.sourceC + group * c.depth;
  float* produced = c.produced + image * c.producedH * c.producedW * c.producedC + group * c.producedGroup + column;
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
    for (int64_t j = 0; j < c.horizontalRuns; ++j) correlateRectangle(c, v, first, rows, c.horizontal[j], source, produced, t);
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
  if (c.epilogue.moments) c.epilogue.moments->expect(1, 1);
  parallelFor(chunks, [&](int64_t chunk) {
    for (int64_t band = partStart(total, chunks, chunk); band < partStart(total, chunks, chunk + 1); ++band) {
      const int64_t start = partStart(c.producedH, bands, band % bands);
      const int64_t end = partStart(c.producedH, bands, band % bands + 1);
      for (int64_t i = 0; i < panels; ++i) correlateRows(c, w, band / bands, start, end, i);
      finishBand(c.epilogue, c.produced, band / bands * c.producedH + start, end - start, c.producedW, c.producedC);
    }
  });
}

// All of a stored image of `pixels` pixels as the epilogue leaves it.
void finishImage(const ConvEpilogue& e, float* y, int64_t pixels, int64_t channels) {
  const int64_t chunks = ceilDivide(pixels * channels, kChunkElements);
  parallelFor(chunks, [&](int64_t chunk) {
    const int64_t first = partStart(pixels, chunks, chunk);
    finishBand(e, y, first, partStart(pixels, chunks, chunk + 1) - first, 1, channels);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(correlate);
HWY_EXPORT(finishImage);

// The row of the matrix product that a 1x1 convolution is. c, a, b are the row's buffers in order.
struct PointwiseRow {
  double arguments[8];
  Row row;
  PointwiseRow(const Row& conv, int64_t M, int64_t N, int64_t K, bool transposeA, bool transposeB)
      : arguments{1,
                  static_cast<double>(M),
                  static_cast<double>(N),
                  static_cast<double>(K),
                  static_cast<double>(transposeA),
                  static_cast<double>(transposeB),
                  0,
                  0},
        row{conv.buffers, arguments, conv.bufferCount, 8} {}
};

PointwiseRow forwardProduct(const Row& row, const ConvShape& s) { return {row, s.N * s.H * s.W, s.O, s.C, false, false}; }
PointwiseRow inputProduct(const Row& row, const ConvShape& s) { return {row, s.N * s.H * s.W, s.C, s.O, false, true}; }

// A 1x1 convolution: bias and relu in the store of the product, all else after it.
Status multiplyPixels(const ConvShape& s, const Row& row, const ConvEpilogue& e) {
  const PointwiseRow product = forwardProduct(row, s);
  if (e.bias && !e.centre && !e.residual) {
    void* buffers[] = {row.buffers[0], row.buffers[1], row.buffers[2], const_cast<float*>(e.bias), row.buffers[3]};
    double arguments[9];
    std::copy_n(product.arguments, 8, arguments);
    arguments[8] = static_cast<double>(e.relu ? 1 : 0);
    return matmulFusedFast({buffers, arguments, 5, 9});
  }
  const Status status = matmulFast(product.row);
  if (e.changesPixels()) HWY_DYNAMIC_DISPATCH(finishImage)(e, row.buffer<float>(0), s.N * s.H * s.W, s.O);
  return status;
}

void run(const Correlation& c, const ConvShape& s, const float* w) {
  if (s.isDepthwise()) return correlateDepthwise(c, w);
  HWY_DYNAMIC_DISPATCH(correlate)(c, w);
}

int64_t packedFloats(int64_t groups, int64_t groupColumns, int64_t depth, int64_t taps) {
  return groups * roundUp(groupColumns, kWidestPanel) * depth * taps;
}

int64_t runBytes(int64_t rows, int64_t columns) { return roundUp((rows + columns) * static_cast<int64_t>(sizeof(AxisRun)), 64); }

Correlation forwardCorrelation(const ConvShape& s, const Row& row) {
  Correlation c{};
  c.images = s.N;
  c.sourceH = s.H, c.sourceW = s.W, c.sourceC = s.C;
  c.producedH = s.OH, c.producedW = s.OW, c.producedC = s.O;
  c.KH = s.KH, c.KW = s.KW, c.O = s.O, c.groups = s.groups;
  c.depth = s.groupC(), c.producedGroup = s.groupO();
  c.flipped = false;
  c.produced = row.buffer<float>(0);
  c.source = row.buffer<float>(1);
  c.vertical = row.buffer<AxisRun>(3);
  c.horizontal = c.vertical + s.OH;
  c.packed = reinterpret_cast<float*>(row.buffer<char>(3) + runBytes(s.OH, s.OW));
  c.verticalRuns = forwardRuns({s.OH, s.H, s.KH, s.strideH, s.padTop, s.dilationH}, c.vertical);
  c.horizontalRuns = forwardRuns({s.OW, s.W, s.KW, s.strideW, s.padLeft, s.dilationW}, c.horizontal);
  return c;
}

Correlation inputCorrelation(const ConvShape& s, const Row& row) {
  Correlation c{};
  c.images = s.N;
  c.sourceH = s.OH, c.sourceW = s.OW, c.sourceC = s.O;
  c.producedH = s.H, c.producedW = s.W, c.producedC = s.C;
  c.KH = s.KH, c.KW = s.KW, c.O = s.O, c.groups = s.groups;
  c.depth = s.groupO(), c.producedGroup = s.groupC();
  c.flipped = true;
  c.produced = row.buffer<float>(0);
  c.source = row.buffer<float>(1);
  c.vertical = row.buffer<AxisRun>(3);
  c.horizontal = c.vertical + s.H;
  c.packed = reinterpret_cast<float*>(row.buffer<char>(3) + runBytes(s.H, s.W));
  c.verticalRuns = backwardRuns({s.H, s.OH, s.KH, s.strideH, s.padTop, s.dilationH}, c.vertical);
  c.horizontalRuns = backwardRuns({s.W, s.OW, s.KW, s.strideW, s.padLeft, s.dilationW}, c.horizontal);
  return c;
}

}  // namespace

Status convForward(const ConvShape& s, const Row& row, const ConvEpilogue& epilogue) {
  if (s.isPointwise()) return multiplyPixels(s, row, epilogue);
  if (s.N * s.OH * s.OW * s.O == 0) return {};
  if (s.winograd) return winogradForward(s, row, epilogue), Status{};
  Correlation c = forwardCorrelation(s, row);
  c.epilogue = epilogue;
  run(c, s, row.buffer<float>(2));
  return {};
}

int64_t convForwardScratch(const ConvShape& s, const Row& row) {
  if (s.isPointwise()) return matmulScratch(forwardProduct(row, s).row);
  if (s.winograd) return winogradForwardScratch(s);
  if (s.isDepthwise()) return runBytes(s.OH, s.OW) + 4 * s.taps() * s.C;
  return runBytes(s.OH, s.OW) + 4 * packedFloats(s.groups, s.groupO(), s.groupC(), s.taps());
}

// [y, x, w, scratch]
Status conv2dFast(const Row& row) {
  ConvShape s;
  if (!parseConv(row, 4, &s)) return kBadRow;
  return convForward(s, row, {});
}

int64_t conv2dScratch(const Row& row) {
  ConvShape s;
  return parseConv(row, row.bufferCount, &s) ? convForwardScratch(s, row) : 0;
}

// [dx, dy, w, scratch]
Status conv2dBackwardInputFast(const Row& row) {
  ConvShape s;
  if (!parseConv(row, 4, &s) || s.transformed) return kBadRow;
  if (s.isPointwise()) return matmulFast(inputProduct(row, s).row);
  if (s.N * s.H * s.W * s.C == 0) return {};
  if (s.winograd) return winogradBackwardInput(s, row, nullptr, {}), Status{};
  run(inputCorrelation(s, row), s, row.buffer<float>(2));
  return {};
}

int64_t conv2dBackwardInputScratch(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return 0;
  if (s.isPointwise()) return matmulScratch(inputProduct(row, s).row);
  if (s.winograd) return winogradBackwardInputScratch(s);
  if (s.isDepthwise()) return runBytes(s.H, s.W) + 4 * s.taps() * s.C;
  return runBytes(s.H, s.W) + 4 * packedFloats(s.groups, s.groupC(), s.groupO(), s.taps());
}

}  // namespace steepest
#endif  // HWY_ONCE
