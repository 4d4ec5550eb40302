// Packing for matmul, for one instruction set: what a part of a product is, and copies of its operands in the order they are
// read.
//
// Invariant: packing reads within the operands and writes within the part's own scratch, or its share of the whole packed A.
#include <cstring>

#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"
#include "kernels/matmul_cut-inl.h"

#if defined(STEEPEST_KERNELS_MATMUL_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_PACK_INL_H_
#undef STEEPEST_KERNELS_MATMUL_PACK_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_PACK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

struct Part {
  const float* a;
  const float* packedA;  // the whole packed A, null if it is packed part by part or read where it lies
  const float* b;
  float* c;
  float* panels;      // room for one run of the part's panels of B
  float* blocks;      // room for one run of a group of packed row blocks of A
  const float* bias;  // of the whole product; null for none, or where slices are added up later
  int64_t biasStep;   // 0 in thin products that share one bias
  Activation activation;
  int64_t blockStart, blockEnd, columnStart, columnEnd, kStart, kEnd;
};

constexpr int64_t kBlockRow = (kTileRows + kLanes - 1) / kLanes * kLanes;  // from k to k in a packed block of a transposed A
constexpr int64_t kGroupBlocks = kGroupFloats / (kBlockRow * kLongestRun / 2);
static_assert(kGroupBlocks >= 1 && kGroupFloats >= kTileRows * (kLongestRun + 16));

// Whether copying A first pays: where its rows collide in L1, and where k-major rows are visited for several panels and do not
// stay in L1 by themselves.
HWY_INLINE bool packsA(const MatMulShape& s) {
  if (s.M <= kDotRows) return false;  // no scratch for it
  return rowsCollide(s) || (s.transposeA && s.N > 2 * kPanel && s.M * s.K > kFewFloats);
}

// Copies `count` k-major rows of a block, `rows` floats each, of which `readable` >= rows may be read: whole vectors where
// possible.
HWY_INLINE void packBlockTransposed(const float* HWY_RESTRICT from, int64_t stride, int64_t rows, int64_t readable, int64_t count,
                                    float* HWY_RESTRICT to) {
  const GemmTag d;
  const bool whole = readable >= kBlockRow;
  for (int64_t k = 0; k < count; ++k, from += stride, to += kBlockRow) {
    for (int64_t i = 0; i < kBlockRow; i += kLanes) {
      if (whole) {
        hn::StoreU(hn::LoadU(d, from + i), d, to + i);
      } else if (i < rows) {
        hn::StoreU(loadFirst(from + i, HWY_MIN(rows - i, kLanes)), d, to + i);
      }
    }
  }
}

// Copies `rows` rows of `count` floats to a stride that does not collide.
HWY_INLINE void packBlockRows(const float* from, int64_t stride, int64_t rows, int64_t count, int64_t toStride, float* to) {
  for (int64_t i = 0; i < rows; ++i) memcpy(to + i * toStride, from + i * stride, static_cast<size_t>(count) * sizeof(float));
}

// Blocks [first, last) of k-major rows [k0, k0 + count) of A, `blockFloats` apart. A few rows at a time through all blocks, so
// that A is read nearly in order.
HWY_NOINLINE void packBlocksTransposed(const MatMulShape& s, const float* a, int64_t first, int64_t last, int64_t k0,
                                       int64_t count, int64_t blockFloats, float* to) {
  constexpr int64_t kRowsAtOnce = 16;
  for (int64_t k = 0; k < count; k += kRowsAtOnce) {
    const int64_t rowsOfA = HWY_MIN(kRowsAtOnce, count - k);
    for (int64_t block = first; block < last; ++block) {
      const int64_t row = blockRow(s, block);
      packBlockTransposed(a + (k0 + k) * s.M + row, s.M, blockRow(s, block + 1) - row, s.M - row, rowsOfA,
                          to + (block - first) * blockFloats + k * kBlockRow);
    }
  }
}

// Part `part` of `parts` of packing the whole A of one item: blocks of [K][kBlockRow], or rows of K + 16 floats.
void packWholeA(const MatMulShape& s, const float* a, float* to, int64_t part, int64_t parts) {
  if (!s.transposeA) {
    const int64_t start = partStart(s.M, parts, part), end = partStart(s.M, parts, part + 1);
    return packBlockRows(a + start * s.K, s.K, end - start, s.K, s.K + 16, to + start * (s.K + 16));
  }
  const int64_t k = partStart(s.K, parts, part);
  packBlocksTransposed(s, a, 0, rowBlocks(s), k, partStart(s.K, parts, part + 1) - k, s.K * kBlockRow, to + k * kBlockRow);
}

// Packs a group of blocks for one run: transposed, or as rows of count + 16 floats.
void packGroup(const MatMulShape& s, const Part& part, int64_t first, int64_t last, int64_t k0, int64_t count) {
  if (s.transposeA) return packBlocksTransposed(s, part.a, first, last, k0, count, count * kBlockRow, part.blocks);
  const int64_t row = blockRow(s, first);
  packBlockRows(part.a + row * s.K + k0, s.K, blockRow(s, last) - row, count, count + 16, part.blocks);
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

// Packs a last, partial panel of one run of B.
void packTail(const MatMulShape& s, const Part& part, int64_t k0, int64_t count, float* to) {
  const int64_t width = part.columnEnd - part.columnStart, whole = width / kPanel * kPanel;
  if (width == whole) return;
  if (s.transposeB) {
    packPanelTransposed(part.b + (part.columnStart + whole) * s.K + k0, s.K, count, width - whole, to);
  } else {
    packPanel(part.b + k0 * s.N + part.columnStart + whole, s.N, count, width - whole, to);
  }
}

// Packs one run of B, a few rows at a time across the panels so that memory is read nearly in order.
void packRun(const MatMulShape& s, const Part& part, int64_t k0, int64_t count) {
  const int64_t whole = (part.columnEnd - part.columnStart) / kPanel;
  const int64_t panelFloats = kPanel * runLength(s);
  packTail(s, part, k0, count, part.panels + whole * panelFloats);
  if (s.transposeB) {
    const float* from = part.b + part.columnStart * s.K + k0;
    for (int64_t i = 0; i < whole; ++i) {
      packPanelTransposed(from + i * kPanel * s.K, s.K, count, kPanel, part.panels + i * panelFloats);
    }
    return;
  }
  const float* from = part.b + k0 * s.N + part.columnStart;
  constexpr int64_t kRowsAtOnce = 16;
  for (int64_t k = 0; k < count; k += kRowsAtOnce) {
    const int64_t rows = HWY_MIN(kRowsAtOnce, count - k);
    for (int64_t i = 0; i < whole; ++i) {
      packWholePanel(from + k * s.N + i * kPanel, s.N, rows, part.panels + i * panelFloats + k * kPanel);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_PACK_INL_H_
