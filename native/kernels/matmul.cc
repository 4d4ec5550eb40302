// matmul: C = op(A) · op(B), batched, row-major, for one instruction set at a time.
//
// Work is cut into chunks of rows x panels x a slice of k, from the shape alone; a chunk packs its panels of B run by run into
// its own scratch, keeps a block of A in L1 and lets the panels stream from L2. Where k is sliced, each slice but the first has a
// partial C of its own, and they are added in order. Invariant: the cut, hence every rounding, is independent of the number of
// threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"

#include "kernels/matmul.h"

#include <algorithm>

#include "engine/blas.h"
#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/matmul-inl.h"
#include "kernels/matmul_cut-inl.h"
#include "kernels/matmul_narrow-inl.h"
#include "kernels/scratch_slots.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

Part partOf(const MatMulShape& s, const MatMulBuffers& m, const Cut& cut, int64_t index) {
  const int64_t panelPart = index % cut.panelParts;
  const int64_t rowPart = index / cut.panelParts % cut.rowParts;
  const int64_t slice = index / (cut.panelParts * cut.rowParts) % cut.slices;
  const int64_t item = index / cut.parts();
  Part part;
  part.a = m.a + item * s.strideA;
  part.bias = cut.slices > 1 ? nullptr : m.bias;
  part.biasStep = m.biasStep;
  part.activation = cut.slices > 1 ? Activation::none : m.activation;
  part.packedA = m.packedA ? m.packedA + (s.strideA ? item : 0) * packedFloats(s) : nullptr;
  part.b = m.b + item * s.strideB;
  part.c = (slice > 0 ? m.partials + (slice - 1) * s.batch * s.M * s.N : m.c) + item * s.M * s.N;
  part.blockStart = partStart(rowBlocks(s), cut.rowParts, rowPart);
  part.blockEnd = partStart(rowBlocks(s), cut.rowParts, rowPart + 1);
  part.columnStart = partStart(cut.panels, cut.panelParts, panelPart) * kPanel;
  part.columnEnd = HWY_MIN(s.N, partStart(cut.panels, cut.panelParts, panelPart + 1) * kPanel);
  part.kStart = partStart(s.K, cut.slices, slice);
  part.kEnd = partStart(s.K, cut.slices, slice + 1);
  return part;
}

// Packs every A of the batch, shared out over the pool.
void packAll(const MatMulShape& s, const MatMulBuffers& m) {
  const int64_t items = s.strideA ? s.batch : 1;
  const int64_t parts = ceilDivide(s.M * s.K, kChunkElements);
  parallelFor(items * parts, [&](int64_t i) {
    packWholeA(s, m.a + i / parts * s.strideA, m.packedA + i / parts * packedFloats(s), i % parts, parts);
  });
}

// Adds the partials of the other slices to c, which holds the first, in the order of the slices, then bias and activation.
void addPartials(const MatMulShape& s, const MatMulBuffers& m, int64_t slices) {
  const GemmTag d;
  const int64_t rows = s.batch * s.M, total = rows * s.N;
  const int64_t blockRows = HWY_MAX(int64_t{1}, 4096 / s.N);
  parallelFor(ceilDivide(rows, blockRows), [&](int64_t block) HWY_ATTR {
    const int64_t count = HWY_MIN(blockRows, rows - block * blockRows), start = block * blockRows * s.N;
    const int64_t end = start + count * s.N;
    int64_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      GemmVector sum = hn::LoadU(d, m.c + i);
      for (int64_t slice = 1; slice < slices; ++slice) sum = hn::Add(sum, hn::LoadU(d, m.partials + (slice - 1) * total + i));
      hn::StoreU(sum, d, m.c + i);
    }
    for (; i < end; ++i) {
      float sum = m.c[i];
      for (int64_t slice = 1; slice < slices; ++slice) sum += m.partials[(slice - 1) * total + i];
      m.c[i] = sum;
    }
    finishRows(m.c + start, s.N, count, s.N, m.bias, m.biasStep, m.activation);
  });
}

void multiplyByBlas(const MatMulShape& s, const Part& part) {
  const int64_t row = blockRow(s, part.blockStart), rows = blockRow(s, part.blockEnd) - row;
  const float* a = s.transposeA ? part.a + part.kStart * s.M + row : part.a + row * s.K + part.kStart;
  const float* b = s.transposeB ? part.b + part.columnStart * s.K + part.kStart : part.b + part.kStart * s.N + part.columnStart;
  blas::sgemm(s.transposeA, s.transposeB, rows, part.columnEnd - part.columnStart, part.kEnd - part.kStart, 1.0f, a,
              s.transposeA ? s.M : s.K, b, s.transposeB ? s.K : s.N, 0.0f, part.c + row * s.N + part.columnStart, s.N);
  finishRows(part.c + row * s.N + part.columnStart, s.N, rows, part.columnEnd - part.columnStart,
             part.bias ? part.bias + part.columnStart : nullptr, 1, part.activation);
}

// How a part is computed; the same for all parts of a product.
enum class Way { tiles, thin, narrow, blas };

Way wayOf(const MatMulShape& s) {
  if (s.M <= kDotRows && !(s.transposeA && s.transposeB)) return Way::thin;
  if (isNarrow(s)) return Way::narrow;
  return HWY_TARGET > HWY_AVX2 && !s.kept && suitsBlas(s) ? Way::blas : Way::tiles;
}

