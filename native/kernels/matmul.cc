// matmul: C = op(A) · op(B), batched, row-major, for one instruction set at a time.
//
// Work is cut into chunks of rows x panels x a slice of k, from the shape alone; a chunk packs its panels of B run by run into
// its own scratch, keeps a block of A in L1 and lets the panels stream from L2. Where k is sliced, each slice has its own partial
// C and the partials are added in order. Invariant: the cut, hence every rounding, is independent of the number of threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"

#include "kernels/matmul.h"

#include <cstring>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/scratch_slots.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// One chunk of the product, with everything it needs to run alone.
struct Part {
  const float* a;
  const float* b;
  float* c;
  float* scratch;
  int64_t rowStart, rowEnd, columnStart, columnEnd, kStart, kEnd;
};

// Rows of A whose stride is near a multiple of 2 KiB fall into a few sets of L1 and evict each other: they are copied first.
HWY_INLINE bool rowsCollide(int64_t stride) {
  const int64_t bytes = (stride * 4) % 2048;
  return stride >= 512 && (bytes < 128 || bytes > 2048 - 128);
}

// Copies a block of A next to each other: k-major when A is stored so, rows of `count` + 16 floats otherwise.
HWY_INLINE void packRows(const MatMulShape& s, const float* from, int64_t rows, int64_t count, float* to, TileProduct& tile) {
  tile.a = to;
  if (!s.transposeA) {
    tile.rowStride = count + 16;
    for (int64_t i = 0; i < rows; ++i)
      memcpy(to + i * tile.rowStride, from + i * s.K, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  const GemmTag d;
  const int64_t row = roundUp(kTileRows, kLanes);
  tile.columnStride = row;
  for (int64_t k = 0; k < count; ++k) {
    int64_t i = 0;
    for (; i + kLanes <= rows; i += kLanes) hn::StoreU(hn::LoadU(d, from + k * s.M + i), d, to + k * row + i);
    if (i < rows) hn::StoreU(loadFirst(from + k * s.M + i, rows - i), d, to + k * row + i);
  }
}

// Multiplies one block of rows by every panel of the part, over k in [k0, k0 + count).
void multiplyBlock(const MatMulShape& s, const Part& part, int64_t row, int64_t rows, int64_t k0, int64_t count, bool direct) {
  HWY_ALIGN float block[(kLongestRun + 16) * 16];
  TileProduct tile;
  tile.a = s.transposeA ? part.a + k0 * s.M + row : part.a + row * s.K + k0;
  tile.rowStride = s.transposeA ? 1 : s.K;
  tile.columnStride = s.transposeA ? s.M : 1;
  const bool severalPanels = part.columnEnd - part.columnStart > kPanel;
  if ((severalPanels && s.transposeA) || rowsCollide(s.transposeA ? s.M : s.K)) packRows(s, tile.a, rows, count, block, tile);
  tile.length = count;
  tile.cStride = s.N;
  tile.accumulate = k0 > part.kStart;
  for (int64_t column = part.columnStart; column < part.columnEnd; column += kPanel) {
    tile.width = HWY_MIN(kPanel, part.columnEnd - column);
    const bool packed = !direct || tile.width < kPanel;
    tile.b = packed ? part.scratch + (column - part.columnStart) * runFloats(s) : part.b + k0 * s.N + column;
    tile.bStride = packed ? panelRow(tile.width) : s.N;
    tile.c = part.c + row * s.N + column;
    runTile(tile, rows);
  }
}

void packRun(const MatMulShape& s, const Part& part, int64_t k0, int64_t count, bool direct) {
  for (int64_t column = part.columnStart; column < part.columnEnd; column += kPanel) {
    const int64_t width = HWY_MIN(kPanel, part.columnEnd - column);
    float* to = part.scratch + (column - part.columnStart) * runFloats(s);
    if (direct && width == kPanel) continue;
    if (s.transposeB) {
      packPanelTransposed(part.b + column * s.K + k0, s.K, count, width, to);
    } else {
      packPanel(part.b + k0 * s.N + column, s.N, count, width, to);
    }
  }
}

void multiplyPart(const MatMulShape& s, const Part& part) {
  const int64_t rows = part.rowEnd - part.rowStart;
  const int64_t length = part.kEnd - part.kStart;
  const int64_t blocks = ceilDivide(rows, kTileRows);
  const int64_t runs = HWY_MAX(int64_t{1}, ceilDivide(length, kLongestRun));  // no k at all still writes zeros
  const bool direct = !s.transposeB && blocks <= 1;  // packing would touch B as often as multiplying does
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t k0 = part.kStart + partStart(length, runs, run);
    const int64_t count = part.kStart + partStart(length, runs, run + 1) - k0;
    packRun(s, part, k0, count, direct);
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t row = part.rowStart + partStart(rows, blocks, i);
      multiplyBlock(s, part, row, part.rowStart + partStart(rows, blocks, i + 1) - row, k0, count, direct);
    }
  }
}

