// Max and average pooling over NHWC images; vectors run over channels. pool2d_backward.cc has the gradients.
//
// Padding counts for nothing: a window is clipped to the image, its maximum and its mean are those of what remains. The usual
// windows (2x2, 3x3) are unrolled, so that a kernel of few channels waits for memory and not for loops.
// Invariant: a chunk owns whole rows of what it produces.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool2d.cc"

#include "kernels/pool2d.h"

#include <cmath>
#include <limits>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using PoolTag = hn::ScalableTag<float>;
using PoolByteTag = hn::Rebind<uint8_t, PoolTag>;
using PoolIntTag = hn::RebindToSigned<PoolTag>;
constexpr int64_t kPoolLanes = static_cast<int64_t>(hn::MaxLanes(PoolTag()));

// From one row of x to the next, from one pixel to the next, and taps in a row of a window. By value: a store of a byte might
// change what a reference names.
struct Strides {
  explicit Strides(const PoolShape& shape) : row(shape.W * shape.C), pixel(shape.C), taps(shape.KW) {}
  int64_t row, pixel, taps;
};

// One window; `origin` is its first pixel inside the image. KH and KW give its size where it is known, else they are 0.
template <int KH, int KW>
struct MaxOfWindow {
  Strides s;
  Window window;
  const float* origin;
  float* y;
  uint8_t* where;

  // The first maximum of V vectors of channels from channel c.
  template <int V>
  HWY_INLINE void vectors(int64_t c) const {
    const PoolTag d;
    const PoolIntTag di;
    const int64_t rows = KH > 0 ? KH : window.h.size(), columns = KW > 0 ? KW : window.w.size();
    const int64_t firstTap = KH > 0 ? 0 : window.h.first * s.taps + window.w.first, rowOfTaps = KH > 0 ? KW : s.taps;
    hn::Vec<PoolTag> best[V];
    hn::Vec<PoolIntTag> at[V];
    for (int v = 0; v < V; ++v) {
      best[v] = hn::LoadU(d, origin + c + v * kPoolLanes);
      at[v] = hn::Set(di, static_cast<int32_t>(firstTap));
    }
#pragma GCC unroll 4
    for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 4
      for (int64_t j = i == 0 ? 1 : 0; j < columns; ++j) {
        const auto tap = hn::Set(di, static_cast<int32_t>(firstTap + i * rowOfTaps + j));
        for (int v = 0; v < V; ++v) {
          const auto value = hn::LoadU(d, origin + i * s.row + j * s.pixel + c + v * kPoolLanes);
          const auto keep = hn::Or(hn::IsNaN(best[v]), hn::Le(value, best[v]));  // the first NaN wins
          best[v] = hn::IfThenElse(keep, best[v], value);
          at[v] = hn::IfThenElse(hn::RebindMask(di, keep), at[v], tap);
        }
      }
    }
    for (int v = 0; v < V; ++v) {
      hn::StoreU(best[v], d, y + c + v * kPoolLanes);
      hn::StoreU(hn::DemoteTo(PoolByteTag(), at[v]), PoolByteTag(), where + c + v * kPoolLanes);
    }
  }

  void scalar(int64_t c) const {
    float best = origin[c];
    int64_t at = window.h.first * s.taps + window.w.first;
    for (int64_t i = 0; i < window.h.size(); ++i) {
      for (int64_t j = 0; j < window.w.size(); ++j) {
        const float value = origin[i * s.row + j * s.pixel + c];
        if (std::isnan(best) || value <= best) continue;
        best = value;
        at = (i + window.h.first) * s.taps + j + window.w.first;
      }
    }
    y[c] = best;
    where[c] = static_cast<uint8_t>(at);
  }
};

template <int KH, int KW>
struct MeanOfWindow {
  Strides s;
  Window window;
  const float* origin;
  float* y;

  template <int V>
  HWY_INLINE void vectors(int64_t c) const {
    const PoolTag d;
    const int64_t rows = KH > 0 ? KH : window.h.size(), columns = KW > 0 ? KW : window.w.size();
    const auto scale = hn::Set(d, 1.0f / static_cast<float>(rows * columns));
    hn::Vec<PoolTag> sums[V];
    for (int v = 0; v < V; ++v) sums[v] = hn::Zero(d);
#pragma GCC unroll 4
    for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < columns; ++j) {
        for (int v = 0; v < V; ++v)
          sums[v] = hn::Add(sums[v], hn::LoadU(d, origin + i * s.row + j * s.pixel + c + v * kPoolLanes));
      }
    }
    for (int v = 0; v < V; ++v) hn::StoreU(hn::Mul(sums[v], scale), d, y + c + v * kPoolLanes);
  }

  void scalar(int64_t c) const {
    float sum = 0;
    for (int64_t i = 0; i < window.h.size(); ++i) {
      for (int64_t j = 0; j < window.w.size(); ++j) sum += origin[i * s.row + j * s.pixel + c];
    }
    y[c] = sum * (1.0f / static_cast<float>(window.size()));
  }
};

