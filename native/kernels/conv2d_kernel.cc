// conv2dBackwardKernel: dw[kh, kw, c, o] = sum over images and pixels of x * dy, as products with k running over pixels.
//
// A tile is up to kTileRows input channels of one tap times one panel of output channels; both operands are read where they lie
// (x is k-major in NHWC), only a last panel of dy that does not fill its vectors is packed. Images are cut into slices, each with
// its own partial dw, added in the order of the slices. Invariant: slices and tiles follow from the shape, so sums do not depend
// on threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d_kernel.cc"

#include "kernels/conv2d_kernel.h"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_gradient-inl.h"
#include "kernels/depthwise.h"
#include "kernels/partials-inl.h"
#include "kernels/scratch_slots.h"
#include "kernels/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Adds one band of rows of one image to the partial gradients of one panel of one group.
void addBand(const KernelGradient& g, int64_t image, int64_t rowStart, int64_t rowEnd, int64_t index, float* packed, float* dw,
             bool accumulate) {
  const ConvShape& s = g.shape;
  if (fillsVectors(s)) return addGroupedBand(g, image, rowStart, rowEnd, index, dw, accumulate);
  const int64_t panels = ceilDivide(s.groupO(), kPanel);
  const int64_t group = index / panels;
  const int64_t column = index % panels * kPanel;
  const int64_t width = HWY_MIN(kPanel, s.groupO() - column);
  const float* x = g.x + image * s.H * s.W * s.C + group * s.groupC();
  const int64_t firstColumn = group * s.groupO() + column;
  PixelColumns dy{g.dy + (image * s.OH + rowStart) * s.OW * s.O + firstColumn, s.O};
  if (width != kLanes && width < kPanel) {
    packPanel(dy.data, s.O, (rowEnd - rowStart) * s.OW, width, packed);
    dy = {packed, panelRow(width)};
  }
  if (stacksRows(g, width)) {
    if (!accumulate) clearColumns(g, width, dw + firstColumn);
    return addStackedBand(g, x, dy, rowStart, rowEnd, width, dw + firstColumn);
  }
  if (g.mergesRows()) {
    const float* first = x + rowStart * s.strideH * s.W * s.C;
    return addAllTaps(g, first, dy, rowEnd - rowStart, width, dw + firstColumn, accumulate);
  }
  for (int64_t i = 0; i < g.tapCount; ++i) {
    const TapPlan& tap = g.taps[i];
    addTap(g, tap, x, dy, rowStart, rowEnd, width, dw + tap.row * s.O + firstColumn, accumulate || tap.isBorder);
  }
}

// One slice of the images for a range of panels, into that slice's partial gradient.
void addSlice(const KernelGradient& g, int64_t slice, int64_t panelStart, int64_t panelEnd, float* packed) {
  const ConvShape& s = g.shape;
  float* dw = g.slices > 1 ? g.partials + slice * s.taps() * s.groupC() * s.O : g.dw;
  const int64_t bands = g.bandsPerImage();
  bool accumulate = false;
  for (int64_t image = partStart(s.N, g.slices, slice); image < partStart(s.N, g.slices, slice + 1); ++image) {
    for (int64_t band = 0; band < bands; ++band) {
      const int64_t start = partStart(s.OH, bands, band), end = partStart(s.OH, bands, band + 1);
      for (int64_t i = panelStart; i < panelEnd; ++i) addBand(g, image, start, end, i, packed, dw, accumulate);
      accumulate = true;
    }
  }
}

