// Register-tile products for one instruction set: the inner loops of matmul and of the direct convolutions.
//
// A tile is MR rows by NV vectors of columns, accumulated in registers over all k (14x32 on AVX-512, 6x16 on AVX2), stored once.
// Invariant: nothing is read or written outside the operands that TileProduct names, whatever the width.
#include <cstring>
#include <utility>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/gemm.h"

#if defined(STEEPEST_KERNELS_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_GEMM_INL_H_
#undef STEEPEST_KERNELS_GEMM_INL_H_
#else
#define STEEPEST_KERNELS_GEMM_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3
using GemmTag = hn::CappedTag<float, 16>;
constexpr int kTileRows = 14;  // 28 accumulators, 2 columns of B, 1 broadcast of 32 registers
#elif HWY_TARGET <= HWY_SSE4
using GemmTag = hn::CappedTag<float, 8>;
constexpr int kTileRows = 6;  // 12 accumulators of 16 registers
#else
using GemmTag = hn::CappedTag<float, 4>;
constexpr int kTileRows = 12;  // NEON: 24 accumulators of 32 registers
#endif
using GemmVector = hn::Vec<GemmTag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(GemmTag()));
constexpr int64_t kPanel = 2 * kLanes;
// Steps of k in one turn of a tile's loop: a step of AVX2 is 20 instructions and 4 to count and to advance. Not
// measured for the other sets, whose loops are as the compiler leaves them.
constexpr int kStepsAtOnce = kLanes == 8 ? 4 : 1;

// Masked memory access that touches no byte past `count`: native on AVX2 and AVX-512, through the stack elsewhere.
HWY_INLINE GemmVector loadFirst(const float* from, int64_t count) {
  const GemmTag d;
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
#else
  HWY_ALIGN float lanes[kLanes] = {};
  memcpy(lanes, from, static_cast<size_t>(count) * sizeof(float));
  return hn::Load(d, lanes);
#endif
}

HWY_INLINE void storeFirst(GemmVector v, float* to, int64_t count) {
  const GemmTag d;
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
#else
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, d, lanes);
  memcpy(to, lanes, static_cast<size_t>(count) * sizeof(float));
#endif
}

HWY_INLINE void storeColumns(GemmVector v, float* to, int64_t count, bool accumulate) {
  const GemmTag d;
  if (count >= kLanes) {
    hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, to), v) : v, d, to);
  } else if (count > 0) {
    storeFirst(accumulate ? hn::Add(loadFirst(to, count), v) : v, to, count);
  }
}

// max(v, 0). The instructions of x86 return their second operand if either is NaN, and NEON's may return any NaN: v's is kept.
HWY_INLINE GemmVector reluOf(GemmVector v) {
  const GemmVector positive = hn::Max(v, hn::Zero(GemmTag()));
  return hn::IfThenElse(hn::IsNaN(v), v, positive);
}

// Hides how a pointer came about, so that compilers do not compute it anew from another.
template <class T>
HWY_INLINE void keepInRegister(T*& pointer) {
#if !HWY_COMPILER_MSVC
  asm("" : "+r"(pointer));
#endif
}

// Keeps a vector that is multiplied several times from being loaded as often.
HWY_INLINE void keepInRegister(GemmVector& v) {
#if HWY_ARCH_X86 && !HWY_COMPILER_MSVC
  asm("" : "+v"(v.raw));
#endif
}

// MR rows of an operand as one pointer per kPointerRows of them: with an offset per row, compilers run out of registers and
// reload some at every step. Rows whose elements lie side by side need one pointer.
constexpr int kPointerRows = 5;

template <int MR, bool kRowsContiguous>
struct RowPointers {
  static constexpr int kPointers = kRowsContiguous ? 1 : (MR + kPointerRows - 1) / kPointerRows;
  const float* first[kPointers];

  HWY_INLINE RowPointers(const float* rows, int64_t rowStep) {
#pragma GCC unroll 4
    for (int i = 0; i < kPointers; ++i) {
      first[i] = rows + i * kPointerRows * rowStep;
      if (kPointers > 1) keepInRegister(first[i]);
    }
  }
  HWY_INLINE float element(int row, int64_t rowStep) const {
    if constexpr (kRowsContiguous) return first[0][row];
    return first[row / kPointerRows][row % kPointerRows * rowStep];
  }
  HWY_INLINE const float* row(int row, int64_t rowStep) const { return first[row / kPointerRows] + row % kPointerRows * rowStep; }
  HWY_INLINE void advance(int64_t step) {
#pragma GCC unroll 4
    for (int i = 0; i < kPointers; ++i) first[i] += step;
  }
};

