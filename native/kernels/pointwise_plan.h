// How a formula is run: in what blocks, where each operand of each instruction stands, what is converted when.
//
// A block is a run of consecutive elements, all instructions of which are done before the next begins. Values between
// instructions stand in slots, arrays of one block each that stay in the first-level cache. Operands of the compute dtype are
// read and written where they are. What is the same for all elements is a cell, one number, and instructions that have only
// cells as operands are run once, before the blocks ("early"). When a row of the iteration space fills a block of its own
// ("wide"), a per-row operand is a single number too; otherwise several rows share a block, and per-row and per-column operands
// are spread over a slot. Neighbouring cheap instructions form runs, which go through a block strip by strip with values in
// registers; when a formula is one run ("strips"), slots hold no block but one period of strips. Over short rows such strips take
// vectors of neighbouring rows ("in rows"), and per-row and per-column operands are read where they are. Invariant: a plan
// follows from the arguments alone and names buffers by their position, so that one serves all segments of a row and all runs of
// a program, one at a time since cells are filled anew by each; chunks of blocks may run in any order on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "kernels/pointwise_formula.h"
#include "kernels/pointwise_fused.h"

namespace steepest::pointwise {

constexpr int64_t kSlotBytes = 24 * 1024;  // wanted for all slots: what the first-level cache spares beside the operands
constexpr int64_t kMaxBlock = 512;         // elements; longer blocks put slots 4 KiB apart, where their loads and stores alias
constexpr int64_t kLongBlock = 4096;       // of one instruction or one run of them, which has nothing to keep in the cache
constexpr int64_t kSlotPadding = 16;       // elements behind each slot: other strides than 2 KiB, and room for whole vectors
constexpr int64_t kMinBlock = 16;          // however many slots there are
constexpr int64_t kMaxSlots = 512;
constexpr int64_t kSlotElements = kMaxSlots * (kMinBlock + kSlotPadding);  // room for any plan's slots
constexpr int64_t kMaxPlaces = 2 * kMaxOperands;

// How the address of a place follows the block.
enum class Motion : uint8_t { fixed, element, row, column };

enum class Home : uint8_t { slot, cell, buffer };

// Where a value stands: slot, cell or buffer number `index`. Slots and cells are fixed.
struct Place {
  int16_t index;
  Home home;
  Motion motion;
  bool single;  // one number for the whole block
};

// Between a buffer and the place (a slot, or a cell) that holds its values in the compute type: operands of another dtype
// before the block's instructions, outputs of another dtype after them, per-row and per-column operands spread over short rows,
// and scalars, which are read once.
struct Transfer {
  int16_t buffer;
  int16_t place;
  DType dtype;
  Motion motion;
};

// Where an operand or a result of a link lies: its place, and the bits of the element's number that count there. A slot of a
// plan in strips holds one period. In rows the motion says how it lies. Memory that is `asked` for ahead is what may lie
// outside of the first-level cache.
struct Reach {
  int16_t place, mask;
  Motion motion;
  bool asked;
};

constexpr int64_t kAhead = 512;  // elements

// A link of a run (pointwise_run-inl.h) takes the result of the one before as one of its operands, or, `fresh`, reads that
// operand too; its result is `stored` if something later than the next link reads it.
struct PlannedInstruction {
  uint8_t opcode;
  uint8_t singles;  // bit k: operand k is one number
  bool single;      // so is the result
  bool fresh, stored;
  int16_t dst, operand[3];
  int16_t links;             // of the run that begins here; 1: an instruction alone
  uint16_t form;             // formOf
  Reach from, other[2], to;  // the carried operand, those that are not, in order, and the result
};

// Instructions up to this cost run in strips; costlier ones keep the processor busy by themselves.
constexpr int kRunCost = 3;
constexpr int64_t kPeriod = 256;  // elements; strips of every instruction set divide it

// Rows of kMinRow to kEndRow - 1 elements are run in rows, where there are enough of them: shorter ones are less than a vector,
// longer ones strips by themselves. (x - m) f + b with m, f and b per row over 512 x 128 takes 15.2 us in blocks of rows, 5.7
// in rows, over 256 x 256 4.8 us and 6.0.
constexpr int64_t kMinRow = 16, kEndRow = kPeriod;
constexpr int64_t kRowGroup = 16;  // rows; strips of every instruction set divide it

// What a link does: its instruction, which operand is carried over from the link before, and which of the others are one
// number.
constexpr uint16_t formOf(Opcode opcode, int carried, unsigned singles) {
  return static_cast<uint16_t>(static_cast<unsigned>(opcode) << 4 | static_cast<unsigned>(carried) << 2 | singles);
}

struct Plan {
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  bool integer, wide;
  bool strips;  // all is one run, and slots hold one period
  bool inRows;  // and strips are vectors of neighbouring rows; per-row and per-column operands are read where they are
  int64_t rows, cols;
  int64_t blockCols, blocksPerRow;  // wide
  int64_t rowsPerBlock;             // otherwise
  int64_t blocks, blockElements, chunks;
  int64_t slotStride;  // elements

