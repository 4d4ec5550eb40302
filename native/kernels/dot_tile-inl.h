// Tiles of convolutions that produce a few channels, for one instruction set: the gradient of a network's input, a last layer.
//
// The few channels would leave most lanes of a panel idle. Here a lane is a channel of the source: each produced number has a
// vector of sums of its own, whose lanes are added at the end in a fixed order. Invariant: nothing outside the operands is
// touched, and a pixel's bits do not depend on the tile that it is in.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_DOT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_DOT_TILE_INL_H_
#undef STEEPEST_KERNELS_DOT_TILE_INL_H_
#else
#define STEEPEST_KERNELS_DOT_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int64_t kMostDotted = kLanes == 16 ? 4 : kLanes == 8 ? 3 : 1;  // produced channels
constexpr int64_t kLaneSumSteps = 3;                                     // adding up lanes costs about as many products

// Pixels of a tile of N channels: sums enough to keep the multipliers busy, and as many as one vector can hold.
template <int N>
constexpr int kDotRows = kLanes == 16 ? (N == 3 ? 8 : 16 / N)
                         : N == 1     ? 8
                                      : 4;

// Floats of one tap of a packed kernel: [vector of depth][channel][lane], filled up with zeros.
HWY_INLINE int64_t dotTap(int64_t depth, int64_t channels) { return roundUp(depth, kLanes) * channels; }

// Whether lanes are better filled by `depth` channels of the source than by `channels` produced ones.
HWY_INLINE bool dotsFillLanes(int64_t taps, int64_t depth, int64_t channels) {
  return channels <= kMostDotted && channels * (taps * ceilDivide(depth, kLanes) + kLaneSumSteps) < taps * depth;
}

// In each block of four lanes, the sums of that block of a, b, c and e.
HWY_INLINE GemmVector blockSums(GemmVector a, GemmVector b, GemmVector c, GemmVector e) {
  const GemmTag d;
  const hn::Repartition<double, GemmTag> d64;
  const auto ab = hn::BitCast(d64, hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  const auto ce = hn::BitCast(d64, hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e)));
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, ab, ce)), hn::BitCast(d, hn::InterleaveUpper(d64, ab, ce)));
}

// Lane i is the sum of the lanes of v[i].
HWY_INLINE GemmVector laneSums(const GemmVector (&v)[kLanes]) {
  [[maybe_unused]] const GemmTag d;
  const GemmVector first = blockSums(v[0], v[1], v[2], v[3]);
  if constexpr (kLanes == 4) {
    return first;
  } else if constexpr (kLanes == 8) {
    const GemmVector second = blockSums(v[4], v[5], v[6], v[7]);
    return hn::Add(hn::ConcatLowerLower(d, second, first), hn::ConcatUpperUpper(d, second, first));
  } else {
    const GemmVector second = blockSums(v[4], v[5], v[6], v[7]), third = blockSums(v[8], v[9], v[10], v[11]);
    const GemmVector fourth = blockSums(v[12], v[13], v[14], v[15]);
    const GemmVector x = hn::Add(hn::ConcatLowerLower(d, third, first), hn::ConcatUpperUpper(d, third, first));
    const GemmVector y = hn::Add(hn::ConcatLowerLower(d, fourth, second), hn::ConcatUpperUpper(d, fourth, second));
    return hn::Add(hn::OddEvenBlocks(y, x), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(x, y)));
  }
}

// Adds the products of up to kLanes channels of one tap; `load` takes them.
template <int MR, int N, class Load>
HWY_INLINE void addDots(const RowPointers<MR, false>& pixels, int64_t stride, const float* b, GemmVector (&sums)[MR][N],
                        const Load& load) {
  GemmVector w[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    w[n] = hn::LoadU(GemmTag(), b + n * kLanes);
    keepInRegister(w[n]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    GemmVector x = load(pixels.row(i, stride));
    if (N > 1) keepInRegister(x);
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) sums[i][n] = hn::MulAdd(x, w[n], sums[i][n]);
  }
}

// Pixels that do not lie side by side.
HWY_NOINLINE void spreadDots(const float* totals, int64_t rows, int64_t channels, float* c, int64_t cStride) {
  for (int64_t i = 0; i < rows; ++i, c += cStride) {
    for (int64_t n = 0; n < channels; ++n) c[n] = *totals++;
  }
}

