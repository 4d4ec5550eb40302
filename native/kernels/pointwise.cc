// The pointwise interpreter: any formula over tensors of one shape, or over segments of several sizes, run block by block as
// pointwise_plan.h says.
//
// Invariant: a block's results depend on the row alone; blocks share nothing but cells, which are computed before the first.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise.cc"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"
#include "kernels/pointwise_fused-inl.h"
#include "kernels/pointwise_loops-inl.h"
#include "kernels/pointwise_plan.h"
#include "kernels/pointwise_run-inl.h"
#include "kernels/pointwise_transfers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

using pointwise::Motion;
using pointwise::Plan;
using pointwise::PlannedInstruction;
using pointwise::Transfer;

template <typename T>
HWY_INLINE void runInstruction(const PlannedInstruction& instruction, T* const* at, int64_t count) {
  const auto& loops = kInstructionLoops<T>[instruction.opcode];
  const InstructionLoop<T> loop = loops.of[instruction.single ? 0 : instruction.singles];
  loop(at[instruction.dst], at[instruction.operand[0]], at[instruction.operand[1]], at[instruction.operand[2]],
       instruction.single ? 1 : count);
}

template <typename T>
HWY_INLINE void runInstructions(const Plan& plan, T* const* at, int64_t rows, int64_t count) {
  if constexpr (hwy::IsFloat<T>()) {
    if (plan.inRows) return runRows(plan.instruction, plan.instructions, at, rows, plan.cols);
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
  runInstructions(plan, at, block.rows, block.count);
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

void runFormula(const Plan& plan, const Row& row) {
  const auto buffers = reinterpret_cast<Buffers>(row.buffers);
  if (plan.integer) {
    runPlan<int32_t>(plan, buffers);
  } else {
    runPlan<float>(plan, buffers);
  }
}

// Elements [first, end) of all segments as if they stood behind one another.
template <typename T>
void runSegmentRange(const Plan& plan, const Row& row, int64_t first, int64_t end) {
  HWY_ALIGN T slots[pointwise::kSlotElements];
  T* at[pointwise::kMaxPlaces];
  resolvePlaces(plan, slots, at);
  for (int64_t s = 0, start = 0; start < end; start += plan.formula.size(s++)) {
    const int64_t last = std::min(plan.formula.size(s), end - start);
    int64_t i = std::max<int64_t>(0, first - start);
    if (i >= last) continue;
    void* buffers[pointwise::kMaxFormulaBuffers];
    plan.formula.gatherBuffers(row, s, buffers);
    for (; i < last; i += plan.blockCols) {
      runBlock(plan, {0, i, i, 1, std::min(plan.blockCols, last - i)}, reinterpret_cast<Buffers>(buffers), at);
    }
  }
}

template <typename T>
void runSegmentPlan(const Plan& plan, const Row& row) {
  void* buffers[pointwise::kMaxFormulaBuffers];
  plan.formula.gatherBuffers(row, 0, buffers);
  fillCells<T>(plan, reinterpret_cast<Buffers>(buffers));
  const int64_t cols = plan.formula.cols, perChunk = ceilDivide(plan.blocks, plan.chunks) * plan.blockCols;
  parallelFor(ceilDivide(cols, perChunk), [&](int64_t chunk) HWY_ATTR {
    runSegmentRange<T>(plan, row, chunk * perChunk, std::min((chunk + 1) * perChunk, cols));
  });
}

void runSegments(const Plan& plan, const Row& row) {
  if (plan.integer) {
    runSegmentPlan<int32_t>(plan, row);
  } else {
    runSegmentPlan<float>(plan, row);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {

namespace {

HWY_EXPORT(runFormula);
HWY_EXPORT(runSegments);

bool isEmpty(const pointwise::Formula& formula) { return formula.rows == 0 || formula.cols == 0 || formula.instructions == 0; }

// Runs a row by the plan that was prepared, or by one that is made on the stack.
template <bool (*kDecode)(const Row&, bool, pointwise::Formula&), typename Run>
Status runRow(const Row& row, const Run& run) {
  if (row.prepared) {
    run(*static_cast<const pointwise::Plan*>(row.prepared), row);
    return {};
  }
  pointwise::Formula formula;
  if (!kDecode(row, false, formula)) return kBadRow;
  if (isEmpty(formula)) return {};
  alignas(pointwise::Plan) std::byte memory[pointwise::PlanRoom().bytes()];
  const pointwise::Plan* const plan = pointwise::makePlan(formula, memory);
  if (!plan) return kBadRow;
  run(*plan, row);
  return {};
}

template <bool (*kDecode)(const Row&, bool, pointwise::Formula&)>
int64_t prepare(const Row& row, void* memory) {
  pointwise::Formula formula;
  if (!kDecode(row, false, formula) || isEmpty(formula)) return 0;
  if (memory && !pointwise::makePlan(formula, memory)) return 0;
  return pointwise::PlanRoom(formula).bytes();
}

}  // namespace

// [outputs..., inputs...]; arguments as in pointwise_formula.h
Status pointwiseFast(const Row& row) { return runRow<pointwise::decode>(row, HWY_DYNAMIC_DISPATCH(runFormula)); }

int64_t pointwisePrepare(const Row& row, void* memory) { return prepare<pointwise::decode>(row, memory); }

// [outputs... of each segment, full inputs... of each segment, scalars...]; arguments [as of pointwise with rows = segments and
// cols = elements of all, a size per segment]: see pointwise_formula.h. One pass: chunks are cut from the elements as if the
// segments stood behind one another.
Status pointwiseSegmentsFast(const Row& row) { return runRow<pointwise::decodeSegments>(row, HWY_DYNAMIC_DISPATCH(runSegments)); }

int64_t pointwiseSegmentsPrepare(const Row& row, void* memory) { return prepare<pointwise::decodeSegments>(row, memory); }

}  // namespace steepest
#endif  // HWY_ONCE