// Full unrolling keeps the accumulators in registers; without it compilers put the array on the stack and lose half the rate.
template <int MR, int NV, bool kRowsContiguous>
HWY_NOINLINE void multiplyTile(const TileProduct& t) {
  const GemmTag d;
  GemmVector sums[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) sums[i][j] = hn::Zero(d);
  }
  for (int i = 0; i < MR; ++i) {
    hwy::Prefetch(t.c + i * t.cStride);
    hwy::Prefetch(t.c + i * t.cStride + (NV - 1) * kLanes);
  }
  const int64_t aStep = kRowsContiguous ? t.columnStride : 1;
  const int64_t rowStep = kRowsContiguous ? 1 : t.rowStride;
  const int64_t bStep = t.bStride;
  for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
    for (int64_t inner = 0; inner < t.innerTaps; ++inner) {
      const float* HWY_RESTRICT a = t.a + outer * t.aSteps.outer + inner * t.aSteps.inner;
      const float* HWY_RESTRICT b = t.b + outer * t.bSteps.outer + inner * t.bSteps.inner;
#pragma GCC unroll kStepsAtOnce
      for (int64_t k = 0; k < t.length; ++k, a += aStep, b += bStep) {
        GemmVector columns[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) columns[j] = hn::LoadU(d, b + j * kLanes);
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
          const GemmVector x = hn::Set(d, a[i * rowStep]);
#pragma GCC unroll 4
          for (int j = 0; j < NV; ++j) sums[i][j] = hn::MulAdd(x, columns[j], sums[i][j]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) storeColumns(sums[i][j], t.c + i * t.cStride + j * kLanes, t.width - j * kLanes, t.accumulate);
  }
}

using TileFunction = void (*)(const TileProduct&);

template <int NV, bool kRowsContiguous, int... kRows>
HWY_INLINE TileFunction tileFunction(int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr TileFunction table[] = {multiplyTile<kRows + 1, NV, kRowsContiguous>...};
  return table[rows - 1];
}

// The tile product for `rows` (1..kTileRows) rows; a width up to one vector uses the one-vector tile.
HWY_INLINE void runTile(const TileProduct& t, int64_t rows) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  const bool one = t.width <= kLanes;
  const bool contiguous = t.rowStride == 1 && t.columnStride != 1;
  const TileFunction run = contiguous ? (one ? tileFunction<1, true>(rows, Rows()) : tileFunction<2, true>(rows, Rows()))
                                      : (one ? tileFunction<1, false>(rows, Rows()) : tileFunction<2, false>(rows, Rows()));
  run(t);
}

// Runs `t` for any number of rows, as near-equal blocks of at most kTileRows.
HWY_INLINE void runRows(TileProduct t, int64_t rows) {
  const int64_t blocks = ceilDivide(rows, kTileRows);
  const float* a = t.a;
  float* c = t.c;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    t.a = a + start * t.rowStride;
    t.c = c + start * t.cStride;
    runTile(t, partStart(rows, blocks, i + 1) - start);
  }
}

// Row length of a packed panel that holds `width` columns.
HWY_INLINE int64_t panelRow(int64_t width) { return width <= kLanes ? kLanes : kPanel; }

// Copies rows [0, count) of a row-major matrix, `width` columns each, into a panel padded with zeros.
HWY_INLINE void packPanel(const float* from, int64_t stride, int64_t count, int64_t width, float* to) {
  const GemmTag d;
  const int64_t row = panelRow(width);
  const int64_t last = width - (row - kLanes);  // columns in the last vector
  for (int64_t k = 0; k < count; ++k, from += stride, to += row) {
    if (row == kPanel) hn::StoreU(hn::LoadU(d, from), d, to);
    hn::StoreU(last == kLanes ? hn::LoadU(d, from + row - kLanes) : loadFirst(from + row - kLanes, last), d, to + row - kLanes);
  }
}

