// How one band of rows of an image adds to a gradient to the kernel, for one instruction set.
//
// Invariant: nothing outside the operands is touched; the order of sums follows from the shape.
#include <algorithm>
#include <utility>

#include "hwy/highway.h"
#include "kernels/conv2d_kernel.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_tile-inl.h"
#include "kernels/offset_tile-inl.h"
#include "kernels/stacked_tile-inl.h"

#if defined(STEEPEST_KERNELS_CONV_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_CONV_GRADIENT_INL_H_
#undef STEEPEST_KERNELS_CONV_GRADIENT_INL_H_
#else
#define STEEPEST_KERNELS_CONV_GRADIENT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Columns of dy that one worker multiplies: a whole panel where it lies, or the packed rest.
struct PixelColumns {
  const float* data;
  int64_t stride;  // from pixel to pixel
};

// Adds the pixels of output rows [rowStart, rowEnd) of one image to one tap's gradient: `channels` rows of dw, one panel wide.
// dy.data is the pixel (rowStart, 0).
HWY_INLINE void addTap(const KernelGradient& g, const TapPlan& tap, const float* x, const PixelColumns& dy, int64_t rowStart,
                       int64_t rowEnd, int64_t width, float* dw, bool accumulate) {
  const ConvShape& s = g.shape;
  const int64_t first = HWY_MAX(rowStart, tap.rowFirst), last = HWY_MIN(rowEnd, tap.rowLast);
  TileProduct t;
  t.outerTaps = HWY_MAX(int64_t{0}, last - first);
  t.length = tap.columnLast - tap.columnFirst;
  t.rowStride = 1;
  t.columnStride = s.strideW * s.C;
  t.bStride = dy.stride;
  t.aSteps.outer = s.strideH * s.W * s.C;
  t.bSteps.outer = s.OW * dy.stride;
  const int64_t h = first * s.strideH + tap.kh * s.dilationH - s.padTop;
  const int64_t w = tap.columnFirst * s.strideW + tap.kw * s.dilationW - s.padLeft;
  t.a = x + (h * s.W + w) * s.C;
  t.b = dy.data + ((first - rowStart) * s.OW + tap.columnFirst) * dy.stride;
  t.c = dw;
  t.cStride = s.O;
  t.width = width;
  t.accumulate = accumulate;
  if (t.length == 1) {  // one column is walked downwards
    std::swap(t.length, t.outerTaps);
    std::swap(t.columnStride, t.aSteps.outer);
    std::swap(t.bStride, t.bSteps.outer);
  }
  if (t.outerTaps == 0 || t.length <= 0) {
    if (accumulate) return;
    t.outerTaps = 0;
  }
  runRows(t, tap.channels);
}

// As addTap, for all taps at once; x and dy are at the band's first output row.
HWY_INLINE void addAllTaps(const KernelGradient& g, const float* x, const PixelColumns& dy, int64_t rows, int64_t width,
                           float* dw, bool accumulate) {
  const ConvShape& s = g.shape;
  int64_t offsets[kMergedRows];
  const int64_t perRow = s.KW * s.C;
  for (int64_t i = 0; i < s.KH * perRow; ++i) offsets[i] = i / perRow * s.dilationH * s.W * s.C + i % perRow;
  TileProduct t;
  t.outerTaps = rows;
  t.length = s.OW;
  t.columnStride = s.strideW * s.C;
  t.aSteps.outer = s.strideH * s.W * s.C;
  t.a = x;
  t.b = dy.data;
  t.bStride = dy.stride;
  t.bSteps.outer = s.OW * dy.stride;
  t.c = dw;
  t.cStride = s.O;
  t.width = width;
  t.accumulate = accumulate;
  runOffsetRows(t, offsets, s.KH * perRow);
}

// Whether several rows of taps share tiles. The plan of the first of them holds for all.
HWY_INLINE bool stacksRows(const KernelGradient& g, int64_t width) {
  return g.shape.KH > 1 && g.shape.strideH == 1 && width <= kLanes;
}

HWY_INLINE void clearColumns(const KernelGradient& g, int64_t width, float* dw) {
  const ConvShape& s = g.shape;
  for (int64_t row = 0; row < s.taps() * s.groupC(); ++row) std::fill_n(dw + row * s.O, width, 0.0f);
}