// c[rows, columns] = dots of rows of A with rows of B (B stored [N, K]): for products too thin to be worth packing B.
void multiplyDots(const MatMulShape& s, const Part& part) {
  const GemmTag d;
  for (int64_t i = part.rowStart; i < part.rowEnd; ++i) {
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

// The cut of one product of the batch; `slices` > 1 only when there is no other way to make enough chunks.
struct Cut {
  int64_t rowParts = 1, panelParts = 1, slices = 1, panels = 1;
  int64_t parts() const { return rowParts * panelParts * slices; }
};

Cut cutProduct(const MatMulShape& s) {
  Cut cut;
  cut.panels = ceilDivide(s.N, kPanel);
  const int64_t wanted = ceilDivide(chunksFor(s), s.batch);
  cut.slices = slicesFor(s, wanted);
  const int64_t tiles = ceilDivide(wanted, cut.slices);
  const int64_t leastPanelParts = ceilDivide(cut.panels, kPartPanels);
  cut.rowParts = HWY_MAX(int64_t{1}, HWY_MIN(ceilDivide(tiles, leastPanelParts), s.M / kPartRows));
  const int64_t panelParts = HWY_MIN(cut.panels, HWY_MAX(leastPanelParts, ceilDivide(tiles, cut.rowParts)));
  cut.panelParts = ceilDivide(cut.panels, ceilDivide(cut.panels, panelParts));  // equal numbers of panels where that is possible
  const int64_t mostRowParts = HWY_MAX(int64_t{1}, s.M / (2 * kTileRows));
  cut.rowParts = HWY_MAX(cut.rowParts, HWY_MIN(mostRowParts, tiles / cut.panelParts));
  return cut;
}

Part partOf(const MatMulShape& s, const MatMulBuffers& m, const Cut& cut, int64_t index) {
  const int64_t slice = index % cut.slices;
  const int64_t panelPart = index / cut.slices % cut.panelParts;
  const int64_t rowPart = index / (cut.slices * cut.panelParts) % cut.rowParts;
  const int64_t item = index / cut.parts();
  Part part;
  part.a = m.a + item * s.strideA;
  part.b = m.b + item * s.strideB;
  part.c = (cut.slices > 1 ? m.partials + slice * s.batch * s.M * s.N : m.c) + item * s.M * s.N;
  part.rowStart = partStart(s.M, cut.rowParts, rowPart);
  part.rowEnd = partStart(s.M, cut.rowParts, rowPart + 1);
  part.columnStart = partStart(cut.panels, cut.panelParts, panelPart) * kPanel;
  part.columnEnd = HWY_MIN(s.N, partStart(cut.panels, cut.panelParts, panelPart + 1) * kPanel);
  part.kStart = partStart(s.K, cut.slices, slice);
  part.kEnd = partStart(s.K, cut.slices, slice + 1);
  return part;
}

// c = the sum of the slices' partials, in the order of the slices.
void addPartials(const MatMulShape& s, const MatMulBuffers& m, int64_t slices) {
  const GemmTag d;
  const int64_t total = s.batch * s.M * s.N;
  const int64_t blocks = ceilDivide(total, 4096);
  parallelFor(blocks, [&](int64_t block) HWY_ATTR {
    const int64_t end = HWY_MIN(total, (block + 1) * 4096);
    int64_t i = block * 4096;
    for (; i + kLanes <= end; i += kLanes) {
      GemmVector sum = hn::LoadU(d, m.partials + i);
      for (int64_t slice = 1; slice < slices; ++slice) sum = hn::Add(sum, hn::LoadU(d, m.partials + slice * total + i));
      hn::StoreU(sum, d, m.c + i);
    }
    for (; i < end; ++i) {
      float sum = m.partials[i];
      for (int64_t slice = 1; slice < slices; ++slice) sum += m.partials[slice * total + i];
      m.c[i] = sum;
    }
  });
}

void matmul(const MatMulShape& s, const MatMulBuffers& m) {
  const Cut cut = cutProduct(s);
  const int64_t parts = cut.parts() * s.batch;
  const int64_t chunks = HWY_MIN(parts, chunksFor(s));
  const int64_t scratchPanels = ceilDivide(cut.panels, cut.panelParts);
  const bool dots = s.transposeB && !s.transposeA && s.M <= kDotRows;
  ScratchSlots slots;
  parallelFor(chunks, [&](int64_t chunk) {
    const ScratchSlots::Slot slot(slots);
    for (int64_t i = partStart(parts, chunks, chunk); i < partStart(parts, chunks, chunk + 1); ++i) {
      Part part = partOf(s, m, cut, i);
      part.scratch = m.panels + slot.index() * scratchPanels * kPanel * runFloats(s);
      dots ? multiplyDots(s, part) : multiplyPart(s, part);
    }
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

bool matmulArguments(const Row& row, int64_t buffers) { return accepts(row, buffers, 8, 8); }

MatMulShape shapeOf(const Row& row) {
  MatMulShape s;
  s.batch = row.integer(0);
  s.M = row.integer(1);
  s.N = row.integer(2);
  s.K = row.integer(3);
  s.transposeA = row.flag(4);
  s.transposeB = row.flag(5);
  s.strideA = row.integer(6);
  s.strideB = row.integer(7);
  return s;
}

// The same product in its simplest form; swaps the operands of a product with one column into one with one row.
MatMulShape simplify(MatMulShape s, const float*& a, const float*& b) {
  if (s.M == 1 || s.K == 1) s.transposeA = false;
  if (s.N == 1 || s.K == 1) s.transposeB = false;
  if (s.batch > 1 && s.strideB == 0 && !s.transposeA && s.strideA == s.M * s.K) {
    s.M *= s.batch;
    s.batch = 1;
  }
  if (s.N == 1 && s.M > 1) {
    std::swap(a, b);
    std::swap(s.M, s.N);
    std::swap(s.strideA, s.strideB);
    s.transposeB = !s.transposeA;
    s.transposeA = false;
  }
  return s;
}

}  // namespace

// [c, a, b, scratch] args [batch, M, N, K, transposeA, transposeB, batchStrideA, batchStrideB]
Status matmulFast(const Row& row) {
  if (!matmulArguments(row, 4)) return kBadRow;
  MatMulBuffers m{row.buffer<float>(0), row.buffer<float>(1), row.buffer<float>(2), row.buffer<float>(3), nullptr};
  const MatMulShape s = simplify(shapeOf(row), m.a, m.b);
  if (s.batch * s.M * s.N == 0) return {};
  m.partials = m.panels + panelFloats(s);
  HWY_DYNAMIC_DISPATCH(matmul)(s, m);
  return {};
}

int64_t matmulScratch(const Row& row) {
  const float* none = nullptr;
  const float* alsoNone = nullptr;
  const MatMulShape s = simplify(shapeOf(row), none, alsoNone);
  return (panelFloats(s) + partialFloats(s)) * static_cast<int64_t>(sizeof(float));
}

Status matmulTwin(const Row& row) {
  if (!matmulArguments(row, row.bufferCount)) return kBadRow;
  const MatMulShape s = shapeOf(row);
  for (int64_t item = 0; item < s.batch; ++item) {
    double* c = row.buffer<double>(0) + item * s.M * s.N;
    const double* a = row.buffer<double>(1) + item * s.strideA;
    const double* b = row.buffer<double>(2) + item * s.strideB;
    for (int64_t i = 0; i < s.M; ++i) {
      for (int64_t j = 0; j < s.N; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < s.K; ++k) {
          sum += a[s.transposeA ? k * s.M + i : i * s.K + k] * b[s.transposeB ? j * s.K + k : k * s.N + j];
        }
        c[i * s.N + j] = sum;
      }
    }
  }
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
