// What groups of two to eight channels share, several of them side by side in a vector, and the gradient to their kernel, for one
// instruction set.
//
// One group alone would leave most lanes idle. Here a vector holds the channels of several groups, and channel l of a group meets
// the channels l, l ^ 1, l ^ 2, … of that group one after another: in the gradient the vector of input channels itself, then its
// permutations within the groups, each made once and multiplied for all taps of a row. Invariant: nothing outside the operands is
// touched.
#include "hwy/highway.h"
#include "kernels/conv.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_GROUPED_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_GROUPED_TILE_INL_H_
#undef STEEPEST_KERNELS_GROUPED_TILE_INL_H_
#else
#define STEEPEST_KERNELS_GROUPED_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kGroupedTaps = 3;  // at most, of a row of taps that share the permutations of a pixel

// Whether vectors are filled by whole groups with as many input as output channels.
HWY_INLINE bool fillsVectors(int64_t groups, int64_t size, int64_t producedSize) {
  return groups > 1 && producedSize == size && (size == 2 || size == 4 || size == 8) && size < kLanes &&
         groups * size % kLanes == 0;
}
HWY_INLINE bool fillsVectors(const ConvShape& s) { return fillsVectors(s.groups, s.groupC(), s.groupO()); }

// For each r the lanes l ^ r.
struct Exchanges {
  HWY_ALIGN int32_t lanes[8][kLanes];
  Exchanges() {
    for (int32_t r = 0; r < 8; ++r) {
      for (int32_t l = 0; l < kLanes; ++l) lanes[r][l] = (l ^ r) % static_cast<int32_t>(kLanes);
    }
  }
};

HWY_INLINE GemmVector exchange(const Exchanges& e, GemmVector v, int r) {
  return r == 0 ? v : hn::TableLookupLanes(v, hn::SetTableIndices(GemmTag(), e.lanes[r]));
}

// One row of taps of the gradient to the kernel, for kLanes channels. x and dy are rows of pixels; tap j of pixel i of dy meets
// pixel i * stride + j * dilation - pad of x.
struct GroupedRow {
  const float* x;
  const float* dy;
  int64_t xStep, dyStep;  // from row to row
  int64_t rows, width, outputWidth, channels, stride, dilation, pad;

  // Whether the taps of a row meet one pixel of x for neighbouring pixels of dy.
  bool meetsNeighbours() const { return stride == 1 && dilation == 1; }
};

template <int SIZE>
HWY_INLINE void exchangeAll(const Exchanges& exchanges, const float* from, GemmVector* to) {
  const GemmVector v = hn::LoadU(GemmTag(), from);
#pragma GCC unroll 8
  for (int r = 0; r < SIZE; ++r) to[r] = exchange(exchanges, v, r);
}

// Adds the products of one row of pixels. Either pixel by pixel of x, each with all pixels of dy that meet it, or pixel by pixel
// of dy.
template <int SIZE, int KW, bool kNeighbours>
HWY_INLINE void addGroupedPixels(const GroupedRow& t, const Exchanges& exchanges, const float* x, const float* dy,
                                 GemmVector (&sums)[KW][SIZE]) {
  const GemmTag d;
  const int64_t first = kNeighbours ? HWY_MAX(int64_t{0}, t.pad) : 0;
  const int64_t last = kNeighbours ? HWY_MIN(t.outputWidth + KW - 1, t.width + t.pad) : t.outputWidth;
  for (int64_t i = first; i < last; ++i) {
    GemmVector v[SIZE];
    if (kNeighbours) exchangeAll<SIZE>(exchanges, x + (i - t.pad) * t.channels, v);
#pragma GCC unroll 4
    for (int j = 0; j < KW; ++j) {
      const int64_t tested = kNeighbours ? i - j : i * t.stride + j * t.dilation - t.pad;
      if (static_cast<uint64_t>(tested) >= static_cast<uint64_t>(kNeighbours ? t.outputWidth : t.width)) continue;
      if (!kNeighbours) exchangeAll<SIZE>(exchanges, x + tested * t.channels, v);
      const GemmVector gradient = hn::LoadU(d, dy + (kNeighbours ? tested : i) * t.channels);
#pragma GCC unroll 8
      for (int r = 0; r < SIZE; ++r) sums[j][r] = hn::MulAdd(v[r], gradient, sums[j][r]);
    }
  }
}

