// How a formula is run: in what blocks, where each operand of each instruction stands, what is converted when.
//
// A block is a run of consecutive elements, all instructions of which are done before the next begins. Values between
// instructions stand in slots, arrays of one block each that stay in the first-level cache. Operands of the compute dtype are
// read and written where they are. What is the same for all elements is a cell, one number, and instructions that have only
// cells as operands are run once, before the blocks ("early"). When a row of the iteration space fills a block of its own
// ("wide"), a per-row operand is a single number too; otherwise several rows share a block, and per-row and per-column operands
// are spread over a slot. Invariant: a plan follows from the arguments alone and names buffers by their position, so that one
// serves all segments of a row; chunks of blocks may run in any order on any thread.
#pragma once

#include <cstdint>

#include "kernels/pointwise_formula.h"
#include "kernels/pointwise_fused.h"

namespace steepest::pointwise {

constexpr int64_t kSlotBytes = 24 * 1024;  // wanted for all slots: what the first-level cache spares beside the operands
constexpr int64_t kMaxBlock = 512;         // elements; longer blocks put slots 4 KiB apart, where their loads and stores alias
constexpr int64_t kLoneBlock = 8192;       // of one instruction without slots, which has nothing to keep in the cache
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

// Between a buffer and the place (a slot, or a cell) that holds its values in the compute type: operands of another dtype before
// the block's instructions, outputs of another dtype after them, per-row and per-column operands spread over short rows, and
// scalars, which are read once.
struct Transfer {
  int16_t buffer;
  int16_t place;
  DType dtype;
  Motion motion;
};

struct PlannedInstruction {
  uint8_t opcode;
  uint8_t singles;  // bit k: operand k is one number
  bool single;      // so is the result
  int16_t dst, operand[3];
};

struct Plan {
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  bool integer, wide;
  int64_t rows, cols;
  int64_t blockCols, blocksPerRow;  // wide
  int64_t rowsPerBlock;             // otherwise
  int64_t blocks, blockElements, blocksPerChunk;
  int64_t slotStride;  // elements

  int32_t cells, slots, places, earlyInstructions, instructions, scalars, conversions, rowSpreads, columnSpreads, stores, moving;
  union Cell {
    float real;
    int32_t integer;
  } cell[kMaxOperands + kMaxInstructions];
  Place place[kMaxPlaces];
  int16_t movingPlace[kMaxOperands];
  bool adam;  // the update of Adam follows the instructions, on these places
  AdamMatch update;
  PlannedInstruction early[kMaxInstructions], instruction[2 * kMaxInstructions];
  Transfer scalar[kMaxFormulaBuffers], conversion[kMaxFormulaBuffers], rowSpread[kMaxFormulaBuffers],
      columnSpread[kMaxFormulaBuffers], store[kMaxFormulaBuffers];
};

// False if the formula needs more slots than there are.
bool makePlan(const Formula& formula, Plan& plan);

}  // namespace steepest::pointwise
