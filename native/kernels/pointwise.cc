// The pointwise interpreter: any formula over tensors of one shape, or over segments of several sizes, run block by block as
// pointwise_plan.h says.
//
// Invariant: a block's results depend on the row alone; blocks share nothing but cells, which are computed before the first.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise.cc"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"
#include "kernels/pointwise_fused-inl.h"
#include "kernels/pointwise_loops-inl.h"
#include "kernels/pointwise_plan.h"
#include "kernels/pointwise_run-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

using pointwise::Formula;
using pointwise::Motion;
using pointwise::Plan;
using pointwise::PlannedInstruction;
using pointwise::Transfer;

// Elements [first, first + count) of `source`, converted to the compute type. Compilers vectorise these loops.
template <typename T>
void load(T* dst, const char* source, DType dtype, int64_t first, int64_t count) {
  if (dtype == DType::float32) {
    const float* from = reinterpret_cast<const float*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  } else if (dtype == DType::int32) {
    const int32_t* from = reinterpret_cast<const int32_t*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  } else {
    const uint8_t* from = reinterpret_cast<const uint8_t*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  }
}

// A number as an integer in [lowest, highest]: truncated, saturated, NaN to 0.
template <typename To, typename T>
HWY_INLINE To integerOf(T value, T lowest, T highest, To last) {
  if (value >= highest) return last;
  if (value > lowest) return static_cast<To>(value);
  return value <= lowest ? static_cast<To>(lowest) : To{0};
}

template <typename T>
void store(char* target, DType dtype, const T* source, int64_t first, int64_t count) {
  if (dtype == DType::float32) {
    float* to = reinterpret_cast<float*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(source[i]);
  } else if (dtype == DType::int32) {
    int32_t* to = reinterpret_cast<int32_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) {
      to[i] = integerOf<int32_t, T>(source[i], static_cast<T>(-2147483648.0), static_cast<T>(2147483647.0), 2147483647);
    }
  } else if (dtype == DType::uint8) {
    uint8_t* to = reinterpret_cast<uint8_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = integerOf<uint8_t, T>(source[i], T{0}, T{255}, 255);
  } else {
    uint8_t* to = reinterpret_cast<uint8_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = source[i] != T{0};
  }
}

// One number per row, repeated over its `cols` elements. Writes whole vectors, up to kSlotPadding elements beyond the last row.
template <typename T>
void spreadRows(T* slot, const char* source, DType dtype, int64_t row, int64_t rows, int64_t cols) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  T values[pointwise::kMaxBlock];
  load(values, source, dtype, row, rows);
  for (int64_t r = 0; r < rows; ++r) {
    const auto v = hn::Set(d, values[r]);
    for (int64_t j = 0; j < cols; j += lanes) hn::StoreU(v, d, slot + r * cols + j);
  }
}

// The columns' numbers, repeated for every row of a block.
template <typename T>
void spreadColumns(T* slot, const char* source, DType dtype, int64_t rows, int64_t cols) {
  load(slot, source, dtype, 0, cols);
  for (int64_t done = cols; done < rows * cols; done *= 2) {
    std::memcpy(slot + done, slot, static_cast<size_t>(std::min(done, rows * cols - done)) * sizeof(T));
  }
}

template <typename T>
HWY_INLINE void runInstruction(const PlannedInstruction& instruction, T* const* at, int64_t count) {
  const auto& loops = kInstructionLoops<T>[instruction.opcode];
  const InstructionLoop<T> loop = loops.of[instruction.single ? 0 : instruction.singles];
  loop(at[instruction.dst], at[instruction.operand[0]], at[instruction.operand[1]], at[instruction.operand[2]],
       instruction.single ? 1 : count);
}

template <typename T>
HWY_INLINE void runInstructions(const Plan& plan, T* const* at, int64_t count) {
  if constexpr (hwy::IsFloat<T>()) {
    if (plan.strips) return runLinks(plan.instruction, plan.instructions, at, count);
  }
  for (int32_t i = 0; i < plan.instructions;) {
    const PlannedInstruction& first = plan.instruction[i];
    i += first.links;
    if constexpr (hwy::IsFloat<T>()) {
      if (first.links > 1) {
        runLinks(&first, first.links, at, count);
        continue;
      }
    }
    runInstruction(first, at, count);
  }
}

