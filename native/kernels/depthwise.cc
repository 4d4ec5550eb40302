// Depthwise convolution and its gradient to the input: vectors run over channels, a tile is a strip of neighbouring pixels.
//
// A channel meets one kernel only, so there is no product to block for: every element of the source is read from memory once
// and taps times from cache. Strips go along a row with all their channels, so that memory is read and written in order.
// Invariant: chunks own whole rows of the produced tensor.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cc"

#include "kernels/depthwise.h"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kStripPixels = 6;  // times two vectors of channels: 12 accumulators; the 16 registers of AVX2 hold them

// Pixels of one row that read the same taps.
struct ChannelStrip {
  const float* source;
  float* produced;
  int64_t sourceStep, producedStep;  // from one pixel to the next
  const float* w;
  int64_t outerTaps, innerTaps;
  TapSteps sourceSteps, wSteps;
  int64_t channels;
};

// P pixels, V vectors of channels from channel c; only the first `count` channels if they do not fill a vector.
template <int P, int V, bool kWhole = true>
HWY_INLINE void channelTile(const ChannelStrip& s, int64_t c, int64_t count = kLanes) {
  const GemmTag d;
  GemmVector sums[P][V];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[p][v] = hn::Zero(d);
  }
  for (int64_t outer = 0; outer < s.outerTaps; ++outer) {
    const float* HWY_RESTRICT x = s.source + c + outer * s.sourceSteps.outer;
    const float* HWY_RESTRICT w = s.w + c + outer * s.wSteps.outer;
    for (int64_t inner = 0; inner < s.innerTaps; ++inner, x += s.sourceSteps.inner, w += s.wSteps.inner) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        const GemmVector tap = kWhole ? hn::LoadU(d, w + v * kLanes) : loadFirst(w, count);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) {
          const float* from = x + p * s.sourceStep + v * kLanes;
          sums[p][v] = hn::MulAdd(kWhole ? hn::LoadU(d, from) : loadFirst(from, count), tap, sums[p][v]);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      storeColumns(sums[p][v], s.produced + p * s.producedStep + c + v * kLanes, kWhole ? kLanes : count, false);
  }
}

// The last channels, which do not fill a vector. A function of its own: its masks would cost the whole tiles their registers.
template <int P>
HWY_NOINLINE void stripTail(const ChannelStrip& s, int64_t c) {
  channelTile<P, 1, false>(s, c, s.channels - c);
}

// All channels from c on, V vectors at a time while they last.
template <int P, int V>
HWY_INLINE void channelTiles(const ChannelStrip& s, int64_t c) {
  for (; c + V * kLanes <= s.channels; c += V * kLanes) channelTile<P, V>(s, c);
  if constexpr (V > 1)
    channelTiles<P, V / 2>(s, c);
  else if (c < s.channels)
    stripTail<P>(s, c);
}

// Fewer pixels take more channels at once: a lone border pixel needs as many independent sums as a strip.
template <int P>
HWY_NOINLINE void stripTiles(const ChannelStrip& s) {
  channelTiles<P, P == 1 ? 8 : P == 2 ? 4 : 2>(s, 0);
}

// P pixels of one vector of channels whose taps overlap: every column of the source is loaded once per row of taps, and meets
// the kernel, KW vectors of it, in registers. Needs columns S taps apart (S: the stride) and all KW taps.
template <int P, int KW, int S>
HWY_INLINE void stencilTile(const ChannelStrip& s, int64_t c) {
  const GemmTag d;
  const int64_t step = s.sourceSteps.inner;
  GemmVector sums[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) sums[p] = hn::Zero(d);
  const float* HWY_RESTRICT x = s.source + c;
  const float* HWY_RESTRICT w = s.w + c;
  for (int64_t outer = 0; outer < s.outerTaps; ++outer, x += s.sourceSteps.outer, w += s.wSteps.outer) {
    GemmVector taps[KW];
#pragma GCC unroll 8
    for (int k = 0; k < KW; ++k) taps[k] = hn::LoadU(d, w + k * s.wSteps.inner);
    const float* HWY_RESTRICT from = x;
#pragma GCC unroll 32
    for (int column = 0; column < (P - 1) * S + KW; ++column, from += step) {
      const GemmVector value = hn::LoadU(d, from);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        const int tap = column - p * S;
        if (tap >= 0 && tap < KW) sums[p] = hn::MulAdd(value, taps[tap], sums[p]);
      }
    }
  }
  float* HWY_RESTRICT to = s.produced + c;
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p, to += s.producedStep) hn::StoreU(sums[p], d, to);
}

template <int P, int KW, int S>
HWY_NOINLINE void stencilTiles(const ChannelStrip& s) {
  int64_t c = 0;
  for (; c + kLanes <= s.channels; c += kLanes) stencilTile<P, KW, S>(s, c);
  if (c < s.channels) stripTail<P>(s, c);
}

using StripFunction = void (*)(const ChannelStrip&);

