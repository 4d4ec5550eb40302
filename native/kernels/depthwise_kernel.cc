// The gradient of a depthwise convolution to its kernel: dw[kh, kw, c] = sum over images and pixels of x * dy.
//
// Vectors run over channels, a tile is a block of taps whose sums stay in registers along a strip of pixels: dy is read once
// per block, x once per tap. Invariant: output rows are cut into slices from the shape alone, each with its own partial dw.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise_kernel.cc"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/depthwise.h"
#include "kernels/gemm-inl.h"
#include "kernels/partials-inl.h"

#ifndef STEEPEST_KERNELS_DEPTHWISE_KERNEL_ONCE_
#define STEEPEST_KERNELS_DEPTHWISE_KERNEL_ONCE_
namespace steepest {

struct DepthwiseGradient {
  ConvShape shape;
  const float* x;
  const float* dy;
  float* dw;
  float* partials;  // [slices, KH, KW, C]
  AxisRun* vertical;
  AxisRun* horizontal;
  int64_t verticalRuns, horizontalRuns;

  static int64_t slices(const ConvShape& s) {
    const double flop = 2.0 * static_cast<double>(s.N * s.OH * s.OW) * static_cast<double>(s.C * s.taps());
    return flop < kConvSerialFlop ? 1 : std::min(s.N * s.OH, kDepthwiseSlices);
  }
};

}  // namespace steepest
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kTapRows = 3, kTapColumns = 4;  // at most 12 sums
constexpr int64_t kStripBytes = 24 * 1024;    // of x, so that it stays in L1 while the channels pass over it

// A block of taps and the pixels to add to them.
struct TapBlock {
  const float* x;
  const float* dy;
  float* dw;
  int64_t pixels, xStep, channels;
  TapSteps xSteps, dwSteps;  // through the taps
};

template <bool kWhole>
HWY_INLINE GemmVector loadChannels(const float* from, int64_t count) {
  return kWhole ? hn::LoadU(GemmTag(), from) : loadFirst(from, count);
}

// Adds P pixels at x and dy. Where the columns of neighbouring pixels coincide (P > 1), every one is loaded once per row of taps.
template <int R, int S, int P, bool kWhole>
HWY_INLINE void addPixels(const TapBlock& t, const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, int64_t count,
                          GemmVector (&sums)[R][S]) {
  GemmVector slopes[P];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) slopes[p] = loadChannels<kWhole>(dy + p * t.channels, count);
#pragma GCC unroll 8
  for (int column = 0; column < P - 1 + S; ++column, x += t.xSteps.inner) {
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      const GemmVector value = loadChannels<kWhole>(x + i * t.xSteps.outer, count);
#pragma GCC unroll 4
      for (int j = 0; j < S; ++j) {
        const int p = column - j;
        if (p >= 0 && p < P) sums[i][j] = hn::MulAdd(value, slopes[p], sums[i][j]);
      }
    }
  }
}

// One vector of channels; only the first `count` of them if it is not whole.
template <int R, int S, bool kWhole>
HWY_INLINE void addVector(const TapBlock& t, int64_t c, int64_t count) {
  constexpr int P = R * S > 11 ? 2 : R * S > 10 ? 3 : 4;  // with R * S sums and a column: the 16 registers of AVX2
  GemmVector sums[R][S];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < S; ++j) sums[i][j] = loadChannels<kWhole>(t.dw + i * t.dwSteps.outer + j * t.dwSteps.inner + c, count);
  }
  const float* HWY_RESTRICT x = t.x + c;
  const float* HWY_RESTRICT dy = t.dy + c;
  int64_t pixel = 0;
  if (kWhole && t.xStep == t.xSteps.inner) {
    for (; pixel + P <= t.pixels; pixel += P, x += P * t.xStep, dy += P * t.channels)
      addPixels<R, S, P, kWhole>(t, x, dy, count, sums);
  }
  for (; pixel < t.pixels; ++pixel, x += t.xStep, dy += t.channels) addPixels<R, S, 1, kWhole>(t, x, dy, count, sums);
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < S; ++j) storeColumns(sums[i][j], t.dw + i * t.dwSteps.outer + j * t.dwSteps.inner + c, count, false);
  }
}

template <int R, int S>
HWY_NOINLINE void addTail(const TapBlock& t, int64_t c) {
  addVector<R, S, false>(t, c, t.channels - c);
}

template <int R, int S>
HWY_NOINLINE void addBlock(const TapBlock& t) {
  int64_t c = 0;
  for (; c + kLanes <= t.channels; c += kLanes) addVector<R, S, true>(t, c, kLanes);
  if (c < t.channels) addTail<R, S>(t, c);
}