void multiply(const MatMulShape& s, const Part& part, Way way) {
  switch (way) {
    case Way::tiles:
      return multiplyPart(s, part);
    case Way::thin:
      return multiplyThin(s, part);
    case Way::narrow:
      return multiplyNarrow(s, part);
    case Way::blas:
      return multiplyByBlas(s, part);
  }
}

void matmul(const MatMulShape& s, MatMulBuffers m) {
  const Cut cut = cutProduct(s);
  const int64_t parts = cut.parts() * s.batch;
  const int64_t chunks = HWY_MIN(parts, chunksFor(s));
  const Way way = wayOf(s);
  if (way != Way::tiles || cut.panelParts < kPackWholeA || cut.slices > 1 || !packsA(s)) m.packedA = nullptr;
  if (m.packedA) packAll(s, m);
  ScratchSlots slots;
  const auto runChunk = [&](int64_t chunk, float* slot) {
    for (int64_t i = partStart(parts, chunks, chunk); i < partStart(parts, chunks, chunk + 1); ++i) {
      Part part = partOf(s, m, cut, i);
      part.panels = slot;
      part.blocks = slot + panelFloats(s);
      multiply(s, part, way);
    }
  };
  if (chunks == 1) return runChunk(0, m.slots);  // slices make chunks: there are no partials to add
  parallelFor(chunks, [&](int64_t chunk) {
    const ScratchSlots::Slot slot(slots);
    runChunk(chunk, m.slots + slot.index() * slotFloats(s));
  });
  if (cut.slices > 1) addPartials(s, m, cut.slices);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(matmul);

// The same product in its simplest form; swaps the operands of a product with one column into one with one row.
MatMulShape simplify(MatMulShape s, MatMulBuffers& m) {
  if (s.M == 1 || s.K == 1) s.transposeA = false;
  if (s.N == 1 || s.K == 1) s.transposeB = false;
  if (s.batch > 1 && s.strideB == 0 && !s.transposeA && s.strideA == s.M * s.K) {
    s.M *= s.batch;
    s.batch = 1;
  }
  if (s.N == 1 && s.M > 1) {
    std::swap(m.a, m.b);
    std::swap(s.M, s.N);
    std::swap(s.strideA, s.strideB);
    s.transposeB = !s.transposeA;
    s.transposeA = false;
    m.biasStep = 0;
  }
  return s;
}

Status multiply(const Row& row, float* scratch, MatMulBuffers m) {
  m.c = row.buffer<float>(0);
  m.a = row.buffer<float>(1);
  m.b = row.buffer<float>(2);
  const MatMulShape s = simplify(matmulShape(row), m);
  if (row.integer(5) > 2 || (s.kept && (s.M <= kDotRows || s.N <= 16 || (s.batch > 1 && s.strideB != 0)))) return kBadRow;
  if (s.batch * s.M * s.N == 0) return {};
  layScratch(s, scratch, m);
  HWY_DYNAMIC_DISPATCH(matmul)(s, m);
  return {};
}

}  // namespace

// [c, a, b, scratch] args [batch, M, N, K, transposeA, layoutB, batchStrideA, batchStrideB], and for measurements a division
// [rowParts, panelParts, slices], each at least 1
Status matmulFast(const Row& row) {
  if (!accepts(row, 4, 8, row.argumentCount == 11 ? 11 : 8)) return kBadRow;
  return multiply(row, row.buffer<float>(3), {});
}

// c = activation(a · b + bias), bias [N]; activation 0 none, 1 relu, 2 sigmoid, 3 tanh: the bits that matmul and a pointwise
// formula after it give.
// [c, a, b, bias, scratch] args [those of matmul, activation]
Status matmulFusedFast(const Row& row) {
  if (!accepts(row, 5, 9, 9) || row.integer(8) >= kActivations) return kBadRow;
  MatMulBuffers m;
  m.bias = row.buffer<float>(3);
  m.activation = static_cast<Activation>(row.integer(8));
  return multiply(row, row.buffer<float>(4), m);
}

// [panels, b [K, N]], args [K, N]: b as products of layoutB 2 read it.
Status matmulPanelsFast(const Row& row) {
  if (!accepts(row, 2, 2, 2)) return kBadRow;
  const KeptPanels panels{1, row.integer(0), row.integer(1)};
  float* const to = row.buffer<float>(0);
  const float* const from = row.buffer<float>(1);
  const int64_t count = HWY_MAX(int64_t{1}, kChunkElements / kWidestPanel), parts = ceilDivide(panels.depth, count);
  parallelFor(parts * ceilDivide(panels.columns, kWidestPanel), [&](int64_t chunk) {
    const int64_t column = chunk / parts * kWidestPanel, width = HWY_MIN(kWidestPanel, panels.columns - column);
    const int64_t first = chunk % parts * count, last = HWY_MIN(first + count, panels.depth), step = panels.row(column);
    for (int64_t k = first; k < last; ++k) {
      float* const at = to + panels.at(0, column) + k * step;
      std::copy_n(from + k * panels.columns + column, width, at);
      std::fill(at + width, at + step, 0.0f);
    }
  });
  return {};
}

int64_t matmulScratch(const Row& row) {
  MatMulBuffers none;
  return scratchFloats(simplify(matmulShape(row), none)) * static_cast<int64_t>(sizeof(float));
}

}  // namespace steepest
#endif  // HWY_ONCE
