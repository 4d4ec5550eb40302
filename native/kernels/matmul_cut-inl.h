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
HWY_INLINE int64_t rowBlocks(const MatMulShape& s) { return ceilDivide(s.M, kTileRows); }
HWY_INLINE int64_t blockRow(const MatMulShape& s, int64_t block) { return partStart(s.M, rowBlocks(s), block); }

// The cut of one product of the batch; `slices` > 1 only when there is no other way to make enough parts.
struct Cut {
  int64_t rowParts = 1, panelParts = 1, slices = 1, panels = 1;
  int64_t parts() const { return rowParts * panelParts * slices; }
};

// What one k of a product cut that way costs, in cycles of AVX2: multiply-adds, uneven shares, packing of operands by each part
// that reads them, and their way from memory.
inline double costOf(const MatMulShape& s, const Cut& cut, int64_t chunks) {
  const double M = static_cast<double>(s.M), N = static_cast<double>(s.N);
  const double panelParts = static_cast<double>(cut.panelParts), rowParts = static_cast<double>(cut.rowParts);
  const int64_t parts = cut.parts() * s.batch;
  const int64_t shares = roundUp(HWY_MIN(chunks, parts), 4);  // as 4 threads would take them
  const double uneven = static_cast<double>(ceilDivide(parts, shares) * shares) / static_cast<double>(parts);
  const bool direct = !s.transposeB && ceilDivide(rowBlocks(s), cut.rowParts) <= kDirectBlocks;
  const double packB = direct ? 0 : s.transposeB ? N / 2 : N / 6;
  const double packA = !s.transposeA ? 0 : cut.panelParts < kPackWholeA ? panelParts * M / 2.5 : M / 1.5;
  return M * N / 16 * uneven + packA + rowParts * packB + (panelParts * M + rowParts * N) / 8;
}

inline Cut cutProduct(const MatMulShape& s) {
  Cut cut;
  cut.panels = ceilDivide(s.N, kPanel);
  const int64_t chunks = ceilDivide(chunksFor(s), s.batch);
  if (chunks == 1 && cut.panels <= partPanels(s)) return cut;
  cut.slices = slicesFor(s, chunks);
  const int64_t wanted = HWY_MAX(int64_t{1}, chunks / cut.slices);
  const int64_t mostRowParts = HWY_MAX(int64_t{1}, s.M / (2 * kTileRows));
  const int64_t least = ceilDivide(cut.panels, partPanels(s));
  Cut tried = cut;
  double best = 0;
  for (tried.panelParts = least; tried.panelParts <= HWY_MIN(cut.panels, least + kMostChunks); ++tried.panelParts) {
    tried.rowParts = HWY_MIN(mostRowParts, ceilDivide(wanted, tried.panelParts));
    const double cost = costOf(s, tried, chunks * s.batch);
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
