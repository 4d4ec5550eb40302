// The products of Winograd's algorithm for one instruction set: a small matrix product at each of the 36 positions.
//
// Invariant: each sum runs over k in order, so its bits depend neither on the tile that computes it nor on the group.
#include <utility>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/winograd.h"

#if defined(STEEPEST_KERNELS_WINOGRAD_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_WINOGRAD_PRODUCT_INL_H_
#undef STEEPEST_KERNELS_WINOGRAD_PRODUCT_INL_H_
#else
#define STEEPEST_KERNELS_WINOGRAD_PRODUCT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Products C[rows, columns] = A · B, one per position, for the short sums of a group: no borders, whole vectors of columns.
struct GroupProduct {
  // An operand and its distances: from row to row (for A stored by columns, from k to k), panel to panel and position to
  // position.
  template <typename Float>
  struct Operand {
    Float* at;
    int64_t stride, panelStep, positionStep;
  };
  Operand<const float> a, b;
  Operand<float> c;
  int64_t length;   // of k
  int64_t panels;   // of one or two vectors of columns
  bool accumulate;  // add to C rather than overwrite it
};

// The height of the tiles of whole groups, of kSmallestGroup tiles or multiples of it.
constexpr int kWholeRows = kTileRows < kSmallestGroup ? kSmallestGroup / 2 : kSmallestGroup;

// The highest tile of one vector of columns: with 32 registers whole vectors of rows.
constexpr int kNarrowRows = kTileRows == 14 ? 16 : kTileRows;

// `blocks` tiles of MR rows below each other, in each panel of each position; a function per tile would spend a third of the time
// of a sum of 16 on its frame.
template <int MR, int NV, bool kByColumns>
HWY_NOINLINE void multiplyBlocks(const GroupProduct& p, int64_t firstRow, int64_t blocks) {
  const GemmTag d;
  const int64_t aStep = kByColumns ? p.a.stride : 1, rowStep = kByColumns ? 1 : p.a.stride;
  const int64_t bStep = p.b.stride, cStep = p.c.stride, length = p.length;
  const float* position = p.a.at + firstRow * rowStep;
  for (int64_t i = 0; i < kPositions; ++i, position += p.a.positionStep) {
    for (int64_t panel = 0; panel < p.panels; ++panel) {
      const float* rows = position;
      const float* bStart = p.b.at + i * p.b.positionStep + panel * p.b.panelStep;
      float* c = p.c.at + i * p.c.positionStep + panel * p.c.panelStep + firstRow * cStep;
      for (int64_t block = 0; block < blocks; ++block, rows += MR * rowStep, c += MR * cStep) {
        GemmVector sums[MR][NV];
#pragma GCC unroll 16
        for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 2
          for (int j = 0; j < NV; ++j) sums[r][j] = p.accumulate ? hn::LoadU(d, c + r * cStep + j * kLanes) : hn::Zero(d);
        }
        RowPointers<MR, kByColumns> a(rows, rowStep);
        const float* b = bStart;
#pragma GCC unroll kStepsAtOnce
        for (int64_t k = 0; k < length; ++k, a.advance(aStep), b += bStep) {
          GemmVector columns[NV];
#pragma GCC unroll 2
          for (int j = 0; j < NV; ++j) columns[j] = hn::LoadU(d, b + j * kLanes);
#pragma GCC unroll 16
          for (int r = 0; r < MR; ++r) {
            const GemmVector x = hn::Set(d, a.element(r, rowStep));
#pragma GCC unroll 2
            for (int j = 0; j < NV; ++j) sums[r][j] = hn::MulAdd(x, columns[j], sums[r][j]);
          }
        }
#pragma GCC unroll 16
        for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 2
          for (int j = 0; j < NV; ++j) hn::StoreU(sums[r][j], d, c + r * cStep + j * kLanes);
        }
      }
    }
  }
}

