// The gradients of max and average pooling over NHWC images; vectors run over channels.
//
// Windows side by side spread: dy is read once, every pixel of dx written once. Windows that overlap (or leave gaps) are
// added to the rows of dx that they cover, row by row of dx and in the order of the windows, so that nothing is added
// concurrently. What limits them are those additions in the first-level cache, two and a quarter per element of dx at 3 x 3 with
// stride 2, and not the memory: gathering into registers, pixel by pixel, is no faster.
// Invariant: a chunk owns whole rows of dx and writes every element of them once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool2d_backward.cc"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/pool2d.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using PoolTag = hn::ScalableTag<float>;
using PoolByteTag = hn::Rebind<uint8_t, PoolTag>;
using PoolIntTag = hn::RebindToSigned<PoolTag>;
constexpr int64_t kPoolLanes = static_cast<int64_t>(hn::MaxLanes(PoolTag()));

// What each window hands to its taps. dy and `where` lie alike.
struct MaxGradient {
  const float* dy;
  const uint8_t* where;

  // One vector of a window, and what its taps receive of it.
  struct Vector {
    hn::Vec<PoolTag> dy;
    hn::Vec<PoolIntTag> at;
    HWY_INLINE hn::Vec<PoolTag> share(int64_t tap) const {
      const PoolIntTag di;
      return hn::IfThenElseZero(hn::RebindMask(PoolTag(), hn::Eq(at, hn::Set(di, static_cast<int32_t>(tap)))), dy);
    }
  };
  HWY_INLINE Vector load(int64_t from, float) const {
    const PoolByteTag bytes;
    return {hn::LoadU(PoolTag(), dy + from), hn::PromoteTo(PoolIntTag(), hn::LoadU(bytes, where + from))};
  }
  float scalar(int64_t from, int64_t tap, float) const { return where[from] == tap ? dy[from] : 0.0f; }
  static float scale(const Window&) { return 1; }
};

struct MeanGradient {
  const float* dy;

  struct Vector {
    hn::Vec<PoolTag> dy;
    HWY_INLINE hn::Vec<PoolTag> share(int64_t) const { return dy; }
  };
  HWY_INLINE Vector load(int64_t from, float scale) const {
    const PoolTag d;
    return {hn::Mul(hn::LoadU(d, dy + from), hn::Set(d, scale))};
  }
  float scalar(int64_t from, int64_t, float scale) const { return dy[from] * scale; }
  static float scale(const Window& window) { return 1.0f / static_cast<float>(window.size()); }
};

// Spreads one window of dy at `from` over its KH x KW pixels of dx. KH and KW are 0 where the shape says. The last vector
// overlaps its neighbour: the shared channels come out the same.
template <int KH, int KW, class G>
HWY_INLINE void spreadWindow(const PoolShape& s, const G& gradient, float scale, int64_t from, float* dx) {
  const int64_t rows = KH > 0 ? KH : s.KH, columns = KW > 0 ? KW : s.KW;
  const int64_t row = s.W * s.C;
  const auto spreadVector = [&](int64_t c) HWY_ATTR {
    const auto vector = gradient.load(from + c, scale);
    float* HWY_RESTRICT to = dx + c;
#pragma GCC unroll 4
    for (int64_t i = 0; i < rows; ++i, to += row) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < columns; ++j) hn::StoreU(vector.share(i * columns + j), PoolTag(), to + j * s.C);
    }
  };
  int64_t c = 0;
  for (; c + kPoolLanes <= s.C; c += kPoolLanes) spreadVector(c);
  if (c < s.C && s.C >= kPoolLanes) return spreadVector(s.C - kPoolLanes);
  for (; c < s.C; ++c) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) dx[i * row + j * s.C + c] = gradient.scalar(from + c, i * columns + j, scale);
    }
  }
}