template <int... kIndex>
HWY_INLINE void runBlock(const TapBlock& t, int64_t rows, int64_t columns, std::integer_sequence<int, kIndex...>) {
  static constexpr void (*table[])(const TapBlock&) = {addBlock<kIndex / kTapColumns + 1, kIndex % kTapColumns + 1>...};
  table[(rows - 1) * kTapColumns + columns - 1](t);
}

// Adds a strip of pixels to all their taps; `t` names the first tap.
void addStrip(const TapBlock& t, int64_t tapRows, int64_t tapColumns) {
  const int64_t rowBlocks = ceilDivide(tapRows, kTapRows), columnBlocks = ceilDivide(tapColumns, kTapColumns);
  for (int64_t i = 0; i < rowBlocks; ++i) {
    for (int64_t j = 0; j < columnBlocks; ++j) {
      const int64_t row = partStart(tapRows, rowBlocks, i), column = partStart(tapColumns, columnBlocks, j);
      TapBlock block = t;
      block.x += row * t.xSteps.outer + column * t.xSteps.inner;
      block.dw += row * t.dwSteps.outer + column * t.dwSteps.inner;
      runBlock(block, partStart(tapRows, rowBlocks, i + 1) - row, partStart(tapColumns, columnBlocks, j + 1) - column,
               std::make_integer_sequence<int, kTapRows * kTapColumns>());
    }
  }
}

// Adds output row `row` (of all images' rows) to dw.
void addRow(const DepthwiseGradient& g, int64_t row, float* dw) {
  const ConvShape& s = g.shape;
  const int64_t oh = row % s.OH;
  const AxisRun* v = g.vertical;
  while (oh >= v->first + v->count) ++v;
  if (v->taps == 0) return;
  TapBlock t;
  t.channels = s.C;
  t.xSteps = {s.dilationH * s.W * s.C, s.dilationW * s.C};
  t.dwSteps = {s.KW * s.C, s.C};
  t.xStep = s.strideW * s.C;
  const float* x = g.x + (row / s.OH * s.H + v->source + (oh - v->first) * v->sourceStep) * s.W * s.C;
  const int64_t longest = HWY_MAX(int64_t{8}, kStripBytes / (4 * t.xStep * HWY_MIN(v->taps, kTapRows)));
  for (const AxisRun* h = g.horizontal; h != g.horizontal + g.horizontalRuns; ++h) {
    if (h->taps == 0) continue;
    t.dw = dw + (v->tap * s.KW + h->tap) * s.C;
    const int64_t strips = ceilDivide(h->count, longest);
    for (int64_t i = 0; i < strips; ++i) {
      const int64_t first = partStart(h->count, strips, i);
      t.pixels = partStart(h->count, strips, i + 1) - first;
      t.x = x + (h->source + first * h->sourceStep) * s.C;
      t.dy = g.dy + (row * s.OW + h->first + first) * s.C;
      addStrip(t, v->taps, h->taps);
    }
  }
}

void depthwiseGradient(const DepthwiseGradient& g) {
  const ConvShape& s = g.shape;
  const int64_t slices = DepthwiseGradient::slices(s), total = s.taps() * s.C, rows = s.N * s.OH;
  parallelFor(slices, [&](int64_t slice) {
    float* dw = slices > 1 ? g.partials + slice * total : g.dw;
    std::fill_n(dw, total, 0.0f);
    for (int64_t row = partStart(rows, slices, slice); row < partStart(rows, slices, slice + 1); ++row) addRow(g, row, dw);
  });
  if (slices > 1) addPartials(g.partials, slices, total, g.dw);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(depthwiseGradient);

int64_t runBytes(const ConvShape& s) { return roundUp((s.OH + s.OW) * static_cast<int64_t>(sizeof(AxisRun)), 64); }

}  // namespace

Status depthwiseBackwardKernel(const Row& row, const ConvShape& s) {
  DepthwiseGradient g;
  g.shape = s;
  g.dw = row.buffer<float>(0);
  g.x = row.buffer<float>(1);
  g.dy = row.buffer<float>(2);
  g.vertical = row.buffer<AxisRun>(3);
  g.horizontal = g.vertical + s.OH;
  g.partials = reinterpret_cast<float*>(row.buffer<char>(3) + runBytes(s));
  g.verticalRuns = forwardRuns({s.OH, s.H, s.KH, s.strideH, s.padTop, s.dilationH}, g.vertical);
  g.horizontalRuns = forwardRuns({s.OW, s.W, s.KW, s.strideW, s.padLeft, s.dilationW}, g.horizontal);
  HWY_DYNAMIC_DISPATCH(depthwiseGradient)(g);
  return {};
}

int64_t depthwiseBackwardKernelScratch(const ConvShape& s) {
  return runBytes(s) + 4 * DepthwiseGradient::slices(s) * s.taps() * s.C;
}

}  // namespace steepest
#endif  // HWY_ONCE
