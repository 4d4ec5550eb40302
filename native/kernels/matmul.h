// The shape of a batched matrix product and how it is cut into independent chunks of work.
//
// Invariant: everything here follows from the shape alone, so results do not depend on threads and scratch is known beforehand.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/gemm.h"

namespace steepest {

// How often rows, columns and k are divided.
struct Division {
  int64_t rowParts = 0, panelParts = 0, slices = 0;
};

struct MatMulShape {
  int64_t batch, M, N, K;
  bool transposeA, transposeB;
  bool kept;                 // B is what matmulPanels made of it
  int64_t strideA, strideB;  // from one item of the batch to the next; 0 repeats the operand
  Division asked = {};       // zeros: as the model of matmul_cut-inl.h chooses
};

// The arguments [batch, M, N, K, transposeA, layoutB, batchStrideA, batchStrideB] that rows of matrix products begin with;
// layoutB 0: [K, N], 1: transposed, 2: as matmulPanels leaves it, once for the whole batch, of more than kDotRows rows and 16
// columns.
inline MatMulShape matmulShape(const Row& row) {
  MatMulShape s = {row.integer(0),      row.integer(1),      row.integer(2), row.integer(3), row.flag(4),
                   row.integer(5) == 1, row.integer(5) == 2, row.integer(6), row.integer(7)};
  const auto division = [&](int i) { return std::clamp<int64_t>(row.integer(i), 1, 1024); };
  if (row.argumentCount == 11) s.asked = {division(8), division(9), division(10)};
  return s;
}

// What is done to finished sums in the store; codes as rows carry them.
enum class Activation : int32_t { none = 0, relu = 1, sigmoid = 2, tanh = 3 };
constexpr int64_t kActivations = 4;

struct MatMulBuffers {
  float* c = nullptr;
  const float* a = nullptr;
  const float* b = nullptr;
  const float* bias = nullptr;  // [N], null for none
  int64_t biasStep = 1;         // 0: one bias for all columns
  Activation activation = Activation::none;
  float* slots = nullptr;     // slotFloats for each chunk that runs
  float* packedA = nullptr;   // the whole A, null if it is not packed beforehand
  float* partials = nullptr;  // [slices - 1, batch, M, N] when k is sliced: those of all slices but the first, which C holds
};

constexpr int64_t kMostChunks = 32;
constexpr int64_t kPartFloats = 8 * kLongestRun * kWidestPanel;  // a part's packed run of B (512 KiB) stays in L2
constexpr int64_t kDirectBlocks = 8;      // up to so many blocks of rows, packing B would touch it as often as multiplying does
constexpr int64_t kWideBlocks = 3;        // the same for a wide B
constexpr int64_t kCollidingB = 1 << 16;  // from 256 KiB on it matters that rows of B evict each other
constexpr int64_t kCollidingK = 32;       // and of so many rows
constexpr int64_t kDotRows = 4;           // up to here B is read once and nothing is packed
constexpr int64_t kFewFloats = 4096;      // an operand of 16 KiB stays in L1 where it lies
constexpr int64_t kStridedRows = 256;     // rows of a transposed A of 1 KiB that is read in place are called ahead one by one
constexpr int64_t kFarFloats = int64_t{1} << 21;  // an operand of 8 MiB comes from memory and is fetched ahead of the loads
constexpr int64_t kShortK = 64;  // up to here little is multiplied per row of A, which is fetched ahead from 1 MiB on
constexpr int64_t kGroupFloats = 16 * 8 * kLongestRun / 2;  // a packed group of row blocks of A (128 KiB): 96 to 98 rows
constexpr int64_t kPackWholeA = 4;          // from so many parts side by side on, A is packed once for all of them
constexpr int64_t kLeastSlice = 512;        // k per slice when k is cut
constexpr int64_t kStreamedSlice = 64;      // the same for a few rows
constexpr int64_t kMostSlices = 16;         // each costs a partial C, written and read
constexpr int64_t kSlicedFloats = 1 << 14;  // a larger C is cut into rectangles that read less than slices write
constexpr int64_t kHalvedB = 1 << 18;       // a B of 1 MiB is more than half of what many a core keeps in L2
constexpr int64_t kWideB = 2560;            // columns of a B each of whose rows lies in other pages
constexpr int64_t kWideK = 48;              // rows of it
constexpr int64_t kHalvedC = 1 << 16;       // so large a C is added up for less than a halved B saves
// A kept B of up to 2 MiB can stay in the L2 of every core that reads it. Then rows are divided before columns: a new A comes to
// each thread in part, from the one that wrote it (74 µs rather than 79 for 32x512x784). Where L2 is smaller, B comes from L3.
constexpr int64_t kNearB = 1 << 19;
constexpr double kChunkFlop = 3e5;      // one to three microseconds of one core
constexpr double kMostChunkFlop = 2e8;  // beyond 8 chunks

// Chunks worth making of the whole product, a power of two: 1 for small ones, which then run on the calling thread alone; a few
// as soon as it pays, up to the 8 that keep 2, 4 or 8 threads busy; beyond that larger ones, which pack less.
inline int64_t chunksFor(const MatMulShape& s) {
  if (s.asked.rowParts > 0) return std::min(kMostChunks, s.asked.rowParts * s.asked.panelParts * s.asked.slices);
  const double flop =
      2.0 * static_cast<double>(s.batch) * static_cast<double>(s.M) * static_cast<double>(s.N) * static_cast<double>(s.K);
  const double wanted = std::min(flop / kChunkFlop, std::max(8.0, flop / kMostChunkFlop));
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::clamp(wanted, 1.0, static_cast<double>(kMostChunks)))));
}

