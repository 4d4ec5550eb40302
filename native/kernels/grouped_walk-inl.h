// Tiles of grouped convolutions, forward and gradient to the input, with several groups side by side in a vector, for one
// instruction set.
//
// A tile is up to kTileRows pixels, or a grid of several rows of them, times one vector of channels. Lanes of the source are
// multiplied where they are: sums for the channels l ^ r of the groups are gathered first with the largest r and their lanes
// exchanged from one r to the next, so that all are where they belong at r = 0: per result that takes one permutation per channel
// of a group, whatever the taps. Invariant: nothing outside the operands is touched, and a pixel's bits do not depend on the tile
// that it is in: r downwards, and for each the taps in order.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_tile-inl.h"

#if defined(STEEPEST_KERNELS_GROUPED_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#undef STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#else
#define STEEPEST_KERNELS_GROUPED_WALK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr bool kHasGrids = HWY_TARGET <= HWY_AVX3;  // 32 registers
constexpr int kGridRows = 4, kGridColumns = 5;      // sums beside nine taps and a vector of the source
constexpr int kLeastGridColumns = 3;                // what four and more columns are cut into at least
constexpr int kGridWidths = kGridColumns - kLeastGridColumns + 1;

// sum += a * b. Said to be in place: where GCC 12 chooses the form of a multiply-add itself, it overwrites factors that live on
// and copies them, in tiles that fill the registers a move per two multiply-adds.
HWY_INLINE void addProduct(const GemmVector& a, const GemmVector& b, GemmVector& sum) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86 && !HWY_COMPILER_MSVC
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  sum = hn::MulAdd(a, b, sum);
#endif
}

// Exchanges the lanes of sums for the input channels l ^ r, so that they go on with l ^ (r - 1).
template <int COUNT>
HWY_INLINE void exchangeSums(const Exchanges& exchanges, int64_t r, GemmVector* sums) {
  const auto lanes = hn::SetTableIndices(GemmTag(), exchanges.lanes[r ^ (r - 1)]);
#pragma GCC unroll 20
  for (int i = 0; i < COUNT; ++i) sums[i] = hn::TableLookupLanes(sums[i], lanes);
}

// Adds the products with TAPS taps of a row, tap j of pixel i meeting pixel i + j of the source. b is the first tap's vector.
template <int MR, int TAPS>
HWY_INLINE void addGrouped(const TileProduct& t, const float* a, const float* b, GemmVector (&sums)[MR]) {
  const GemmTag d;
  const int64_t stride = t.rowStride, tapStep = t.bSteps.inner;
  const RowPointers<MR + TAPS - 1, false> pixels(a, stride);
  GemmVector w[TAPS];
#pragma GCC unroll 4
  for (int j = 0; j < TAPS; ++j) {
    w[j] = hn::LoadU(d, b + j * tapStep);
    keepInRegister(w[j]);
  }
#pragma GCC unroll 20
  for (int i = 0; i < MR + TAPS - 1; ++i) {
    GemmVector v = hn::LoadU(d, pixels.row(i, stride));
    if (TAPS > 1) keepInRegister(v);
#pragma GCC unroll 4
    for (int j = 0; j < TAPS; ++j) {
      if (i >= j && i - j < MR) addProduct(v, w[j], sums[i - j]);
    }
  }
}

// As addGrouped for one tap, with its operands in memory: with the choice between one, two and three, strides of two were a tenth
// slower.
template <int MR>
HWY_INLINE void addTap(const TileProduct& t, const float* a, const float* b, GemmVector (&sums)[MR]) {
  const GemmVector w = hn::LoadU(GemmTag(), b);
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i, a += t.rowStride) sums[i] = hn::MulAdd(hn::LoadU(GemmTag(), a), w, sums[i]);
}

// A row of pixels. t.length is the channels of a group; B is [tap, r, kLanes].
template <int MR>
HWY_NOINLINE void groupedTile(const TileProduct& t, const Exchanges& exchanges) {
  GemmVector sums[MR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) sums[i] = hn::Zero(GemmTag());
  const int64_t shared = t.aSteps.inner == t.rowStride ? t.innerTaps : 1;
  for (int64_t r = t.length - 1; r >= 0; --r) {
    for (int64_t outer = 0; outer < t.outerTaps; ++outer) {
      const float* a = t.a + outer * t.aSteps.outer;
      const float* b = t.b + outer * t.bSteps.outer + r * kLanes;
      if (shared == 1) {
        for (int64_t inner = 0; inner < t.innerTaps; ++inner)
          addTap<MR>(t, a + inner * t.aSteps.inner, b + inner * t.bSteps.inner, sums);
        continue;
      }
      for (int64_t left = t.innerTaps, taps = 0; left > 0; left -= taps, a += taps * t.aSteps.inner, b += taps * t.bSteps.inner) {
        taps = HWY_MIN(HWY_MIN(left, shared), int64_t{kGroupedTaps});
        if (taps == 3)
          addGrouped<MR, 3>(t, a, b, sums);
        else if (taps == 2)
          addGrouped<MR, 2>(t, a, b, sums);
        else
          addGrouped<MR, 1>(t, a, b, sums);
      }
    }
    if (r > 0) exchangeSums<MR>(exchanges, r, sums);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) hn::StoreU(sums[i], GemmTag(), t.c + i * t.cStride);
}

