// Max and average pooling over NHWC images, and their gradients; vectors run over channels.
//
// Padding counts for nothing: a window is clipped to the image, its maximum and its mean are those of what remains. Gradients are
// gathered by input pixel from the windows that cover it, in order, so windows may overlap and nothing is added concurrently.
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

// The first maximum of each channel over one window; `origin` is the window's first pixel inside the image.
void maxOfWindow(const PoolShape& s, const Window& window, const float* origin, float* y, uint8_t* where) {
  const PoolTag d;
  const PoolIntTag di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= s.C; c += lanes) {
    auto best = hn::LoadU(d, origin + c);
    auto at = hn::Set(di, static_cast<int32_t>(window.h.first * s.KW + window.w.first));
    for (int64_t i = window.h.first; i < window.h.last; ++i) {
      for (int64_t j = window.w.first; j < window.w.last; ++j) {
        const float* from = origin + ((i - window.h.first) * s.W + j - window.w.first) * s.C + c;
        const auto value = hn::LoadU(d, from);
        const auto better = hn::Or(hn::Gt(value, best), hn::AndNot(hn::IsNaN(best), hn::IsNaN(value)));
        best = hn::IfThenElse(better, value, best);
        at = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, static_cast<int32_t>(i * s.KW + j)), at);
      }
    }
    hn::StoreU(best, d, y + c);
    hn::StoreU(hn::DemoteTo(PoolByteTag(), at), PoolByteTag(), where + c);
  }
  for (; c < s.C; ++c) {
    float best = origin[c];
    int64_t at = window.h.first * s.KW + window.w.first;
    for (int64_t i = window.h.first; i < window.h.last; ++i) {
      for (int64_t j = window.w.first; j < window.w.last; ++j) {
        const float value = origin[((i - window.h.first) * s.W + j - window.w.first) * s.C + c];
        if (!(value > best || (std::isnan(value) && !std::isnan(best)))) continue;
        best = value;
        at = i * s.KW + j;
      }
    }
    y[c] = best;
    where[c] = static_cast<uint8_t>(at);
  }
}

void meanOfWindow(const PoolShape& s, const Window& window, const float* origin, float* y) {
  const PoolTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float scale = 1.0f / static_cast<float>(window.size());
  int64_t c = 0;
  for (; c + lanes <= s.C; c += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < window.h.size(); ++i) {
      for (int64_t j = 0; j < window.w.size(); ++j) sum = hn::Add(sum, hn::LoadU(d, origin + (i * s.W + j) * s.C + c));
    }
    hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, y + c);
  }
  for (; c < s.C; ++c) {
    float sum = 0;
    for (int64_t i = 0; i < window.h.size(); ++i) {
      for (int64_t j = 0; j < window.w.size(); ++j) sum += origin[(i * s.W + j) * s.C + c];
    }
    y[c] = sum * scale;
  }
}

// dx += dy wherever the window's maximum was tap `tap`.
HWY_INLINE void addWhere(const float* dy, const uint8_t* where, uint8_t tap, int64_t count, float* dx) {
  const PoolTag d;
  const PoolIntTag di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    const auto at = hn::PromoteTo(di, hn::LoadU(PoolByteTag(), where + c));
    const auto here = hn::RebindMask(d, hn::Eq(at, hn::Set(di, int32_t{tap})));
    hn::StoreU(hn::Add(hn::LoadU(d, dx + c), hn::IfThenElseZero(here, hn::LoadU(d, dy + c))), d, dx + c);
  }
  for (; c < count; ++c) {
    if (where[c] == tap) dx[c] += dy[c];
  }
}

HWY_INLINE void addScaled(const float* dy, float scale, int64_t count, float* dx) {
  const PoolTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, dy + c), hn::Set(d, scale), hn::LoadU(d, dx + c)), d, dx + c);
  }
  for (; c < count; ++c) dx[c] += dy[c] * scale;
}

HWY_INLINE void clearChannels(int64_t count, float* dx) {
  for (int64_t c = 0; c < count; ++c) dx[c] = 0;
}

