// How one product of a batch is cut into parts for one instruction set, chosen by a model of what the parts cost.
//
// Invariant: the cut follows from the shape alone; every part is a rectangle of C (or of a slice's partial C), and they cover it.
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"

#if defined(STEEPEST_KERNELS_MATMUL_CUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_CUT_INL_H_
#undef STEEPEST_KERNELS_MATMUL_CUT_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_CUT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Row blocks of the whole product, near-equal and at most kTileRows high: the same for every part, so that A can be packed once.
// From six on there is an even number of them, which two threads can halve: 256 rows as 20 blocks rather than 19. Five stay: 64
// rows are cut by columns, slices of k or items, and 6 blocks of 11 rows cost 3 % more than 5 of 13.
HWY_INLINE int64_t rowBlocks(const MatMulShape& s) {
  const int64_t blocks = ceilDivide(s.M, kTileRows);
  return blocks < 6 ? blocks : roundUp(blocks, 2);
}
HWY_INLINE int64_t blockRow(const MatMulShape& s, int64_t block) { return partStart(s.M, rowBlocks(s), block); }

// The cut of one product of the batch; `slices` > 1 only when there is no other way to make enough parts.
struct Cut {
  int64_t rowParts = 1, panelParts = 1, slices = 1, panels = 1;
  int64_t parts() const { return rowParts * panelParts * slices; }
};

// Whether rows of a B that is read where it lies evict each other before they are used. A panel's piece of a row is one line on
// AVX2, multiplied in six cycles; rows whose distance is near a multiple of `bytes`, and not 0, share 4096 / bytes sets of an L1
// of eight ways, which hold hardly more lines than are called ahead. A packed B takes down to 0.6 of the time there.
HWY_INLINE bool columnsCollide(const MatMulShape& s, int64_t bytes) {
  const bool matters = !s.kept && s.K >= kCollidingK && s.K * s.N >= kCollidingB;
  return kLanes == 8 && matters && isNearMultiple(s.N * 4, bytes, 64);
}

// Whether parts of so many row blocks read B where it lies: if it is packed already, few blocks visit it or it stays in L1
// anyway; otherwise they pack it.
HWY_INLINE bool readsDirectly(const MatMulShape& s, int64_t blocks) {
  if (s.kept) return true;
  const int64_t near = columnsCollide(s, 4096) ? kDirectBlocks / 4 : columnsCollide(s, 2048) ? kDirectBlocks / 2 : kDirectBlocks;
  const int64_t few = isWide(s) ? HWY_MIN(kWideBlocks, near) : near;
  return !s.transposeB && (blocks <= few || s.K * s.N <= kFewFloats);
}

#define STEEPEST_CUT_COST(name, value) constexpr double name = value;
#include "kernels/matmul_costs.inc"
#undef STEEPEST_CUT_COST

// What one k of a product cut that way costs, in cycles: multiply-adds with the threads' uneven shares, packing of operands by
// each part that reads them, and their way from L3. The coefficients are fitted to measured divisions by bench/fit-cuts.ts;
// bench/cuts.ts sets the model's choice beside every other cut.
inline double costOf(const MatMulShape& s, const Cut& cut) {
  const double M = static_cast<double>(s.M), N = static_cast<double>(s.N);
  const int64_t blocks = ceilDivide(rowBlocks(s), cut.rowParts);
  const double rows = static_cast<double>(blocks * cut.rowParts) / static_cast<double>(rowBlocks(s));
  const double columns = static_cast<double>(roundUp(cut.panels, cut.panelParts)) / static_cast<double>(cut.panels);
  const int64_t parts = cut.parts() * s.batch;
  const double idle = static_cast<double>(roundUp(parts, 4)) / static_cast<double>(parts);  // of 4 threads
  const double multiply = M * N / static_cast<double>(kPanel) * idle * (1 + kUnevenParts * (rows * columns - 1));
  const bool near = readsDirectly(s, blocks) && s.K * s.N < kFarFloats / 2 && !isWide(s) && !columnsCollide(s, 2048);
  const double readB = near ? 0 : N * kPackB;  // packed, or hardly better
  const double readA = M * (s.transposeA ? kReadTransposedA : kReadA) * (s.M * s.K < kFarFloats ? 1 : kFromMemory);
  return multiply + static_cast<double>(cut.rowParts) * readB + static_cast<double>(cut.panelParts) * readA;
}

inline Cut cutProduct(const MatMulShape& s) {
  Cut cut;
  cut.panels = ceilDivide(s.N, kPanel);
  const int64_t chunks = ceilDivide(chunksFor(s), s.batch);
  cut.slices = slicesFor(s, chunks);
  if (s.asked.rowParts > 0) {
    cut.rowParts = HWY_MIN(s.asked.rowParts, rowBlocks(s));
    cut.panelParts = HWY_MIN(s.asked.panelParts, cut.panels);
    return cut;
  }
  const int64_t wanted = HWY_MAX(int64_t{1}, chunks / cut.slices);
  if (s.kept && s.K * s.N <= kNearB && wanted > 1) {
    cut.rowParts = HWY_MIN(int64_t{2}, rowBlocks(s));
    cut.panelParts = HWY_MIN(cut.panels, wanted / cut.rowParts);
    return cut;
  }
  const int64_t least = ceilDivide(cut.panels, partPanels(s));
  Cut tried = cut;
  double best = 0;
  for (tried.rowParts = 1; tried.rowParts == 1 || tried.rowParts <= HWY_MIN(wanted, s.M / kTileRows); tried.rowParts *= 2) {
    const bool packs = !readsDirectly(s, ceilDivide(rowBlocks(s), tried.rowParts)) && !streamsRows(s);
    const int64_t share = HWY_MAX(int64_t{1}, wanted / tried.rowParts);
    tried.panelParts = HWY_MIN(cut.panels, roundUp(packs ? least : 1, share));
    const double cost = costOf(s, tried);
    if (best > 0 && cost >= best) continue;
    best = cost;
    cut = tried;
  }
  return cut;
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_CUT_INL_H_