// Where a block lies: its first row, first column, first element, and how many rows and elements it has.
struct Block {
  int64_t row, column, first, rows, count;
};

HWY_INLINE Block blockAt(const Plan& plan, int64_t index) {
  if (!plan.wide) {
    const int64_t row = index * plan.rowsPerBlock;
    const int64_t rows = std::min(plan.rowsPerBlock, plan.rows - row);
    return {row, 0, row * plan.cols, rows, rows * plan.cols};
  }
  const int64_t row = plan.blocksPerRow == 1 ? index : index / plan.blocksPerRow;
  const int64_t column = (index - row * plan.blocksPerRow) * plan.blockCols;
  return {row, column, row * plan.cols + column, 1, std::min(plan.blockCols, plan.cols - column)};
}

HWY_INLINE int64_t offsetOf(Motion motion, const Block& block) {
  return motion == Motion::element ? block.first : motion == Motion::row ? block.row : block.column;
}

// The buffers of one formula in the order of its row, as bytes.
using Buffers = char* const*;

template <typename T>
void runBlock(const Plan& plan, const Block& block, Buffers buffers, T** at) {
  for (int32_t i = 0; i < plan.moving; ++i) {
    const int16_t number = plan.movingPlace[i];
    const pointwise::Place& place = plan.place[number];
    at[number] = reinterpret_cast<T*>(buffers[place.index]) + offsetOf(place.motion, block);
  }
  for (int32_t i = 0; i < plan.conversions; ++i) {
    const Transfer& t = plan.conversion[i];
    load(at[t.place], buffers[t.buffer], t.dtype, offsetOf(t.motion, block), t.motion == Motion::row ? 1 : block.count);
  }
  for (int32_t i = 0; i < plan.rowSpreads; ++i) {
    const Transfer& t = plan.rowSpread[i];
    spreadRows(at[t.place], buffers[t.buffer], t.dtype, block.row, block.rows, plan.cols);
  }
  runInstructions(plan, at, block.count);
  if constexpr (hwy::IsFloat<T>()) {
    updateLoop(plan.update, at, block.count);
  }
  for (int32_t i = 0; i < plan.stores; ++i) {
    const Transfer& t = plan.store[i];
    store(buffers[t.buffer], t.dtype, at[t.place], block.first, block.count);
  }
}

template <typename T>
T* cellsOf(const Plan& plan) {
  // Only early instructions write cells, before the blocks.
  return reinterpret_cast<T*>(const_cast<Plan::Cell*>(plan.cell));
}

template <typename T>
void resolvePlaces(const Plan& plan, T* slots, T** at) {
  for (int32_t i = 0; i < plan.places; ++i) {
    const pointwise::Place& place = plan.place[i];
    at[i] = place.home == pointwise::Home::cell ? cellsOf<T>(plan) + place.index : slots + place.index * plan.slotStride;
  }
}

// What is known before the blocks: scalars and what follows from them.
template <typename T>
void fillCells(const Plan& plan, Buffers buffers) {
  T* const cells = cellsOf<T>(plan);
  for (int32_t i = 0; i < plan.scalars; ++i) {
    const Transfer& t = plan.scalar[i];
    load(cells + plan.place[t.place].index, buffers[t.buffer], t.dtype, 0, 1);
  }
  if (plan.earlyInstructions == 0) return;
  T* at[pointwise::kMaxPlaces];
  resolvePlaces<T>(plan, cells, at);
  for (int32_t i = 0; i < plan.earlyInstructions; ++i) runInstruction(plan.early[i], at, 1);
}

template <typename T>
void runChunk(const Plan& plan, int64_t firstBlock, int64_t endBlock, Buffers buffers) {
  HWY_ALIGN T slots[pointwise::kSlotElements];
  T* at[pointwise::kMaxPlaces];
  resolvePlaces(plan, slots, at);
  for (int32_t i = 0; i < plan.columnSpreads; ++i) {
    const Transfer& t = plan.columnSpread[i];
    const int64_t rows = plan.strips ? pointwise::kPeriod / plan.cols : plan.rowsPerBlock;
    spreadColumns(at[t.place], buffers[t.buffer], t.dtype, std::min(rows, plan.rows), plan.cols);
  }
  for (int64_t b = firstBlock; b < endBlock; ++b) runBlock(plan, blockAt(plan, b), buffers, at);
}