// Whether a few rows are multiplied by streaming B, row by row. A slice of k is then a contiguous piece of B, which memory
// delivers faster than pieces of its rows.
inline bool streamsRows(const MatMulShape& s) { return s.M <= kDotRows && !s.transposeB; }

// Whether sums over k are halved for the sake of B alone, where it is read as it lies: each half is a contiguous piece that stays
// with one core from call to call, the one that updated it where B is weights. Cut by columns, each core would read some lines of
// all pages. A kept B is summed in the same halves, so that whoever packs it changes no bit.
inline bool halvesSums(const MatMulShape& s) {
  return s.batch == 1 && s.M > kDotRows && !s.transposeA && !s.transposeB && s.K >= kLeastSlice && s.K * s.N >= kHalvedB &&
         s.M * s.N <= kHalvedC;
}
// Two runs of k are halves too.
inline bool halvesB(const MatMulShape& s) { return halvesSums(s) && !(s.kept && s.K <= 2 * kLongestRun); }

// Whether rows of B lie far apart, are more than the processor has addresses of pages at hand for, and come from beyond L2. Read
// in place, panels of such a B cost a tenth to a fifth of the time at 3000 columns and up to half at 9000; at 2048 they cost
// nothing.
inline bool isWide(const MatMulShape& s) { return !s.kept && s.N >= kWideB && s.K >= kWideK && s.K * s.N >= kHalvedB; }

// Slices of k: for products whose k dwarfs their rows and columns (gradients of kernels, wide flattened layers), and two where
// that keeps B near.
inline int64_t slicesFor(const MatMulShape& s, int64_t wanted) {
  if (s.asked.rowParts > 0) return std::min(s.asked.slices, wanted);
  if (streamsRows(s) && 4 * s.K >= s.N) return std::max<int64_t>(1, std::min({wanted, s.K / kStreamedSlice, kMostSlices}));
  if (s.M <= kDotRows || s.K < 16 * std::max(s.M, s.N) || s.M * s.N > kSlicedFloats) return wanted > 1 && halvesB(s) ? 2 : 1;
  return std::max<int64_t>(1, std::min({wanted, s.K / kLeastSlice, kMostSlices}));
}

// Whether the parts of the product go to OpenBLAS where there is neither AVX2 nor AVX-512: measured, OpenBLAS is ahead there
// (2.5x on SSE4), while with AVX2 or AVX-512 the tiles here are level or ahead on all but a few shapes, and start faster on small
// ones.
inline bool suitsBlas(const MatMulShape& s) {
  return std::min({s.M, s.N, s.K}) >= 32 && std::max({s.M, s.N, s.K}) < int64_t{1} << 31;
}

// Longest run of k: half as long where blocks of A are packed beside the panels.
inline int64_t longestRun(const MatMulShape& s) { return s.transposeA ? kLongestRun / 2 : kLongestRun; }
inline int64_t runLength(const MatMulShape& s) { return std::min(s.K, longestRun(s)); }
// Panels that a part may pack.
inline int64_t partPanels(const MatMulShape& s) {
  if (s.asked.rowParts > 0) return ceilDivide(ceilDivide(s.N, int64_t{8}), s.asked.panelParts);
  return kPartFloats / (kWidestPanel * std::max<int64_t>(runLength(s), 128));
}

// Whether a distance is within `range` bytes of a multiple of `bytes`, but not of 0.
inline bool isNearMultiple(int64_t distance, int64_t bytes, int64_t range) {
  return distance + range >= bytes && (distance + range) % bytes <= 2 * range;
}

// Rows of A whose stride is near a multiple of 4 KiB fall into a few sets of L1 and evict each other.
inline bool rowsCollide(const MatMulShape& s) { return isNearMultiple((s.transposeA ? s.M : s.K) * 4, 4096, 127); }

// One packed A, in the widest layout of any instruction set (6 rows padded to 8, or two blocks more of 16), if any might pack it.
inline int64_t packedFloats(const MatMulShape& s) {
  if (s.M <= kDotRows || !(rowsCollide(s) || s.transposeA)) return 0;
  return roundUp(std::max(s.M * (s.K + 16), (s.M + s.M / 3 + 32) * s.K), 16);
}
// Scratch of one running chunk: a run of packed panels of B and of a group of blocks of A. Upper bounds for any instruction set.
inline int64_t panelFloats(const MatMulShape& s) {
  if (s.kept) return 0;
  return std::min(partPanels(s), ceilDivide(s.N, int64_t{8})) * kWidestPanel * runLength(s);
}
inline int64_t slotFloats(const MatMulShape& s) { return panelFloats(s) + (packedFloats(s) > 0 ? kGroupFloats : 0); }

inline int64_t packedItems(const MatMulShape& s) { return s.strideA ? s.batch : 1; }

inline int64_t partialFloats(const MatMulShape& s) {
  if (s.batch == 0) return 0;
  const int64_t slices = slicesFor(s, ceilDivide(chunksFor(s), s.batch));
  return (slices - 1) * s.batch * s.M * s.N;
}

inline int64_t scratchFloats(const MatMulShape& s) {
  return chunksFor(s) * slotFloats(s) + packedFloats(s) * packedItems(s) + partialFloats(s);
}
inline void layScratch(const MatMulShape& s, float* scratch, MatMulBuffers& m) {
  m.slots = scratch;
  m.packedA = packedFloats(s) > 0 ? scratch + chunksFor(s) * slotFloats(s) : nullptr;
  m.partials = scratch + chunksFor(s) * slotFloats(s) + packedFloats(s) * packedItems(s);
}

}  // namespace steepest