// The stencil for the strip, or null if its taps are not one.
template <int... kPixels>
HWY_INLINE StripFunction stencil(const ChannelStrip& s, int64_t pixels, std::integer_sequence<int, kPixels...>) {
  static constexpr StripFunction three[] = {stencilTiles<kPixels + 1, 3, 1>...};
  static constexpr StripFunction threeByTwo[] = {stencilTiles<kPixels + 1, 3, 2>...};
  static constexpr StripFunction five[] = {stencilTiles<kPixels + 1, 5, 1>...};
  const bool one = s.sourceStep == s.sourceSteps.inner, two = s.sourceStep == 2 * s.sourceSteps.inner;
  if (pixels < 3) return nullptr;  // too few independent sums
  if (s.innerTaps == 3 && one) return three[pixels - 1];
  if (s.innerTaps == 3 && two) return threeByTwo[pixels - 1];
  if (s.innerTaps == 5 && one) return five[pixels - 1];
  return nullptr;
}

template <int... kPixels>
HWY_INLINE void runStrip(const ChannelStrip& s, int64_t pixels, std::integer_sequence<int, kPixels...>) {
  static constexpr StripFunction table[] = {stripTiles<kPixels + 1>...};
  const StripFunction run = stencil(s, pixels, std::integer_sequence<int, kPixels...>());
  (run ? run : table[pixels - 1])(s);
}

// Row number `start` of vertical run v: all columns of horizontal run h.
HWY_INLINE void correlateRun(const Correlation& c, const AxisRun& v, int64_t start, const AxisRun& h, const float* source,
                             float* produced) {
  ChannelStrip s;
  s.channels = c.sourceC;
  s.outerTaps = v.taps;
  s.innerTaps = h.taps;
  s.sourceSteps = {v.tapSource * c.sourceW * c.sourceC, h.tapSource * c.sourceC};
  s.wSteps = {v.tapStep * c.KW * c.sourceC, h.tapStep * c.sourceC};
  s.w = c.packed + (v.tap * c.KW + h.tap) * c.sourceC;
  s.sourceStep = h.sourceStep * c.sourceC;
  s.producedStep = h.step * c.sourceC;
  source += ((v.source + start * v.sourceStep) * c.sourceW + h.source) * c.sourceC;
  produced += ((v.first + start * v.step) * c.producedW + h.first) * c.sourceC;
  const int64_t strips = ceilDivide(h.count, kStripPixels);
  for (int64_t i = 0; i < strips; ++i) {
    const int64_t first = partStart(h.count, strips, i);
    s.source = source + first * s.sourceStep;
    s.produced = produced + first * s.producedStep;
    runStrip(s, partStart(h.count, strips, i + 1) - first, std::make_integer_sequence<int, kStripPixels>());
  }
}

// Rows [start, end) of one image, counted in the order of the vertical runs.
void correlateChannelRows(const Correlation& c, int64_t image, int64_t start, int64_t end) {
  const float* source = c.source + image * c.sourceH * c.sourceW * c.sourceC;
  float* produced = c.produced + image * c.producedH * c.producedW * c.sourceC;
  int64_t before = 0;
  for (int64_t i = 0; i < c.verticalRuns; before += c.vertical[i++].count) {
    const AxisRun& v = c.vertical[i];
    for (int64_t row = HWY_MAX(start - before, int64_t{0}); row < HWY_MIN(end - before, v.count); ++row) {
      for (int64_t j = 0; j < c.horizontalRuns; ++j) correlateRun(c, v, row, c.horizontal[j], source, produced);
    }
  }
}

void correlateChannels(const Correlation& c) {
  const int64_t bands = c.bandsPerImage(), total = c.images * bands;
  const int64_t chunks = c.flop() < kConvSerialFlop ? 1 : total;
  if (c.epilogue.moments) c.epilogue.moments->expect(1, 1);
  parallelFor(chunks, [&](int64_t chunk) {
    for (int64_t band = partStart(total, chunks, chunk); band < partStart(total, chunks, chunk + 1); ++band) {
      const int64_t first = partStart(c.producedH, bands, band % bands);
      const int64_t end = partStart(c.producedH, bands, band % bands + 1);
      correlateChannelRows(c, band / bands, first, end);
      finishBand(c.epilogue, c.produced, band / bands * c.producedH + first, end - first, c.producedW, c.producedC);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(correlateChannels);

}  // namespace

void correlateDepthwise(const Correlation& c, const float* w) {
  const int64_t taps = c.KH * c.KW;
  for (int64_t tap = 0; tap < taps; ++tap) {
    const float* from = w + (c.flipped ? taps - 1 - tap : tap) * c.sourceC;
    std::copy_n(from, c.sourceC, c.packed + tap * c.sourceC);
  }
  HWY_DYNAMIC_DISPATCH(correlateChannels)(c);
}

}  // namespace steepest
#endif  // HWY_ONCE