// Stores the sums of lanes, MR x N of them.
template <int MR, int N>
HWY_INLINE void storeDots(const GemmVector (&sums)[MR][N], float* c, int64_t cStride) {
  constexpr int kVectors = (MR * N + static_cast<int>(kLanes) - 1) / static_cast<int>(kLanes);
  HWY_ALIGN float totals[kVectors * kLanes];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    GemmVector lanes[kLanes];
#pragma GCC unroll 16
    for (int l = 0; l < kLanes; ++l) {
      const int at = v * static_cast<int>(kLanes) + l;
      lanes[l] = at < MR * N ? sums[HWY_MIN(at / N, MR - 1)][at % N] : hn::Zero(GemmTag());
    }
    const GemmVector total = laneSums(lanes);
    if (cStride == N)
      storeColumns(total, c + v * kLanes, MR * N - v * kLanes, false);
    else
      hn::Store(total, GemmTag(), totals + v * kLanes);
  }
  if (cStride != N) spreadDots(totals, MR, N, c, cStride);
}

// MR pixels. t.width is N; B is [tap, dotTap].
template <int MR, int N>
HWY_NOINLINE void dotTile(const TileProduct& t, const float* aOuter, float* c) {
  const int64_t whole = t.length / kLanes, tail = t.length % kLanes, stride = t.rowStride;
  const auto all = [](const float* from) HWY_ATTR { return hn::LoadU(GemmTag(), from); };
  const auto some = [tail](const float* from) HWY_ATTR { return loadFirst(from, tail); };
  GemmVector sums[MR][N];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) sums[i][n] = hn::Zero(GemmTag());
  }
  const float* bOuter = t.b;
  for (int64_t outer = 0; outer < t.outerTaps; ++outer, aOuter += t.aSteps.outer, bOuter += t.bSteps.outer) {
    for (int64_t inner = 0; inner < t.innerTaps; ++inner) {
      RowPointers<MR, false> pixels(aOuter + inner * t.aSteps.inner, stride);
      const float* b = bOuter + inner * t.bSteps.inner;
#pragma GCC unroll 2
      for (int64_t k = 0; k < whole; ++k, b += N * kLanes) {
        addDots(pixels, stride, b, sums, all);
        pixels.advance(kLanes);
      }
      if (HWY_LIKELY(tail > 0)) addDots(pixels, stride, b, sums, some);
    }
  }
  storeDots(sums, c, t.cStride);
}

// `rows` pixels, a multiple of MR.
template <int MR, int N>
void dotTiles(const TileProduct& t, const float* a, float* c, int64_t rows) {
  for (int64_t row = 0; row < rows; row += MR) dotTile<MR, N>(t, a + row * t.rowStride, c + row * t.cStride);
}

template <int N, int... kRows>
HWY_INLINE void runDots(const TileProduct& t, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*table[])(const TileProduct&, const float*, float*, int64_t) = {dotTiles<kRows + 1, N>...};
  const int64_t blocks = ceilDivide(rows, kDotRows<N>), high = ceilDivide(rows, blocks);
  const int64_t highRows = (rows - blocks * (high - 1)) * high;
  table[high - 1](t, t.a, t.c, highRows);
  if (highRows < rows) table[high - 2](t, t.a + highRows * t.rowStride, t.c + highRows * t.cStride, rows - highRows);
}

template <int... kColumns>
HWY_INLINE void runDotColumns(const TileProduct& t, int64_t rows, std::integer_sequence<int, kColumns...>) {
  static constexpr void (*table[])(const TileProduct&, int64_t) = {[](const TileProduct& tile, int64_t count) HWY_ATTR {
    runDots<kColumns + 1>(tile, count, std::make_integer_sequence<int, kDotRows<kColumns + 1>>());
  }...};
  table[t.width - 1](t, rows);
}

// As runRows, for packed kernels of dotTap: near-equal blocks, the higher ones first.
HWY_INLINE void runDotRows(const TileProduct& t, int64_t rows) {
  if (rows > 0) runDotColumns(t, rows, std::make_integer_sequence<int, kMostDotted>());
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_DOT_TILE_INL_H_