// One tile of a whole group at all positions: sums of kDepth, rows of A kDepth and of B kRow apart, C overwritten. With distances
// that compilers know steps are written out, sixteen at a time; for sums of sixteen a loop takes half as long again, by its
// counters and its exit.
template <int NV, int kDepth, int kRow>
HWY_NOINLINE void multiplyWholeTile(const GroupProduct& p, const float* a, const float* b, float* c) {
  constexpr int kUnrolled = 16;
  const GemmTag d;
  const int64_t aStep = p.a.positionStep, bStep = p.b.positionStep, cStep = p.c.positionStep;
  const int64_t cStride = p.c.stride;
  for (int64_t i = 0; i < kPositions; ++i, a += aStep, b += bStep, c += cStep) {
    GemmVector sums[kWholeRows][NV];
#pragma GCC unroll 16
    for (int r = 0; r < kWholeRows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) sums[r][j] = hn::Zero(d);
    }
    for (int from = 0; from < kDepth; from += kUnrolled) {
#pragma GCC unroll 16
      for (int k = from; k < from + kUnrolled; ++k) {
        GemmVector columns[NV];
#pragma GCC unroll 2
        for (int j = 0; j < NV; ++j) columns[j] = hn::LoadU(d, b + k * kRow + j * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < kWholeRows; ++r) {
          const GemmVector x = hn::Set(d, a[r * kDepth + k]);
#pragma GCC unroll 2
          for (int j = 0; j < NV; ++j) sums[r][j] = hn::MulAdd(x, columns[j], sums[r][j]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kWholeRows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) hn::StoreU(sums[r][j], d, c + r * cStride + j * kLanes);
    }
  }
}

template <int NV, int kDepth, int kRow>
HWY_NOINLINE void multiplyWholeGroups(const GroupProduct& p, int64_t blocks) {
  for (int64_t panel = 0; panel < p.panels; ++panel) {
    for (int64_t block = 0; block < blocks; ++block) {
      const float* a = p.a.at + block * kWholeRows * kDepth;
      float* c = p.c.at + block * kWholeRows * p.c.stride + panel * p.c.panelStep;
      multiplyWholeTile<NV, kDepth, kRow>(p, a, p.b.at + panel * p.b.panelStep, c);
    }
  }
}

using BlocksFunction = void (*)(const GroupProduct&, int64_t, int64_t);

template <int NV, bool kByColumns, int... kRows>
HWY_INLINE BlocksFunction blocksFunction(int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr BlocksFunction table[] = {multiplyBlocks<kRows + 1, NV, kByColumns>...};
  return table[rows - 1];
}

using GroupsFunction = void (*)(const GroupProduct&, int64_t);

template <int NV, int kRow>
GroupsFunction wholeGroupsOf(int64_t depth) {
  if constexpr (kRow < NV * kLanes) return nullptr;
  if (depth == 16) return multiplyWholeGroups<NV, 16, kRow>;
  if (depth == 32) return multiplyWholeGroups<NV, 32, kRow>;
  return depth == 64 ? multiplyWholeGroups<NV, 64, kRow> : nullptr;
}

// The function for whole groups, null where there is none.
inline GroupsFunction wholeGroups(const GroupProduct& p, int64_t rows, bool narrow) {
  if (rows % kWholeRows != 0 || p.accumulate || p.a.stride != p.length) return nullptr;
  if (p.b.stride == 16) return narrow ? wholeGroupsOf<1, 16>(p.length) : wholeGroupsOf<2, 16>(p.length);
  if (p.b.stride == 32) return narrow ? wholeGroupsOf<1, 32>(p.length) : wholeGroupsOf<2, 32>(p.length);
  return nullptr;
}

// Panels of one or two vectors of columns for any number of rows, in near-equal tiles.
template <bool kByColumns>
HWY_INLINE void multiplyPanels(const GroupProduct& p, int64_t rows, bool narrow) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  using NarrowRows = std::make_integer_sequence<int, kNarrowRows>;
  if (p.panels == 0) return;
  if constexpr (!kByColumns) {
    const auto whole = wholeGroups(p, rows, narrow);
    if (whole) return whole(p, rows / kWholeRows);
  }
  const int64_t blocks = ceilDivide(rows, narrow ? kNarrowRows : kTileRows);
  const int64_t low = rows / HWY_MAX(blocks, int64_t{1}), high = rows - blocks * low;  // `high` tiles of low + 1 rows come first
  const auto run = [&](int64_t tileRows, int64_t first, int64_t count) {
    if (count == 0) return;
    const BlocksFunction multiply =
        narrow ? blocksFunction<1, kByColumns>(tileRows, NarrowRows()) : blocksFunction<2, kByColumns>(tileRows, Rows());
    multiply(p, first, count);
  };
  run(low + 1, 0, high);
  run(low, high * (low + 1), blocks - high);
}

// The same for `columns` columns, of which the last panel may be of one vector.
template <bool kByColumns>
HWY_INLINE void multiplyPositions(GroupProduct p, int64_t rows, int64_t columns) {
  const int64_t rest = columns % kPanel;
  const bool narrow = rest > 0 && rest <= kLanes;
  p.panels = ceilDivide(columns, kPanel) - (narrow ? 1 : 0);
  multiplyPanels<kByColumns>(p, rows, false);
  if (!narrow) return;
  p.b.at += p.panels * p.b.panelStep;
  p.c.at += p.panels * p.c.panelStep;
  p.panels = 1;
  multiplyPanels<kByColumns>(p, rows, true);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_WINOGRAD_PRODUCT_INL_H_
