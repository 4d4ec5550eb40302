// Products of a few columns for one instruction set, where tiles would leave lanes idle: classifier heads. Each row of A, read
// once and where it lies, is dotted with all columns of B at a time, which are turned into rows first.
//
// Invariant: a row's bits do not depend on which rows are computed beside it; sums over k are kept by lane and added at the end
// of a run in a fixed order.
#include <cstring>

#include "hwy/highway.h"
#include "kernels/matmul-inl.h"

#if defined(STEEPEST_KERNELS_MATMUL_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_NARROW_INL_H_
#undef STEEPEST_KERNELS_MATMUL_NARROW_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_NARROW_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Vectors of four floats are filled by a few columns well enough: tiles do these products there.
#if HWY_TARGET > HWY_AVX2
HWY_INLINE bool isNarrow(const MatMulShape&) { return false; }
HWY_INLINE void multiplyNarrow(const MatMulShape&, const Part&) {}
#else

// Columns that are worth it: enough sums at a time to keep the multipliers busy, all of them in registers.
constexpr int64_t kLeastNarrow = kLanes == 16 ? 5 : 9, kMostNarrow = 14;
constexpr int kNarrowRows = kLanes == 16 ? 2 : 1;

static_assert(kLongestRun * kMostNarrow + 16 * kPanel <= 2 * kWidestPanel * kLongestRun);  // turned columns fit a part's panels

// Fewer rows than this would not repay turning B, a shorter k not adding up the lanes.
HWY_INLINE bool isNarrow(const MatMulShape& s) {
  return !s.transposeA && s.N >= kLeastNarrow && s.N <= kMostNarrow && s.M >= 16 && s.K >= 8 * kLanes;
}

// Turns kPanel rows of B [K, N], of which `floats` may be read. Whole vectors are turned where there are enough of them: what
// comes with the columns lands where the next block will be written, or in scratch that nobody reads.
HWY_INLINE void turnPanel(const float* b, int64_t N, int64_t floats, float* to) {
#if HWY_TARGET <= HWY_AVX3
  if ((kPanel - 1) * N + kLanes <= floats) {
    packSixteenTransposed(b, N, to, kPanel);
    packSixteenTransposed(b + kLanes * N, N, to + kLanes, kPanel);
    return;
  }
#endif
  packPanelTransposed(b, N, N, kPanel, to);
}

// Turns `count` rows of B of one run into blocks of [N][panelRow]: kPanel of k, then as many as are left.
HWY_INLINE void turnRun(const MatMulShape& s, const float* b, int64_t k0, int64_t count, float* to) {
  for (int64_t k = 0; k < count; k += kPanel) {
    const int64_t width = HWY_MIN(kPanel, count - k), row = panelRow(width), first = k0 + k;
    float* const block = to + k * s.N;
    if (s.transposeB) {
      for (int64_t n = 0; n < s.N; ++n) memcpy(block + n * row, b + n * s.K + first, static_cast<size_t>(width) * sizeof(float));
    } else if (width == kPanel) {
      turnPanel(b + first * s.N, s.N, (s.K - first) * s.N, block);
    } else {
      packPanelTransposed(b + first * s.N, s.N, s.N, width, block);
    }
  }
}

// Adds the products of up to kLanes of k to the sums of MR rows with N columns; `load` takes them, of A and of B.
template <int MR, int N, class Load>
HWY_INLINE void addDots(const float* a, int64_t stride, const float* b, int64_t row, GemmVector (&sums)[MR][N],
                        const Load& load) {
  GemmVector x[MR];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) x[i] = load(a + i * stride);
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) {
    const GemmVector column = load(b + n * row);
#pragma GCC unroll 2
    for (int i = 0; i < MR; ++i) sums[i][n] = hn::MulAdd(x[i], column, sums[i][n]);
  }
}

// C[MR, N] (+)= A[MR, length] times the turned B of one run.
template <int MR, int N>
HWY_NOINLINE void multiplyNarrowRows(const float* HWY_RESTRICT a, int64_t stride, const float* HWY_RESTRICT b, int64_t length,
                                     float* HWY_RESTRICT c, bool accumulate) {
  const GemmTag d;
  GemmVector sums[MR][N];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 16
    for (int n = 0; n < N; ++n) sums[i][n] = hn::Zero(d);
  }
  const auto whole = [](const float* from) HWY_ATTR { return hn::LoadU(GemmTag(), from); };
  int64_t left = length;
  for (; left >= kPanel; left -= kPanel, a += kPanel, b += N * kPanel) {
    addDots<MR, N>(a, stride, b, kPanel, sums, whole);
    addDots<MR, N>(a + kLanes, stride, b + kLanes, kPanel, sums, whole);
  }
  const int64_t row = panelRow(left);
  for (; left > 0; left -= kLanes, a += kLanes, b += kLanes) {
    addDots<MR, N>(a, stride, b, row, sums, [left](const float* from) HWY_ATTR {
      return left >= kLanes ? hn::LoadU(GemmTag(), from) : loadFirst(from, left);
    });
  }
  HWY_ALIGN float totals[MR][16];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int n = 0; n < N; n += 4) {
      GemmVector four[4];
#pragma GCC unroll 4
      for (int m = 0; m < 4; ++m) four[m] = n + m < N ? sums[i][HWY_MIN(n + m, N - 1)] : hn::Zero(d);
      hn::Store(sumsOfFour(four), hn::CappedTag<float, 4>(), totals[i] + n);
    }
  }
  for (int i = 0; i < MR; ++i) {
    for (int n = 0; n < N; ++n) c[i * N + n] = accumulate ? c[i * N + n] + totals[i][n] : totals[i][n];
  }
}

using NarrowFunction = decltype(&multiplyNarrowRows<1, 9>);

template <int MR, int... kColumns>
HWY_INLINE NarrowFunction narrowFunction(int64_t columns, std::integer_sequence<int, kColumns...>) {
  static constexpr NarrowFunction table[] = {multiplyNarrowRows<MR, kLeastNarrow + kColumns>...};
  return table[columns - kLeastNarrow];
}

// The part's product, run by run of k: all columns, for they are one panel.
void multiplyNarrow(const MatMulShape& s, const Part& part) {
  using Columns = std::make_integer_sequence<int, kMostNarrow - kLeastNarrow + 1>;
  const NarrowFunction several = narrowFunction<kNarrowRows>(s.N, Columns()), one = narrowFunction<1>(s.N, Columns());
  const int64_t start = blockRow(s, part.blockStart), end = blockRow(s, part.blockEnd);
  const int64_t runs = ceilDivide(part.kEnd - part.kStart, longestRun(s));
  for (int64_t i = 0; i < runs; ++i) {
    const Run run = runOf(part, runs, i);
    turnRun(s, part.b, run.start, run.count, part.panels);
    const float* const a = part.a + run.start;
    int64_t row = start;
    for (; row + kNarrowRows <= end; row += kNarrowRows)
      several(a + row * s.K, s.K, part.panels, run.count, part.c + row * s.N, i > 0);
    for (; row < end; ++row) one(a + row * s.K, s.K, part.panels, run.count, part.c + row * s.N, i > 0);
  }
  finishRows(part.c + start * s.N, s.N, end - start, s.N, part.bias, part.biasStep, part.activation);
}

#endif  // HWY_TARGET > HWY_AVX2

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_NARROW_INL_H_
