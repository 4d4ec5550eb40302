// The inner levels of matmul for one instruction set: the product of one part.
//
// A part is a range of row blocks times a range of panels times a slice of k. Invariant: a part reads A and B, or their packed
// copies, and writes its own rectangle of C (or of its slice's partial C) and its own scratch, nothing else.
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"
#include "kernels/matmul_cut-inl.h"
#include "kernels/matmul_pack-inl.h"
#include "kernels/matmul_thin-inl.h"
#include "kernels/matmul_tile-inl.h"

#if defined(STEEPEST_KERNELS_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_INL_H_
#undef STEEPEST_KERNELS_MATMUL_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Points at a block's rows of A from k0 on: in the packed A, in the packed group that begins at block `group`, or where they lie.
HWY_INLINE void pointAtRows(const MatMulShape& s, const Part& part, int64_t block, int64_t group, int64_t k0, int64_t count,
                            BlockProduct& t) {
  const int64_t row = blockRow(s, block);
  t.rowsContiguous = s.transposeA;
  if (s.transposeA) {
    t.columnStride = group >= 0 || part.packedA ? kBlockRow : s.M;
    t.a = part.packedA ? part.packedA + (block * s.K + k0) * kBlockRow
          : group >= 0 ? part.blocks + (block - group) * count * kBlockRow
                       : part.a + k0 * s.M + row;
  } else {
    t.rowStride = part.packedA ? s.K + 16 : group >= 0 ? count + 16 : s.K;
    t.a = part.packedA ? part.packedA + row * (s.K + 16) + k0
          : group >= 0 ? part.blocks + (row - blockRow(s, group)) * (count + 16)
                       : part.a + row * s.K + k0;
  }
}

// The product of a block with panels [depth][columns] that are kept packed, from row k0 of them on.
HWY_INLINE void runKept(const MatMulShape& s, const Part& part, int64_t k0, int64_t rows, BlockProduct t) {
  const KeptPanels panels{1, s.K, s.N};
  for (int64_t column = part.columnStart; column < part.columnEnd; column += t.width, t.c += t.width) {
    t.width = HWY_MIN(kWidestPanel - column % kWidestPanel, part.columnEnd - column);
    t.bStride = t.tailStride = panels.row(column);
    t.b = part.b + panels.at(0, column) + k0 * t.bStride;
    t.tailB = t.b + t.width / kPanel * kPanel;
    t.panelStep = kPanel;
    runBlock(t, rows);
    if (t.bias) t.bias += t.width;
  }
}

// Whether panels are called into L1: not those that a part has just packed into L2 for tiles of AVX2, which win a few percent
// where what they issue is the limit.
HWY_INLINE bool callsPanels(const MatMulShape& s, bool direct) { return s.K * s.N > kFewFloats && (kLanes != 8 || direct); }

HWY_INLINE void pointAtPanels(const MatMulShape& s, const Part& part, int64_t k0, bool direct, BlockProduct& t) {
  t.width = part.columnEnd - part.columnStart;
  const int64_t whole = t.width / kPanel * kPanel;
  const float* const inPlace = part.b + k0 * s.N + part.columnStart;
  t.b = direct ? inPlace : part.panels;
  t.bStride = direct ? s.N : kPanel;
  const bool strides = s.transposeA && s.M >= kStridedRows && s.K > kShortK && s.N > kPanel && !part.packedA && !packsA(s);
  t.calls = strides ? Calls::both : callsPanels(s, direct) ? Calls::panels : Calls::none;
  t.panelStep = direct ? kPanel : kPanel * runLength(s);
  const bool tailInPlace = direct && kMaskedLoads;
  t.tailB = tailInPlace ? inPlace + whole : direct ? part.panels : part.panels + whole * runLength(s);
  t.tailStride = tailInPlace ? s.N : panelRow(t.width - whole);
}

struct Run {
  int64_t start, count;
};

HWY_INLINE Run runOf(const Part& part, int64_t runs, int64_t run) {
  const int64_t start = partStart(part.kEnd - part.kStart, runs, run);
  return {part.kStart + start, partStart(part.kEnd - part.kStart, runs, run + 1) - start};
}

// Share `share` of `shares` of `rows` rows of `floats` each.
HWY_INLINE Ahead shareOf(const float* from, int64_t stride, int64_t rows, int64_t floats, int64_t share, int64_t shares) {
  const int64_t first = partStart(rows, shares, share);
  return {from + first * stride, stride, partStart(rows, shares, share + 1) - first, ceilDivide(floats, Ahead::kLine)};
}

// What to fetch of the next run of B while the part's block `block` is multiplied.
HWY_INLINE Ahead aheadInB(const MatMulShape& s, const Part& part, Run next, int64_t block) {
  if (next.count == 0 || s.kept || s.K * s.N < kFarFloats) return {};
  const int64_t width = part.columnEnd - part.columnStart;
  const int64_t share = block - part.blockStart, shares = part.blockEnd - part.blockStart;
  if (s.transposeB) return shareOf(part.b + part.columnStart * s.K + next.start, s.K, width, next.count, share, shares);
  return shareOf(part.b + next.start * s.N + part.columnStart, s.N, next.count, width, share, shares);
}