  int32_t cells, slots, places, earlyInstructions, instructions, scalars, conversions, rowSpreads, columnSpreads, stores, moving;
  FormulaHead formula;
  UpdateMatch update;  // what follows the instructions, on these places

  // Lists, which stand behind the plan.
  union Cell {
    float real;
    int32_t integer;
  } * cell;
  Transfer *scalar, *conversion, *rowSpread, *columnSpread, *store;
  PlannedInstruction *early, *instruction;
  Place* place;
  int16_t* movingPlace;
};

inline bool isCheap(const PlannedInstruction& instruction) {
  return !instruction.single && kInstructionInfo[instruction.opcode].cost <= kRunCost;
}

// Joins neighbouring cheap instructions of a plan to runs. `outputs`: the places of the formula's outputs.
void formLinks(Plan& plan, const int16_t* outputs);

// How long the lists of a formula's plan can become.
struct PlanRoom {
  int64_t inputs, outputs, places, instructions;

  explicit PlanRoom(const FormulaHead& f)
      : inputs(f.inputs), outputs(f.outputs), places(f.operands() + f.instructions), instructions(f.instructions) {}
  constexpr PlanRoom()  // of any formula
      : inputs(kMaxFormulaBuffers),
        outputs(kMaxFormulaBuffers),
        places(kMaxOperands + kMaxInstructions),
        instructions(kMaxInstructions) {}

  // Of the plan with its lists. A result that is one number has an instruction more, which fills the output with it.
  constexpr int64_t bytes() const {
    const size_t transfers = static_cast<size_t>(4 * inputs + outputs), moving = static_cast<size_t>(inputs + outputs);
    const auto all = static_cast<size_t>(places);
    return static_cast<int64_t>(sizeof(Plan) + all * sizeof(Plan::Cell) + transfers * sizeof(Transfer) +
                                3 * static_cast<size_t>(instructions) * sizeof(PlannedInstruction) + all * sizeof(Place) +
                                moving * sizeof(int16_t));
  }

  // Points the lists of a plan at their places, those of the strictest alignment first.
  void layOut(Plan& plan) const {
    auto* at = reinterpret_cast<std::byte*>(&plan + 1);
    const auto take = [&at]<typename T>(T*& list, int64_t count) {
      list = reinterpret_cast<T*>(at);
      at += static_cast<size_t>(count) * sizeof(T);
    };
    take(plan.cell, places);
    for (Transfer** list : {&plan.scalar, &plan.conversion, &plan.rowSpread, &plan.columnSpread}) take(*list, inputs);
    take(plan.store, outputs);
    take(plan.early, instructions);
    take(plan.instruction, 2 * instructions);
    take(plan.place, places);
    take(plan.movingPlace, inputs + outputs);
  }
};

// Makes the plan of a formula in `memory`, aligned for it and of as many bytes as PlanRoom says; null if the formula needs more
// slots than there are.
Plan* makePlan(const Formula& formula, void* memory);

}  // namespace steepest::pointwise
