// The inner levels of matmul for one instruction set: packing of operands and the product of one part.
//
// A part is a range of row blocks times a range of panels times a slice of k. Invariant: a part reads A and B, or their packed
// copies, and writes its own rectangle of C (or of its slice's partial C) and its own scratch, nothing else.
#include <cstring>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"

#if defined(STEEPEST_KERNELS_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_INL_H_
#undef STEEPEST_KERNELS_MATMUL_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

struct Part {
  const float* a;
  const float* packedA;  // the whole packed A, null if it is packed block by block or read where it lies
  const float* b;
  float* c;
  float* panels;  // room for one run of the part's panels
  int64_t blockStart, blockEnd, columnStart, columnEnd, kStart, kEnd;
};

constexpr int64_t kBlockRow = (kTileRows + kLanes - 1) / kLanes * kLanes;  // from k to k in a packed block of a transposed A

// Row blocks of the whole product, near-equal and at most kTileRows high: the same for every part, so that A can be packed once.
HWY_INLINE int64_t rowBlocks(const MatMulShape& s) { return ceilDivide(s.M, kTileRows); }
HWY_INLINE int64_t blockRow(const MatMulShape& s, int64_t block) { return partStart(s.M, rowBlocks(s), block); }

// Whether copying A first pays: where its rows collide in L1, and where k-major rows are visited for several panels.
HWY_INLINE bool packsA(const MatMulShape& s) { return rowsCollide(s) || (s.transposeA && s.N > 2 * kPanel); }

// Copies k-major rows [k, k + count) x columns [row, row + rows) of A into a block.
HWY_INLINE void packBlockTransposed(const float* from, int64_t stride, int64_t rows, int64_t count, float* to) {
  const GemmTag d;
  for (int64_t k = 0; k < count; ++k, from += stride, to += kBlockRow) {
    int64_t i = 0;
    for (; i + kLanes <= rows; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
    if (i < rows) hn::StoreU(loadFirst(from + i, rows - i), d, to + i);
  }
}

// Copies `rows` rows of `count` floats to a stride that does not collide.
HWY_INLINE void packBlockRows(const float* from, int64_t stride, int64_t rows, int64_t count, int64_t toStride, float* to) {
  for (int64_t i = 0; i < rows; ++i) memcpy(to + i * toStride, from + i * stride, static_cast<size_t>(count) * sizeof(float));
}

// Part `part` of `parts` of packing the whole A of one item: blocks of [K][kBlockRow], or rows of K + 16 floats.
void packWholeA(const MatMulShape& s, const float* a, float* to, int64_t part, int64_t parts) {
  if (!s.transposeA) {
    const int64_t start = partStart(s.M, parts, part), end = partStart(s.M, parts, part + 1);
    return packBlockRows(a + start * s.K, s.K, end - start, s.K, s.K + 16, to + start * (s.K + 16));
  }
  // All blocks of a row of A one after the other: A is read once, from start to end.
  for (int64_t k = partStart(s.K, parts, part); k < partStart(s.K, parts, part + 1); ++k) {
    for (int64_t block = 0; block < rowBlocks(s); ++block) {
      const int64_t row = blockRow(s, block);
      packBlockTransposed(a + k * s.M + row, s.M, blockRow(s, block + 1) - row, 1, to + (block * s.K + k) * kBlockRow);
    }
  }
}

// Points the tile at rows of A from k0 on: in the packed A, in a copy made now, or where they lie.
HWY_INLINE void pointAtRows(const MatMulShape& s, const Part& part, int64_t block, int64_t rows, int64_t k0, int64_t count,
                            float* copy, TileProduct& tile) {
  const int64_t row = blockRow(s, block);
  tile.a = s.transposeA ? part.a + k0 * s.M + row : part.a + row * s.K + k0;
  tile.rowStride = s.transposeA ? 1 : s.K;
  tile.columnStride = s.transposeA ? s.M : 1;
  if (part.packedA) {
    tile.a = s.transposeA ? part.packedA + (block * s.K + k0) * kBlockRow : part.packedA + row * (s.K + 16) + k0;
  } else if (packsA(s)) {
    s.transposeA ? packBlockTransposed(tile.a, s.M, rows, count, copy)
                 : packBlockRows(tile.a, s.K, rows, count, count + 16, copy);
    tile.a = copy;
  } else {
    return;
  }
  if (s.transposeA) {
    tile.columnStride = kBlockRow;
  } else {
    tile.rowStride = part.packedA ? s.K + 16 : count + 16;
  }
}

// Multiplies one block of rows by every panel of the part, over k in [k0, k0 + count).
void multiplyBlock(const MatMulShape& s, const Part& part, int64_t block, int64_t k0, int64_t count, bool direct) {
  HWY_ALIGN float copy[(kLongestRun + 16) * 16];
  const int64_t row = blockRow(s, block), rows = blockRow(s, block + 1) - row;
  TileProduct tile;
  pointAtRows(s, part, block, rows, k0, count, copy, tile);
  tile.length = count;
  tile.cStride = s.N;
  tile.accumulate = k0 > part.kStart;
  for (int64_t column = part.columnStart; column < part.columnEnd; column += kPanel) {
    tile.width = HWY_MIN(kPanel, part.columnEnd - column);
    const bool packed = !direct || tile.width < kPanel;
    tile.b = packed ? part.panels + (column - part.columnStart) * runLength(s) : part.b + k0 * s.N + column;
    tile.bStride = packed ? panelRow(tile.width) : s.N;
    tile.c = part.c + row * s.N + column;
    runTile(tile, rows);
  }
}

// Packs `count` rows of B, kPanel columns each.
HWY_INLINE void packWholePanel(const float* HWY_RESTRICT from, int64_t stride, int64_t count, float* HWY_RESTRICT to) {
  const GemmTag d;
  for (int64_t k = 0; k < count; ++k, from += stride, to += kPanel) {
    const GemmVector first = hn::LoadU(d, from), second = hn::LoadU(d, from + kLanes);
    hn::StoreU(first, d, to);
    hn::StoreU(second, d, to + kLanes);
  }
}

// Packs one run of B, a few rows at a time across the panels so that memory is read nearly in order; `tailOnly`: just a last,
// partial panel.
void packRun(const MatMulShape& s, const Part& part, int64_t k0, int64_t count, bool tailOnly) {
  const int64_t whole = (part.columnEnd - part.columnStart) / kPanel;
  const int64_t tail = part.columnEnd - part.columnStart - whole * kPanel;
  const int64_t panelFloats = kPanel * runLength(s);
  const int64_t first = tailOnly ? whole : 0;
  if (s.transposeB) {
    const float* from = part.b + part.columnStart * s.K + k0;
    for (int64_t i = first; i < whole + (tail > 0); ++i) {
      packPanelTransposed(from + i * kPanel * s.K, s.K, count, i < whole ? kPanel : tail, part.panels + i * panelFloats);
    }
    return;
  }
  const float* from = part.b + k0 * s.N + part.columnStart;
  constexpr int64_t kRowsAtOnce = 16;
  for (int64_t k = 0; k < count && first < whole; k += kRowsAtOnce) {
    const int64_t rows = HWY_MIN(kRowsAtOnce, count - k);
    for (int64_t i = 0; i < whole; ++i) {
      packWholePanel(from + k * s.N + i * kPanel, s.N, rows, part.panels + i * panelFloats + k * kPanel);
    }
  }
  if (tail > 0) packPanel(from + whole * kPanel, s.N, count, tail, part.panels + whole * panelFloats);
}

void multiplyPart(const MatMulShape& s, const Part& part) {
  const int64_t length = part.kEnd - part.kStart;
  const int64_t runs = HWY_MAX(int64_t{1}, ceilDivide(length, kLongestRun));  // no k at all still writes zeros
  const bool direct = !s.transposeB && part.blockEnd - part.blockStart <= kDirectBlocks;
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t k0 = part.kStart + partStart(length, runs, run);
    const int64_t count = part.kStart + partStart(length, runs, run + 1) - k0;
    packRun(s, part, k0, count, direct);
    for (int64_t block = part.blockStart; block < part.blockEnd; ++block) multiplyBlock(s, part, block, k0, count, direct);
  }
}