// Adds the products of rows of pixels with 3x3 taps that meet neighbours, for the input channels l ^ r.
template <int ROWS, int COLUMNS>
HWY_INLINE void addGrid(const TileProduct& t, const float* b, GemmVector (&sums)[ROWS * COLUMNS]) {
  const GemmTag d;
  const int64_t stride = t.rowStride, rowStep = t.aSteps.outer, tapStep = t.bSteps.inner;
  GemmVector w[3][3];
#pragma GCC unroll 3
  for (int k = 0; k < 3; ++k, b += t.bSteps.outer) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      w[k][j] = hn::LoadU(d, b + j * tapStep);
      keepInRegister(w[k][j]);
    }
  }
  const float *left = t.a, *right = t.a + 3 * stride;  // two pointers, or compilers keep one per pixel in memory
#pragma GCC unroll 8
  for (int y = 0; y < ROWS + 2; ++y, left += rowStep, right += rowStep) {
    keepInRegister(left);
    keepInRegister(right);
#pragma GCC unroll 8
    for (int x = 0; x < COLUMNS + 2; ++x) {
      GemmVector v = hn::LoadU(d, x < 3 ? left + x * stride : right + (x - 3) * stride);
      keepInRegister(v);
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) {
#pragma GCC unroll 3
        for (int j = 0; j < 3; ++j) {
          if (y >= k && y - k < ROWS && x >= j && x - j < COLUMNS) addProduct(v, w[k][j], sums[(y - k) * COLUMNS + x - j]);
        }
      }
    }
  }
}

// Several rows of pixels, cStep apart, with 3x3 taps that meet neighbours: each vector of the source is multiplied up to nine
// times. To the bit what groupedTile makes of the rows.
template <int ROWS, int COLUMNS>
HWY_NOINLINE void groupedGrid(const TileProduct& t, int64_t cStep, const Exchanges& exchanges) {
  GemmVector sums[ROWS * COLUMNS];
#pragma GCC unroll 20
  for (int i = 0; i < ROWS * COLUMNS; ++i) sums[i] = hn::Zero(GemmTag());
  for (int64_t r = t.length - 1; r > 0; --r) {
    addGrid<ROWS, COLUMNS>(t, t.b + r * kLanes, sums);
    exchangeSums<ROWS * COLUMNS>(exchanges, r, sums);
  }
  addGrid<ROWS, COLUMNS>(t, t.b, sums);
  float* c = t.c;
#pragma GCC unroll 4
  for (int i = 0; i < ROWS; ++i, c += cStep) {
#pragma GCC unroll 5
    for (int j = 0; j < COLUMNS; ++j) hn::StoreU(sums[i * COLUMNS + j], GemmTag(), c + j * t.cStride);
  }
}

template <int... kRows>
HWY_INLINE void runGroupedTiles(TileProduct t, const Exchanges& exchanges, int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr void (*table[])(const TileProduct&, const Exchanges&) = {groupedTile<kRows + 1>...};
  const int64_t blocks = ceilDivide(rows, kTileRows);
  const float* a = t.a;
  float* c = t.c;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t start = partStart(rows, blocks, i);
    t.a = a + start * t.rowStride;
    t.c = c + start * t.cStride;
    table[partStart(rows, blocks, i + 1) - start - 1](t, exchanges);
  }
}

// As runRows, for a vector of channels of several groups.
HWY_INLINE void runGroupedRows(const TileProduct& t, const Exchanges& exchanges, int64_t rows) {
  runGroupedTiles(t, exchanges, rows, std::make_integer_sequence<int, kTileRows>());
}

// `rows` rows of `columns` pixels, rows of the source t.aSteps.outer apart and of the result cStep, with 3x3 taps. At
// least four columns.
template <int... kSizes>
HWY_INLINE void runGroupedGrids(TileProduct t, int64_t cStep, const Exchanges& exchanges, int64_t rows, int64_t columns,
                                std::integer_sequence<int, kSizes...>) {
  static constexpr void (*table[])(const TileProduct&, int64_t, const Exchanges&) = {
      groupedGrid<kSizes / kGridWidths + 1, kSizes % kGridWidths + kLeastGridColumns>...};
  const int64_t bands = ceilDivide(rows, kGridRows), blocks = ceilDivide(columns, kGridColumns);
  const float* a = t.a;
  float* c = t.c;
  for (int64_t i = 0; i < bands; ++i) {
    const int64_t row = partStart(rows, bands, i), height = partStart(rows, bands, i + 1) - row;
    for (int64_t j = 0, column = 0, end; j < blocks; ++j, column = end) {
      end = partStart(columns, blocks, j + 1);
      t.a = a + row * t.aSteps.outer + column * t.rowStride;
      t.c = c + row * cStep + column * t.cStride;
      table[(height - 1) * kGridWidths + end - column - kLeastGridColumns](t, cStep, exchanges);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_GROUPED_WALK_INL_H_
