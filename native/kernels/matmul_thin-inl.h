// Products of a few rows for one instruction set, where B is read once and packing it would cost as much as multiplying: batch-1
// inference, gradients of one output, attention over one query. Also what finishes sums that are already stored.
//
// Invariant: nothing is read or written outside the part's rectangles; sums over rows of B run over k in order.
#include <cstring>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"
#include "kernels/matmul_tile-inl.h"
#include "kernels/vector_math-inl.h"

#if defined(STEEPEST_KERNELS_MATMUL_THIN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_THIN_INL_H_
#undef STEEPEST_KERNELS_MATMUL_THIN_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_THIN_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// The activation of finished sums, the bias included; the functions are those of the pointwise interpreter, to the bit.
HWY_INLINE GemmVector activated(GemmVector v, Activation activation) {
  const GemmTag d;
  switch (activation) {
    case Activation::relu:
      return reluOf(v);
    case Activation::sigmoid:
      return math::sigmoid(d, v);
    case Activation::tanh:
      return math::tanh(d, v);
    default:
      return v;
  }
}

// c = activation(c + bias) for a rectangle that is in cache. `bias` starts at its first column, null for none; a step of 0
// repeats one bias.
HWY_NOINLINE void finishRows(float* c, int64_t stride, int64_t rows, int64_t columns, const float* bias, int64_t biasStep,
                             Activation activation) {
  const GemmTag d;
  if (!bias && activation == Activation::none) return;
  const GemmVector same = hn::Set(d, bias ? *bias : 0.0f);
  const bool repeated = bias && biasStep == 0, added = bias && !repeated;
  for (int64_t i = 0; i < rows; ++i, c += stride) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int64_t count = HWY_MIN(kLanes, columns - j);
      const bool whole = count == kLanes;
      GemmVector v = whole ? hn::LoadU(d, c + j) : loadFirst(c + j, count);
      if (repeated) v = hn::Add(v, same);
      if (added) v = hn::Add(v, whole ? hn::LoadU(d, bias + j) : loadFirst(bias + j, count));
      v = activated(v, activation);
      whole ? hn::StoreU(v, d, c + j) : storeFirst(v, c + j, count);
    }
  }
}

// The sum of the 128-bit blocks of a vector.
template <class D, class V>
HWY_INLINE hn::Vec<hn::CappedTag<float, 4>> fourOf(D, V v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return fourOf(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sums of the lanes of four vectors, in the lanes of one of 128 bits.
HWY_INLINE hn::Vec<hn::CappedTag<float, 4>> sumsOfFour(const GemmVector* v) {
  const GemmTag d;
  const hn::Repartition<double, GemmTag> d64;
  const GemmVector ab = hn::Add(hn::InterleaveLower(d, v[0], v[1]), hn::InterleaveUpper(d, v[0], v[1]));
  const GemmVector cd = hn::Add(hn::InterleaveLower(d, v[2], v[3]), hn::InterleaveUpper(d, v[2], v[3]));
  const auto ab64 = hn::BitCast(d64, ab), cd64 = hn::BitCast(d64, cd);
  const GemmVector all =
      hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, ab64, cd64)), hn::BitCast(d, hn::InterleaveUpper(d64, ab64, cd64)));
  return fourOf(d, all);
}

// c[j..j+count) = dots of one row of A with `count` (1 to 4) rows of B.
HWY_INLINE void multiplyFourDots(const float* HWY_RESTRICT a, const float* b, int64_t stride, int64_t length, float* c,
                                 int64_t count) {
  const GemmTag d;
  const float* rows[4];
  for (int64_t n = 0; n < 4; ++n) rows[n] = b + HWY_MIN(n, count - 1) * stride;
  GemmVector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  int64_t k = 0;
  for (; k + kLanes <= length; k += kLanes) {
    const GemmVector x = hn::LoadU(d, a + k);
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) sums[n] = hn::MulAdd(x, hn::LoadU(d, rows[n] + k), sums[n]);
  }
  if (k < length) {
    const GemmVector x = loadFirst(a + k, length - k);
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) sums[n] = hn::MulAdd(x, loadFirst(rows[n] + k, length - k), sums[n]);
  }
  const hn::CappedTag<float, 4> d4;
  if (count == 4) return hn::StoreU(sumsOfFour(sums), d4, c);
  HWY_ALIGN float last[4];
  hn::Store(sumsOfFour(sums), d4, last);
  for (int64_t n = 0; n < count; ++n) c[n] = last[n];
}

// Adds `kSteps` rows of B, times MR scalars each, to MR rows of C; `first`: overwrites them.
template <int MR, int kSteps>
HWY_INLINE void addRows(const float* a, int64_t aRow, int64_t aStep, const float* HWY_RESTRICT b, int64_t stride, float* c,
                        int64_t cStride, int64_t width, bool first) {
  const GemmTag d;
  GemmVector x[MR][kSteps];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int k = 0; k < kSteps; ++k) x[i][k] = hn::Set(d, a[i * aRow + k * aStep]);
  }
  int64_t j = 0;
  for (; j + kLanes <= width; j += kLanes) {
    GemmVector sums[MR];
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) sums[i] = first ? hn::Zero(d) : hn::LoadU(d, c + i * cStride + j);
#pragma GCC unroll 8
    for (int k = 0; k < kSteps; ++k) {
      const GemmVector row = hn::LoadU(d, b + k * stride + j);
#pragma GCC unroll 4
      for (int i = 0; i < MR; ++i) sums[i] = hn::MulAdd(x[i][k], row, sums[i]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) hn::StoreU(sums[i], d, c + i * cStride + j);
  }
  if (j == width) return;
  for (int i = 0; i < MR; ++i) {
    GemmVector sum = first ? hn::Zero(d) : loadFirst(c + i * cStride + j, width - j);
    for (int k = 0; k < kSteps; ++k) sum = hn::MulAdd(x[i][k], loadFirst(b + k * stride + j, width - j), sum);
    storeFirst(sum, c + i * cStride + j, width - j);
  }
}

// C[MR, width] = A[MR, length] * B[length, width], B read row by row from start to end: as fast as memory is.
template <int MR>
HWY_NOINLINE void streamRows(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t stride, int64_t length,
                             float* c, int64_t cStride, int64_t width) {
  constexpr int kSteps = 8 / MR;
  for (int64_t i = 0; i < MR && length == 0; ++i) memset(c + i * cStride, 0, static_cast<size_t>(width) * sizeof(float));
  int64_t k = 0;
  for (; k + kSteps <= length; k += kSteps)
    addRows<MR, kSteps>(a + k * aStep, aRow, aStep, b + k * stride, stride, c, cStride, width, k == 0);
  for (; k < length; ++k) addRows<MR, 1>(a + k * aStep, aRow, aStep, b + k * stride, stride, c, cStride, width, k == 0);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_THIN_INL_H_