// Calls visit(window, pixel of y, first pixel of x) for every window of output rows of the chunk.
template <typename F>
void forEachWindow(const PoolShape& s, const F& visit) {
  const int64_t rows = s.N * s.OH;
  const int64_t chunks = s.chunks(rows);
  parallelFor(chunks, [&](int64_t chunk) {
    for (int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
      const int64_t n = row / s.OH, oh = row % s.OH;
      const Taps h = tapsOf(oh, s.strideH, s.padTop, s.KH, s.H);
      for (int64_t ow = 0; ow < s.OW; ++ow) {
        const Taps w = tapsOf(ow, s.strideW, s.padLeft, s.KW, s.W);
        const int64_t x = (n * s.H + oh * s.strideH - s.padTop + h.first) * s.W + ow * s.strideW - s.padLeft + w.first;
        visit(Window{h, w}, (row * s.OW + ow) * s.C, x * s.C);
      }
    }
  });
}

// Calls visit(pixel of dx, pixel of dy, tap) for every window that covers each input pixel, after clearing the pixel.
template <typename F>
void forEachCover(const PoolShape& s, float* dx, const F& visit) {
  const int64_t rows = s.N * s.H;
  const int64_t chunks = s.chunks(rows);
  parallelFor(chunks, [&](int64_t chunk) {
    for (int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
      const int64_t n = row / s.H, h = row % s.H;
      const Taps oh = windowsOver(h, s.strideH, s.padTop, s.KH, s.OH);
      for (int64_t w = 0; w < s.W; ++w) {
        const Taps ow = windowsOver(w, s.strideW, s.padLeft, s.KW, s.OW);
        float* to = dx + (row * s.W + w) * s.C;
        clearChannels(s.C, to);
        for (int64_t i = oh.first; i < oh.last; ++i) {
          for (int64_t j = ow.first; j < ow.last; ++j)
            visit(to, n, i, j, (h + s.padTop - i * s.strideH) * s.KW + w + s.padLeft - j * s.strideW);
        }
      }
    }
  });
}

void maxPool(const PoolShape& s, float* y, uint8_t* where, const float* x) {
  forEachWindow(s, [&](const Window& window, int64_t to, int64_t from) {
    if (window.size() > 0) return maxOfWindow(s, window, x + from, y + to, where + to);
    for (int64_t c = 0; c < s.C; ++c) {
      y[to + c] = -std::numeric_limits<float>::infinity();
      where[to + c] = 0;
    }
  });
}

void maxPoolBackward(const PoolShape& s, float* dx, const float* dy, const uint8_t* where) {
  forEachCover(s, dx, [&](float* to, int64_t n, int64_t oh, int64_t ow, int64_t tap) {
    const int64_t from = ((n * s.OH + oh) * s.OW + ow) * s.C;
    addWhere(dy + from, where + from, static_cast<uint8_t>(tap), s.C, to);
  });
}

void averagePool(const PoolShape& s, float* y, const float* x) {
  forEachWindow(s, [&](const Window& window, int64_t to, int64_t from) {
    if (window.size() > 0) return meanOfWindow(s, window, x + from, y + to);
    clearChannels(s.C, y + to);
  });
}

void averagePoolBackward(const PoolShape& s, float* dx, const float* dy) {
  forEachCover(s, dx, [&](float* to, int64_t n, int64_t oh, int64_t ow, int64_t) {
    const Window window{tapsOf(oh, s.strideH, s.padTop, s.KH, s.H), tapsOf(ow, s.strideW, s.padLeft, s.KW, s.W)};
    addScaled(dy + ((n * s.OH + oh) * s.OW + ow) * s.C, 1.0f / static_cast<float>(window.size()), s.C, to);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(maxPool);
HWY_EXPORT(maxPoolBackward);
HWY_EXPORT(averagePool);
HWY_EXPORT(averagePoolBackward);

}  // namespace

// [y, where, x]
Status maxPool2dFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  HWY_DYNAMIC_DISPATCH(maxPool)(s, row.buffer<float>(0), row.buffer<uint8_t>(1), row.buffer<float>(2));
  return {};
}

// [dx, dy, where]
Status maxPool2dBackwardFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  HWY_DYNAMIC_DISPATCH(maxPoolBackward)(s, row.buffer<float>(0), row.buffer<float>(1), row.buffer<uint8_t>(2));
  return {};
}

// [y, x]
Status averagePool2dFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 2, &s)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(averagePool)(s, row.buffer<float>(0), row.buffer<float>(1));
  return {};
}

// [dx, dy]
Status averagePool2dBackwardFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 2, &s)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(averagePoolBackward)(s, row.buffer<float>(0), row.buffer<float>(1));
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
