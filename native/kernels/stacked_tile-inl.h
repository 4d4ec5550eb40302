// Register-tile products with several rows of taps at a time, for one instruction set: gradients to a kernel of few channels.
//
// A panel of one vector needs a number of x per multiplication, which loads cannot bring in time. Rows of taps meet a row of x
// with neighbouring rows of dy: here each number of x is multiplied with the vectors of up to three of them. Invariant: nothing
// outside the operands is touched.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_STACKED_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_STACKED_TILE_INL_H_
#undef STEEPEST_KERNELS_STACKED_TILE_INL_H_
#else
#define STEEPEST_KERNELS_STACKED_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int kStackedTaps = 3;

// Rows of a tile: the sums, a vector per row of taps, a number of x and, below AVX2, a product fit the registers.
constexpr int kStackedRegisters = kTileRows > 6 ? 31 : HWY_TARGET <= HWY_AVX2 ? 15 : 14;
constexpr int stackedRows(int taps) { return kStackedRegisters / taps - 1; }

// The steps from one row of taps to the next, in elements.
struct Stack {
  int64_t b, c;
};

// As multiplyTile of one vector whose rows of A lie side by side, adding to C, for TAPS rows of taps.
template <int MR, int TAPS>
HWY_NOINLINE void stackedTile(const TileProduct& t, const Stack& stack) {
  const GemmTag d;
  GemmVector sums[MR][TAPS];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int tap = 0; tap < TAPS; ++tap) sums[i][tap] = hn::Zero(d);
  }
  const int64_t aStep = t.columnStride, bStep = t.bStride, tapStep = stack.b;
  for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
    const float* HWY_RESTRICT a = t.a + outer * t.aSteps.outer;
    const float* HWY_RESTRICT b = t.b + outer * t.bSteps.outer;
#pragma GCC unroll kStepsAtOnce
    for (int64_t k = 0; k < t.length; ++k, a += aStep, b += bStep) {
      GemmVector columns[TAPS];
#pragma GCC unroll 4
      for (int tap = 0; tap < TAPS; ++tap) {
        columns[tap] = hn::LoadU(d, b + tap * tapStep);
        keepInRegister(columns[tap]);
      }
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        GemmVector x = hn::Set(d, a[i]);
        keepInRegister(x);
#pragma GCC unroll 4
        for (int tap = 0; tap < TAPS; ++tap) sums[i][tap] = hn::MulAdd(x, columns[tap], sums[i][tap]);
      }
    }
  }
#pragma GCC unroll 4
  for (int tap = 0; tap < TAPS; ++tap) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) storeColumns(sums[i][tap], t.c + tap * stack.c + i * t.cStride, t.width, true);
  }
}

template <int TAPS, int... kRows>
HWY_INLINE void runStacked(TileProduct t, const Stack& stack, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*table[])(const TileProduct&, const Stack&) = {stackedTile<kRows + 1, TAPS>...};
  const int64_t blocks = ceilDivide(rows, static_cast<int64_t>(sizeof...(kRows)));
  const float* a = t.a;
  float* c = t.c;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    t.a = a + start;
    t.c = c + start * t.cStride;
    table[partStart(rows, blocks, i + 1) - start - 1](t, stack);
  }
}

// Adds the products of `taps` (1..kStackedTaps) rows of taps, `rows` rows of C each; a width up to one vector.
HWY_INLINE void runStackedRows(const TileProduct& t, const Stack& stack, int64_t taps, int64_t rows) {
  if (taps == 1) return runRows(t, rows);
  if (taps == 2) return runStacked<2>(t, stack, rows, std::make_integer_sequence<int, stackedRows(2)>());
  runStacked<3>(t, stack, rows, std::make_integer_sequence<int, stackedRows(3)>());
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_STACKED_TILE_INL_H_