void kernelGradient(const KernelGradient& g) {
  const ConvShape& s = g.shape;
  const int64_t panels = fillsVectors(s) ? s.C / kLanes : s.groups * ceilDivide(s.groupO(), kPanel);
  const int64_t panelParts = HWY_MIN(panels, g.panelParts);
  ScratchSlots slots;
  parallelFor(g.slices * panelParts, [&](int64_t chunk) {
    const ScratchSlots::Slot slot(slots);
    const int64_t part = chunk % panelParts;
    float* packed = g.packed + slot.index() * g.packedFloats();
    addSlice(g, chunk / panelParts, partStart(panels, panelParts, part), partStart(panels, panelParts, part + 1), packed);
  });
  if (g.slices > 1) addPartials(g.partials, g.slices, s.taps() * s.groupC() * s.O, g.dw);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(kernelGradient);

// The row of the matrix product that a 1x1 convolution's kernel gradient is: xᵀ · dy over all pixels.
struct ProductRow {
  double arguments[8];
  Row row;
  ProductRow(const Row& conv, const ConvShape& s)
      : arguments{1, static_cast<double>(s.C), static_cast<double>(s.O), static_cast<double>(s.N * s.H * s.W), 1, 0, 0, 0},
        row{conv.buffers, arguments, conv.bufferCount, 8} {}
};

// Plans `tap`, whose rows of pixels are known, for the pixels of columns [first, last).
void addTaps(KernelGradient* g, TapPlan tap, int64_t kw, int64_t first, int64_t last) {
  tap.kw = kw;
  tap.row = (tap.kh * g->shape.KW + kw) * g->shape.groupC();
  tap.columnFirst = first, tap.columnLast = last;
  if (!tap.isBorder || first < last) g->taps[g->tapCount++] = tap;
}

// One row of taps: all of them where they meet the input together, then each at the borders.
void planMergedRow(KernelGradient* g, const Axis& columns, TapPlan tap) {
  const ConvShape& s = g->shape;
  int64_t first, last, unused;
  tapRange(columns, 0, &first, &unused);
  tapRange(columns, s.KW - 1, &unused, &last);
  first = std::min(first, s.OW), last = std::max(first, last);
  tap.channels = s.KW * s.C;
  addTaps(g, tap, 0, first, last);
  tap.channels = s.C;
  tap.isBorder = true;
  for (int64_t kw = 0; kw < s.KW; ++kw) {
    int64_t start, end;
    tapRange(columns, kw, &start, &end);
    addTaps(g, tap, kw, start, std::min(first, end));
    addTaps(g, tap, kw, std::max(last, start), end);
  }
}

void planTaps(KernelGradient* g) {
  const ConvShape& s = g->shape;
  const Axis rows{s.OH, s.H, s.KH, s.strideH, s.padTop, s.dilationH};
  const Axis columns{s.OW, s.W, s.KW, s.strideW, s.padLeft, s.dilationW};
  g->tapCount = 0;
  for (int64_t kh = 0; kh < s.KH; ++kh) {
    TapPlan tap{};
    tap.kh = kh;
    tap.channels = s.groupC();
    tapRange(rows, kh, &tap.rowFirst, &tap.rowLast);
    if (g->mergesColumns()) {
      planMergedRow(g, columns, tap);
      continue;
    }
    for (int64_t kw = 0; kw < s.KW; ++kw) {
      int64_t first, last;
      tapRange(columns, kw, &first, &last);
      addTaps(g, tap, kw, first, last);
    }
  }
}

}  // namespace

// [dw, x, dy, scratch]
Status conv2dBackwardKernelFast(const Row& row) {
  KernelGradient g;
  if (!parseConv(row, 4, &g.shape) || g.shape.transformed) return kBadRow;
  const ConvShape& s = g.shape;
  if (s.isPointwise()) return matmulFast(ProductRow(row, s).row);
  if (s.taps() * s.groupC() * s.O == 0) return {};
  g.dw = row.buffer<float>(0);
  if (s.N * s.OH * s.OW == 0) {
    std::fill_n(g.dw, s.taps() * s.groupC() * s.O, 0.0f);
    return {};
  }
  if (s.winograd) return winogradBackwardKernel(s, row, nullptr), Status{};
  if (s.isDepthwise()) return depthwiseBackwardKernel(row, s);
  g.x = row.buffer<float>(1);
  g.dy = row.buffer<float>(2);
  g.taps = row.buffer<TapPlan>(3);
  g.cut();
  g.packed = reinterpret_cast<float*>(row.buffer<char>(3) + g.tapBytes());
  g.partials = g.packed + g.slices * g.panelParts * g.packedFloats();
  planTaps(&g);
  HWY_DYNAMIC_DISPATCH(kernelGradient)(g);
  return {};
}

int64_t conv2dBackwardKernelScratch(const Row& row) {
  KernelGradient g;
  if (!parseConv(row, row.bufferCount, &g.shape)) return 0;
  if (g.shape.isPointwise()) return matmulScratch(ProductRow(row, g.shape).row);
  if (g.shape.winograd) return winogradBackwardKernelScratch(g.shape);
  if (g.shape.isDepthwise()) return depthwiseBackwardKernelScratch(g.shape);
  g.cut();
  const int64_t partials = g.slices > 1 ? g.slices * g.shape.taps() * g.shape.groupC() * g.shape.O : 0;
  return g.tapBytes() + 4 * (g.slices * g.panelParts * g.packedFloats() + partials);
}

}  // namespace steepest
#endif  // HWY_ONCE