// Four k of kLanes columns at once: block L of vector i holds column 4L+i, so a 4x4 transpose within blocks leaves columns in
// order. Columns after `last` are copies of it.
HWY_INLINE void packFourTransposed(const float* from, int64_t stride, int64_t last, float* to, int64_t row) {
  const GemmTag d;
  GemmVector v[4];
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; ++i) {
    v[i] = hn::LoadDup128(d, from + HWY_MIN(i, last) * stride);
#if HWY_TARGET <= HWY_AVX2
#pragma GCC unroll 4
    for (int64_t block = 1; block < kLanes / 4; ++block) {
      const auto before = hn::FirstN(d, static_cast<size_t>(4 * block));
      v[i] = hn::IfThenElse(before, v[i], hn::LoadDup128(d, from + HWY_MIN(4 * block + i, last) * stride));
    }
#endif
  }
  const hn::Repartition<double, GemmTag> d64;
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, v[0], v[1]));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, v[2], v[3]));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, v[0], v[1]));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, v[2], v[3]));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, to + row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, to + 2 * row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, to + 3 * row);
}

#if HWY_TARGET <= HWY_AVX3
// Transposes 4x4 blocks of 128 bits: out[i] holds block i of each of the four vectors.
HWY_INLINE void transposeBlocks(GemmVector* v) {
  const GemmTag d;
  const GemmVector low02 = hn::ConcatLowerLower(d, v[2], v[0]), low13 = hn::ConcatLowerLower(d, v[3], v[1]);
  const GemmVector high02 = hn::ConcatUpperUpper(d, v[2], v[0]), high13 = hn::ConcatUpperUpper(d, v[3], v[1]);
  v[0] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(low13), low02);
  v[1] = hn::OddEvenBlocks(low13, hn::SwapAdjacentBlocks(low02));
  v[2] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(high13), high02);
  v[3] = hn::OddEvenBlocks(high13, hn::SwapAdjacentBlocks(high02));
}

// Sixteen k of sixteen columns at once: each cache line of a column is read once, wherever the columns collide in L1.
HWY_INLINE void packSixteenTransposed(const float* from, int64_t stride, float* to, int64_t row) {
  const GemmTag d;
  const hn::Repartition<double, GemmTag> d64;
  GemmVector v[4][4];  // [k % 4][column / 4], blocks of four k
#pragma GCC unroll 4
  for (int64_t g = 0; g < 4; ++g) {
    const float* const column = from + 4 * g * stride;
    const GemmVector a = hn::LoadU(d, column), b = hn::LoadU(d, column + stride);
    const GemmVector c = hn::LoadU(d, column + 2 * stride), e = hn::LoadU(d, column + 3 * stride);
    const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, a, b)), low23 = hn::BitCast(d64, hn::InterleaveLower(d, c, e));
    const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, a, b)), high23 = hn::BitCast(d64, hn::InterleaveUpper(d, c, e));
    v[0][g] = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
    v[1][g] = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
    v[2][g] = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
    v[3][g] = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
  }
#pragma GCC unroll 4
  for (int64_t k = 0; k < 4; ++k) {
    transposeBlocks(v[k]);
#pragma GCC unroll 4
    for (int64_t block = 0; block < 4; ++block) hn::StoreU(v[k][block], d, to + (4 * block + k) * row);
  }
}
#endif

// As packPanel, from a matrix whose columns are contiguous: element (k, column) is from[column * stride + k]. The panel is filled
// up with copies of its last column, whose products nobody stores.
HWY_INLINE void packPanelTransposed(const float* from, int64_t stride, int64_t count, int64_t width, float* to) {
  const int64_t row = panelRow(width);
  for (int64_t j = 0; j < row; j += kLanes) {
    const int64_t last = HWY_MIN(width - j, kLanes) - 1;
    const float* const start = from + j * stride;
    int64_t k = 0;
    if (last == kLanes - 1) {
#if HWY_TARGET <= HWY_AVX3
      for (; k + kLanes <= count; k += kLanes) packSixteenTransposed(start + k, stride, to + k * row + j, row);
#endif
      for (; k + 4 <= count; k += 4) packFourTransposed(start + k, stride, kLanes - 1, to + k * row + j, row);
    } else {
      for (; k + 4 <= count; k += 4) packFourTransposed(start + k, stride, last, to + k * row + j, row);
    }
    for (; k < count; ++k) {
      for (int64_t c = 0; c < kLanes; ++c) to[k * row + j + c] = start[HWY_MIN(c, last) * stride + k];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_GEMM_INL_H_