// Adds sums[r], for the input channels l ^ r, to rows of dw, one per input channel of the groups.
template <int SIZE>
HWY_INLINE void storeGrouped(const GemmVector (&sums)[SIZE], float* dw, int64_t stride, bool accumulate) {
  HWY_ALIGN float lanes[SIZE][kLanes];
#pragma GCC unroll 8
  for (int r = 0; r < SIZE; ++r) hn::Store(sums[r], GemmTag(), lanes[r]);
  for (int64_t channel = 0; channel < SIZE; ++channel, dw += stride) {
    for (int64_t l = 0; l < kLanes; ++l) dw[l] = (accumulate ? dw[l] : 0.0f) + lanes[(l % SIZE) ^ channel][l];
  }
}

// Taps of a row whose sums stay in registers beside a pixel's exchanged lanes: of three taps those of the largest groups would
// not.
constexpr int tapsAtOnce(int size) { return 2 * size >= kLanes ? 2 : kGroupedTaps; }

// Adds the products of a row of KW taps to dw[tap, input channel of the group, kLanes], which has rows of t.channels.
template <int SIZE, int KW, bool kNeighbours>
HWY_NOINLINE void addGroupedRow(const GroupedRow& t, const Exchanges& exchanges, float* dw, bool accumulate) {
  GemmVector sums[KW][SIZE];
#pragma GCC unroll 4
  for (int j = 0; j < KW; ++j) {
#pragma GCC unroll 8
    for (int r = 0; r < SIZE; ++r) sums[j][r] = hn::Zero(GemmTag());
  }
  for (int64_t row = 0; row < t.rows; ++row)
    addGroupedPixels<SIZE, KW, kNeighbours>(t, exchanges, t.x + row * t.xStep, t.dy + row * t.dyStep, sums);
#pragma GCC unroll 4
  for (int j = 0; j < KW; ++j) storeGrouped<SIZE>(sums[j], dw + j * SIZE * t.channels, t.channels, accumulate);
}

template <int SIZE, bool kNeighbours>
HWY_INLINE void addGroupedTaps(GroupedRow t, const Exchanges& exchanges, int64_t taps, float* dw, bool accumulate) {
  constexpr int kTaps = tapsAtOnce(SIZE);
  for (; taps > 0; taps -= kTaps) {
    const auto add = taps == 1                 ? addGroupedRow<SIZE, 1, kNeighbours>
                     : taps == 2 || kTaps == 2 ? addGroupedRow<SIZE, 2, kNeighbours>
                                               : addGroupedRow<SIZE, kTaps, kNeighbours>;
    add(t, exchanges, dw, accumulate);
    t.pad -= kTaps * t.dilation;
    dw += kTaps * SIZE * t.channels;
  }
}

// Any number of taps of a row, for groups of `size` channels.
HWY_INLINE void runGroupedRow(const GroupedRow& t, const Exchanges& exchanges, int64_t size, int64_t taps, float* dw,
                              bool accumulate) {
  constexpr void (*run[3][2])(GroupedRow, const Exchanges&, int64_t, float*, bool) = {
      {addGroupedTaps<2, false>, addGroupedTaps<2, true>},
      {addGroupedTaps<4, false>, addGroupedTaps<4, true>},
      {addGroupedTaps<8, false>, addGroupedTaps<8, true>}};
  run[size / 4][t.meetsNeighbours()](t, exchanges, taps, dw, accumulate);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_GROUPED_TILE_INL_H_