template <typename T>
void runPlan(const Plan& plan, Buffers buffers) {
  fillCells<T>(plan, buffers);
  if (plan.chunks == 1) return runChunk<T>(plan, 0, plan.blocks, buffers);
  parallelFor(plan.chunks, [&](int64_t chunk) HWY_ATTR {
    runChunk<T>(plan, plan.blocks * chunk / plan.chunks, plan.blocks * (chunk + 1) / plan.chunks, buffers);
  });
}

void runFormula(const Plan& plan, void* const* buffers) {
  if (plan.integer) {
    runPlan<int32_t>(plan, reinterpret_cast<Buffers>(buffers));
  } else {
    runPlan<float>(plan, reinterpret_cast<Buffers>(buffers));
  }
}

// Elements [first, end) of all segments as if they stood behind one another.
template <typename T>
void runSegmentRange(const Plan& plan, const Formula& formula, const Row& row, int64_t first, int64_t end) {
  HWY_ALIGN T slots[pointwise::kSlotElements];
  T* at[pointwise::kMaxPlaces];
  resolvePlaces(plan, slots, at);
  for (int64_t s = 0, start = 0; start < end; start += formula.size(s++)) {
    const int64_t last = std::min(formula.size(s), end - start);
    int64_t i = std::max<int64_t>(0, first - start);
    if (i >= last) continue;
    void* buffers[pointwise::kMaxFormulaBuffers];
    formula.gatherBuffers(row, s, buffers);
    for (; i < last; i += plan.blockCols) {
      runBlock(plan, {0, i, i, 1, std::min(plan.blockCols, last - i)}, reinterpret_cast<Buffers>(buffers), at);
    }
  }
}

template <typename T>
void runSegmentPlan(const Plan& plan, const Formula& formula, const Row& row) {
  void* buffers[pointwise::kMaxFormulaBuffers];
  formula.gatherBuffers(row, 0, buffers);
  fillCells<T>(plan, reinterpret_cast<Buffers>(buffers));
  const int64_t perChunk = ceilDivide(plan.blocks, plan.chunks) * plan.blockCols;
  parallelFor(ceilDivide(formula.cols, perChunk), [&](int64_t chunk) HWY_ATTR {
    runSegmentRange<T>(plan, formula, row, chunk * perChunk, std::min((chunk + 1) * perChunk, formula.cols));
  });
}

void runSegments(const Plan& plan, const Formula& formula, const Row& row) {
  if (plan.integer) {
    runSegmentPlan<int32_t>(plan, formula, row);
  } else {
    runSegmentPlan<float>(plan, formula, row);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {

HWY_EXPORT(runFormula);
HWY_EXPORT(runSegments);

// [outputs..., inputs...]; arguments as in pointwise_formula.h
Status pointwiseFast(const Row& row) {
  pointwise::Formula formula;
  if (!pointwise::decode(row, false, formula)) return kBadRow;
  if (formula.rows == 0 || formula.cols == 0 || formula.instructions == 0) return {};
  pointwise::Plan plan;
  if (!pointwise::makePlan(formula, plan)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(runFormula)(plan, row.buffers);
  return {};
}

// [outputs... of each segment, full inputs... of each segment, scalars...]; arguments [as of pointwise with rows = segments and
// cols = elements of all, a size per segment]: see pointwise_formula.h. One pass: chunks are cut from the elements as if the
// segments stood behind one another.
Status pointwiseSegmentsFast(const Row& row) {
  pointwise::Formula formula;
  if (!pointwise::decodeSegments(row, false, formula)) return kBadRow;
  if (formula.cols == 0 || formula.instructions == 0) return {};
  pointwise::Plan plan;
  if (!pointwise::makePlan(formula, plan)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(runSegments)(plan, formula, row);
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