// What to fetch of A, from blocks [first, last) of a run, in share `share` of `shares`.
HWY_INLINE Ahead aheadInA(const MatMulShape& s, const Part& part, Run run, int64_t first, int64_t last, int64_t share,
                          int64_t shares) {
  const int64_t far = s.K <= kShortK ? kFarFloats / 8 : kFarFloats;
  if (part.packedA || run.count == 0 || s.M * s.K < far) return {};
  const int64_t row = blockRow(s, first), rows = blockRow(s, HWY_MIN(last, part.blockEnd)) - row;
  if (s.transposeA) return shareOf(part.a + run.start * s.M + row, s.M, run.count, rows, share, shares);
  return shareOf(part.a + row * s.K + run.start, s.K, rows, run.count, share, shares);
}

// One run of k over all rows of the part; `t` knows B. `next` is the run after it, empty after the last.
void multiplyRun(const MatMulShape& s, const Part& part, Run run, Run next, bool groups, BlockProduct& t) {
  const int64_t groupBlocks = groups && s.transposeA ? kGroupBlocks : 1;
  const int64_t times = HWY_MAX(int64_t{1}, ceilDivide(t.width, kPanel) * ceilDivide(run.count, Fetch::kSteps));
  for (int64_t group = part.blockStart; group < part.blockEnd; group += groupBlocks) {
    const int64_t end = HWY_MIN(group + groupBlocks, part.blockEnd);
    if (groups) packGroup(s, part, group, end, run.start, run.count);
    const int64_t nextGroup = end < part.blockEnd ? end : part.blockStart;
    for (int64_t block = group; block < end; ++block) {
      const int64_t row = blockRow(s, block), rows = blockRow(s, block + 1) - row;
      Fetch fetch(
          aheadInA(s, part, end < part.blockEnd ? run : next, nextGroup, nextGroup + groupBlocks, block - group, end - group),
          aheadInB(s, part, next, block), times);
      t.fetch = fetch.atOnce > 0 ? &fetch : nullptr;
      pointAtRows(s, part, block, groups ? group : -1, run.start, run.count, t);
      t.c = part.c + row * s.N + part.columnStart;
      s.kept ? runKept(s, part, run.start, rows, t) : runBlock(t, rows);
      if (next.count == 0 && part.activation > Activation::relu) {
        finishRows(t.c, s.N, rows, t.width, nullptr, 1, part.activation);
      }
    }
  }
}

// The part's product, run by run of k.
void multiplyPart(const MatMulShape& s, const Part& part) {
  const bool groups = !part.packedA && packsA(s);
  const int64_t length = part.kEnd - part.kStart;
  const int64_t least = s.kept && halvesSums(s) && length == s.K ? 2 : 1;  // no k at all still writes zeros
  const int64_t runs = HWY_MAX(least, ceilDivide(length, longestRun(s)));
  const bool direct = readsDirectly(s, part.blockEnd - part.blockStart);
  BlockProduct t;
  t.cStride = s.N;
  for (int64_t i = 0; i < runs; ++i) {
    const Run run = runOf(part, runs, i), next = i + 1 < runs ? runOf(part, runs, i + 1) : Run{part.kEnd, 0};
    if (!direct) packRun(s, part, run.start, run.count);
    if (direct && !kMaskedLoads && !s.kept) packTail(s, part, run.start, run.count, part.panels);
    pointAtPanels(s, part, run.start, direct, t);
    t.length = run.count;
    t.accumulate = i > 0;
    t.bias = next.count == 0 && part.bias ? part.bias + part.columnStart : nullptr;
    t.relu = next.count == 0 && part.activation == Activation::relu;
    multiplyRun(s, part, run, next, groups, t);
  }
}

// A part of at most kDotRows rows, which is all of them. Rows of B stored [N, K] are dotted with A's, others streamed.
void multiplyThin(const MatMulShape& s, const Part& part) {
  const int64_t width = part.columnEnd - part.columnStart, length = part.kEnd - part.kStart;
  float* const c = part.c + part.columnStart;
  if (s.transposeB) {
    const float* const b = part.b + part.columnStart * s.K + part.kStart;
    for (int64_t i = 0; i < s.M; ++i) {
      for (int64_t j = 0; j < width; j += 4) {
        multiplyFourDots(part.a + i * s.K + part.kStart, b + j * s.K, s.K, length, c + i * s.N + j,
                         HWY_MIN(int64_t{4}, width - j));
      }
    }
  } else {
    static constexpr decltype(&streamRows<1>) table[] = {streamRows<1>, streamRows<2>, streamRows<3>, streamRows<4>};
    const float* const a = part.a + part.kStart * (s.transposeA ? s.M : 1);
    table[s.M - 1](a, s.transposeA ? 1 : s.K, s.transposeA ? s.M : 1, part.b + part.kStart * s.N + part.columnStart, s.N, length,
                   c, s.N, width);
  }
  finishRows(c, s.N, s.M, width, part.bias ? part.bias + part.columnStart * part.biasStep : nullptr, part.biasStep,
             part.activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_INL_H_