// Adds the products of rows [h, end) of x with the rows of taps [kh, kh + taps), which all of them meet; x is at its first row,
// dy at the output row rowStart.
HWY_INLINE void addStack(const KernelGradient& g, const float* x, const PixelColumns& dy, int64_t rowStart, int64_t h,
                         int64_t end, int64_t kh, int64_t taps, int64_t width, float* dw) {
  const ConvShape& s = g.shape;
  for (int64_t i = 0; i < g.tapCount / s.KH; ++i) {
    const TapPlan& tap = g.taps[i];
    TileProduct t;
    t.outerTaps = end - h;
    t.length = tap.columnLast - tap.columnFirst;
    if (t.length <= 0) continue;
    t.rowStride = 1;
    t.columnStride = s.strideW * s.C;
    t.bStride = dy.stride;
    t.aSteps.outer = s.W * s.C;
    t.bSteps.outer = s.OW * dy.stride;
    const int64_t w = tap.columnFirst * s.strideW + tap.kw * s.dilationW - s.padLeft;
    t.a = x + (h * s.W + w) * s.C;
    t.b = dy.data + ((h + s.padTop - kh * s.dilationH - rowStart) * s.OW + tap.columnFirst) * dy.stride;
    t.c = dw + (kh * s.KW * s.groupC() + tap.row) * s.O;
    t.cStride = s.O;
    t.width = width;
    t.accumulate = true;
    if (t.length == 1) {  // one column is walked downwards
      std::swap(t.length, t.outerTaps);
      std::swap(t.columnStride, t.aSteps.outer);
      std::swap(t.bStride, t.bSteps.outer);
    }
    runStackedRows(t, {-s.dilationH * s.OW * dy.stride, s.KW * s.groupC() * s.O}, taps, tap.channels);
  }
}

// As addBand, row by row of x, with all rows of taps that meet it; rows that meet the same ones go together.
HWY_INLINE void addStackedBand(const KernelGradient& g, const float* x, const PixelColumns& dy, int64_t rowStart, int64_t rowEnd,
                               int64_t width, float* dw) {
  const ConvShape& s = g.shape;
  const auto firstTap = [&](int64_t h) {
    const int64_t past = h + s.padTop - rowEnd;
    return past < 0 ? 0 : past / s.dilationH + 1;
  };
  const auto lastTap = [&](int64_t h) {
    const int64_t before = h + s.padTop - rowStart;
    return before < 0 ? 0 : HWY_MIN(s.KH, before / s.dilationH + 1);
  };
  const int64_t end = HWY_MIN(s.H, rowEnd + (s.KH - 1) * s.dilationH - s.padTop);
  for (int64_t h = HWY_MAX(int64_t{0}, rowStart - s.padTop), next; h < end; h = next) {
    const int64_t first = firstTap(h), last = lastTap(h);
    for (next = h + 1; next < end && firstTap(next) == first && lastTap(next) == last; ++next) {
    }
    const int64_t stacks = HWY_MAX(int64_t{0}, ceilDivide(last - first, kStackedTaps));
    for (int64_t i = 0; i < stacks; ++i) {
      const int64_t kh = first + partStart(last - first, stacks, i), taps = first + partStart(last - first, stacks, i + 1) - kh;
      addStack(g, x, dy, rowStart, h, next, kh, taps, width, dw);
    }
  }
}

// As addBand, for a vector of channels of several groups.
HWY_INLINE void addGroupedBand(const KernelGradient& g, int64_t image, int64_t rowStart, int64_t rowEnd, int64_t index, float* dw,
                               bool accumulate) {
  const ConvShape& s = g.shape;
  const Exchanges exchanges;
  const int64_t size = s.groupC(), channel = index * kLanes;
  for (int64_t kh = 0; kh < s.KH; ++kh, dw += s.KW * size * s.O) {
    int64_t first, last;
    tapRange({s.OH, s.H, s.KH, s.strideH, s.padTop, s.dilationH}, kh, &first, &last);
    first = HWY_MAX(rowStart, first), last = HWY_MIN(rowEnd, last);
    const int64_t h = first * s.strideH + kh * s.dilationH - s.padTop;
    GroupedRow t;
    t.x = g.x + (image * s.H + h) * s.W * s.C + channel;
    t.dy = g.dy + (image * s.OH + first) * s.OW * s.O + channel;
    t.xStep = s.strideH * s.W * s.C, t.dyStep = s.OW * s.O;
    t.rows = last - first, t.width = s.W, t.outputWidth = s.OW, t.channels = s.C;
    t.stride = s.strideW, t.dilation = s.dilationW, t.pad = s.padLeft;
    runGroupedRow(t, exchanges, size, s.KW, dw + channel, accumulate);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_CONV_GRADIENT_INL_H_