// All channels of a window. The last vector overlaps its neighbour: the shared channels come out the same.
template <class F>
HWY_INLINE void allChannels(const F& f, int64_t channels) {
  int64_t c = 0;
  for (; c + 4 * kPoolLanes <= channels; c += 4 * kPoolLanes) f.template vectors<4>(c);
  for (; c + 2 * kPoolLanes <= channels; c += 2 * kPoolLanes) f.template vectors<2>(c);
  for (; c + kPoolLanes <= channels; c += kPoolLanes) f.template vectors<1>(c);
  if (c < channels && channels >= kPoolLanes) return f.template vectors<1>(channels - kPoolLanes);
  for (; c < channels; ++c) f.scalar(c);
}

// Calls visit(window, pixel of y, first pixel of x, windows) for runs of windows of one form side by side in output rows of the
// chunk.
template <typename F>
void forEachRun(const PoolShape& s, const F& visit) {
  const int64_t rows = s.N * s.OH;
  const int64_t chunks = s.chunks(rows);
  // Columns of windows that lie inside the image as a whole.
  const int64_t first = std::min(s.OW, ceilDivide(s.padLeft, s.strideW));
  const int64_t room = s.W + s.padLeft - s.KW;
  const int64_t last = room < 0 ? first : std::clamp(room / s.strideW + 1, first, s.OW);
  parallelFor(chunks, [&](int64_t chunk) HWY_ATTR {
    for (int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
      const int64_t n = row / s.OH, oh = row % s.OH;
      const Taps h = tapsOf(oh, s.strideH, s.padTop, s.KH, s.H);
      const auto run = [&](int64_t ow, int64_t windows) HWY_ATTR {
        const Taps w = tapsOf(ow, s.strideW, s.padLeft, s.KW, s.W);
        const int64_t x = (n * s.H + oh * s.strideH - s.padTop + h.first) * s.W + ow * s.strideW - s.padLeft + w.first;
        visit(Window{h, w}, (row * s.OW + ow) * s.C, x * s.C, windows);
      };
      for (int64_t ow = 0; ow < first; ++ow) run(ow, 1);
      if (first < last) run(first, last - first);
      for (int64_t ow = last; ow < s.OW; ++ow) run(ow, 1);
    }
  });
}

template <int KH, int KW>
void maxOfWindows(const PoolShape& s, float* y, uint8_t* where, const float* x) {
  const Strides strides(s);
  const int64_t channels = s.C, step = s.strideW * s.C;
  forEachRun(s, [=](const Window& window, int64_t to, int64_t from, int64_t windows) HWY_ATTR {
    const bool whole = KH > 0 && window.size() == KH * KW;
    for (int64_t i = 0; i < windows; ++i, to += channels, from += step) {
      if (whole) {
        allChannels(MaxOfWindow<KH, KW>{strides, window, x + from, y + to, where + to}, channels);
      } else if (window.size() > 0) {
        allChannels(MaxOfWindow<0, 0>{strides, window, x + from, y + to, where + to}, channels);
      } else {
        std::fill_n(y + to, channels, -std::numeric_limits<float>::infinity());
        std::fill_n(where + to, channels, uint8_t{0});
      }
    }
  });
}

template <int KH, int KW>
void meanOfWindows(const PoolShape& s, float* y, const float* x) {
  const Strides strides(s);
  const int64_t channels = s.C, step = s.strideW * s.C;
  forEachRun(s, [=](const Window& window, int64_t to, int64_t from, int64_t windows) HWY_ATTR {
    const bool whole = KH > 0 && window.size() == KH * KW;
    for (int64_t i = 0; i < windows; ++i, to += channels, from += step) {
      if (whole) {
        allChannels(MeanOfWindow<KH, KW>{strides, window, x + from, y + to}, channels);
      } else if (window.size() > 0) {
        allChannels(MeanOfWindow<0, 0>{strides, window, x + from, y + to}, channels);
      } else {
        std::fill_n(y + to, channels, 0.0f);
      }
    }
  });
}

void maxPool(const PoolShape& s, float* y, uint8_t* where, const float* x) {
  if (s.KH == 2 && s.KW == 2) return maxOfWindows<2, 2>(s, y, where, x);
  if (s.KH == 3 && s.KW == 3) return maxOfWindows<3, 3>(s, y, where, x);
  maxOfWindows<0, 0>(s, y, where, x);
}

void averagePool(const PoolShape& s, float* y, const float* x) {
  if (s.KH == 2 && s.KW == 2) return meanOfWindows<2, 2>(s, y, x);
  if (s.KH == 3 && s.KW == 3) return meanOfWindows<3, 3>(s, y, x);
  meanOfWindows<0, 0>(s, y, x);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(maxPool);
HWY_EXPORT(averagePool);

}  // namespace

// [y, where, x]
Status maxPool2dFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  HWY_DYNAMIC_DISPATCH(maxPool)(s, row.buffer<float>(0), row.buffer<uint8_t>(1), row.buffer<float>(2));
  return {};
}

// [y, x]
Status averagePool2dFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 2, &s)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(averagePool)(s, row.buffer<float>(0), row.buffer<float>(1));
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
