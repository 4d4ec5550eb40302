// The vocabulary of register-tile products, shared by matmul and the direct convolutions (gemm-inl.h computes them).
//
// A tile product is C[rows, width] = sum over taps and k of A(row, k) * B(k, column): one tap for a matrix product, one tap per
// kernel position for a convolution. Invariant: only strides say where the operands lie; nothing here is copied or owned.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/arguments.h"

namespace steepest {

// Widest panel of any instruction set in floats; packed operands are sized for it so that scratch depends on shapes alone.
constexpr int64_t kWidestPanel = 32;
// Longest run of k between two visits to C: 14 rows of it (25 KiB) stay in a 32 KiB L1 cache.
constexpr int64_t kLongestRun = 512;

// The steps of one operand through the taps, in elements.
struct TapSteps {
  int64_t outer = 0;
  int64_t inner = 0;
};

struct TileProduct {
  const float* a = nullptr;
  int64_t rowStride = 0;     // from one row of A to the next
  int64_t columnStride = 1;  // from one k to the next; one of the two strides is 1
  const float* b = nullptr;
  int64_t bStride = 0;  // from one k to the next; columns of B are contiguous
  float* c = nullptr;
  int64_t cStride = 0;
  int64_t width = 0;  // columns to store
  int64_t outerTaps = 1;
  int64_t innerTaps = 1;
  int64_t length = 0;  // k per tap
  TapSteps aSteps;
  TapSteps bSteps;
  bool accumulate = false;  // add to C rather than overwrite it
};

inline int64_t roundUp(int64_t a, int64_t multiple) { return ceilDivide(a, multiple) * multiple; }

// Where matrices [positions][depth, columns] lie that are kept packed: [panel of kWidestPanel columns][position][depth][columns
// of the panel, padded with zeros to 16]. The same for every instruction set.
struct KeptPanels {
  int64_t positions, depth, columns;

  // Floats from row to row of the panel that a column is in.
  int64_t row(int64_t column) const {
    return std::min(kWidestPanel, roundUp(columns - column / kWidestPanel * kWidestPanel, 16));
  }
  int64_t at(int64_t position, int64_t column) const {
    const int64_t panel = column / kWidestPanel * kWidestPanel;
    return (positions * panel + position * row(column)) * depth + column - panel;
  }
  int64_t floats() const { return positions * depth * roundUp(columns, 16); }
};

// Start of part `i` of `count` near-equal parts of `size`: 16 rows in blocks of at most 14 become 8 + 8, never 14 + 2.
inline int64_t partStart(int64_t size, int64_t count, int64_t i) { return size * i / count; }

}  // namespace steepest