// c[rows, columns] = dots of rows of A with rows of B (B stored [N, K]): for products too thin to be worth packing B.
void multiplyDots(const MatMulShape& s, const Part& part) {
  const GemmTag d;
  for (int64_t i = 0; i < s.M; ++i) {
    const float* HWY_RESTRICT a = part.a + i * s.K;
    for (int64_t j = part.columnStart; j < part.columnEnd; j += 4) {
      const int64_t count = HWY_MIN(int64_t{4}, part.columnEnd - j);
      const float* b[4];
      for (int64_t n = 0; n < 4; ++n) b[n] = part.b + (j + HWY_MIN(n, count - 1)) * s.K;
      GemmVector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      int64_t k = part.kStart;
      for (; k + kLanes <= part.kEnd; k += kLanes) {
        const GemmVector x = hn::LoadU(d, a + k);
        for (int n = 0; n < 4; ++n) sums[n] = hn::MulAdd(x, hn::LoadU(d, b[n] + k), sums[n]);
      }
      if (k < part.kEnd) {
        const GemmVector x = loadFirst(a + k, part.kEnd - k);
        for (int n = 0; n < 4; ++n) sums[n] = hn::MulAdd(x, loadFirst(b[n] + k, part.kEnd - k), sums[n]);
      }
      for (int64_t n = 0; n < count; ++n) {
        part.c[i * s.N + j + n] = hn::GetLane(hn::SumOfLanes(d, n == 0   ? sums[0]
                                                                : n == 1 ? sums[1]
                                                                : n == 2 ? sums[2]
                                                                         : sums[3]));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_INL_H_