template <int KH, int KW, class G>
void spread(const PoolShape& s, float* dx, const G& gradient) {
  const int64_t rows = s.N * s.OH, chunks = s.chunks(rows), row = s.W * s.C;
  const float scale = G::scale(Window{{0, s.KH}, {0, s.KW}});
  parallelFor(chunks, [&](int64_t chunk) HWY_ATTR {
    for (int64_t i = rows * chunk / chunks; i < rows * (chunk + 1) / chunks; ++i) {
      const int64_t oh = i % s.OH;
      float* to = dx + (i / s.OH * s.H + oh * s.KH) * row;
      for (int64_t ow = 0; ow < s.OW; ++ow) spreadWindow<KH, KW>(s, gradient, scale, (i * s.OW + ow) * s.C, to + ow * s.KW * s.C);
      for (int64_t h = 0; h < s.KH; ++h) std::fill_n(to + h * row + s.OW * s.KW * s.C, row - s.OW * s.KW * s.C, 0.0f);
      if (oh == s.OH - 1) std::fill_n(to + s.KH * row, (s.H - s.OH * s.KH) * row, 0.0f);
    }
  });
}

// Adds a window of dy at `from` to `columns` pixels of one row of dx, which are its taps from `tap` on.
template <int KW, class G>
HWY_INLINE void addTaps(const PoolShape& s, const G& gradient, float scale, int64_t from, int64_t tap, int64_t columns,
                        float* dx) {
  const PoolTag d;
  const int64_t count = KW > 0 ? KW : columns;
  int64_t c = 0;
  for (; c + kPoolLanes <= s.C; c += kPoolLanes) {
    const auto vector = gradient.load(from + c, scale);
#pragma GCC unroll 4
    for (int64_t j = 0; j < count; ++j) {
      float* to = dx + j * s.C + c;
      hn::StoreU(hn::Add(hn::LoadU(d, to), vector.share(tap + j)), d, to);
    }
  }
  for (; c < s.C; ++c) {
    for (int64_t j = 0; j < count; ++j) dx[j * s.C + c] += gradient.scalar(from + c, tap + j, scale);
  }
}

// One row of dx from the rows of windows over it; the row stays in L1 meanwhile.
template <class G>
void gatherRow(const PoolShape& s, const G& gradient, int64_t row, float* dx) {
  const int64_t n = row / s.H, h = row % s.H;
  const Taps over = windowsOver(h, s.strideH, s.padTop, s.KH, s.OH);
  std::fill_n(dx, s.W * s.C, 0.0f);
  for (int64_t i = over.first; i < over.last; ++i) {
    Window window{tapsOf(i, s.strideH, s.padTop, s.KH, s.H), {0, 0}};
    const int64_t tapRow = (h + s.padTop - i * s.strideH) * s.KW;
    for (int64_t j = 0; j < s.OW; ++j) {
      window.w = tapsOf(j, s.strideW, s.padLeft, s.KW, s.W);
      const int64_t from = ((n * s.OH + i) * s.OW + j) * s.C, tap = tapRow + window.w.first, columns = window.w.size();
      float* to = dx + (j * s.strideW - s.padLeft + window.w.first) * s.C;
      if (columns == 3)
        addTaps<3>(s, gradient, G::scale(window), from, tap, columns, to);
      else
        addTaps<0>(s, gradient, G::scale(window), from, tap, columns, to);
    }
  }
}

template <class G>
void gather(const PoolShape& s, float* dx, const G& gradient) {
  const int64_t rows = s.N * s.H, chunks = s.chunks(rows);
  parallelFor(chunks, [&](int64_t chunk) HWY_ATTR {
    for (int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row)
      gatherRow(s, gradient, row, dx + row * s.W * s.C);
  });
}

template <class G>
void poolBackward(const PoolShape& s, float* dx, const G& gradient) {
  if (!s.isTiling()) return gather(s, dx, gradient);
  if (s.KH == 2 && s.KW == 2) return spread<2, 2>(s, dx, gradient);
  spread<0, 0>(s, dx, gradient);
}

void maxPoolBackward(const PoolShape& s, float* dx, const float* dy, const uint8_t* where) {
  poolBackward(s, dx, MaxGradient{dy, where});
}

void averagePoolBackward(const PoolShape& s, float* dx, const float* dy) { poolBackward(s, dx, MeanGradient{dy}); }

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(maxPoolBackward);
HWY_EXPORT(averagePoolBackward);

}  // namespace

// [dx, dy, where]
Status maxPool2dBackwardFast(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  HWY_DYNAMIC_DISPATCH(maxPoolBackward)(s, row.buffer<float>(0), row.buffer<float>(1), row.buffer<uint8_t>(2));
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
