// The encoded form of a pointwise row, decoded and checked: what the interpreter and its twin both start from.
//
// Arguments: [computeType (0 float, 1 int32), rows, cols, I inputs, O outputs, C constants, R registers, T instructions,
//   I x (dtype, kind), O x dtype, C constants, T x (opcode, dst, a, b, c)].
// Operands are numbered inputs, constants, registers, outputs. An input of kind full has rows * cols elements, row has one per
// row, column one per column, scalar one. Buffers: [outputs..., inputs...].
//
// A row of segments applies one formula to many tensors, each of its own size, as an optimizer does to all parameters of a model.
// Its arguments are the same with rows = S segments, cols = the elements of all segments together, and kinds full or scalar
// only; the S sizes follow. Buffers: [outputs... of each segment in turn, full inputs... of each segment in turn, scalars...],
// where all segments share the scalars.
//
// Invariant: a Formula that was accepted names only existing operands, never reads a register or output before it is written, and
// its buffers are as long as its sizes say.
#pragma once

#include <cstdint>

#include "kernel.h"

namespace steepest::pointwise {

enum class Kind : uint8_t { full = 0, row = 1, column = 2, scalar = 3 };

constexpr int64_t kMaxOperands = 512;
constexpr int64_t kMaxFormulaBuffers = 64;  // inputs and outputs of one formula

enum class Opcode : uint8_t {
#define STEEPEST_INSTRUCTION(name, ...) name,
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
};

struct InstructionInfo {
  uint8_t operands;
  bool real;  // not for int32
  uint8_t cost;
};

// Number of instructions, and their properties by opcode.
enum class Types : uint8_t { number, real };
inline constexpr InstructionInfo kInstructionInfo[] = {
#define STEEPEST_INSTRUCTION(name, operands, types, cost, fast, twin) {operands, Types::types == Types::real, cost},
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
};
constexpr int64_t kInstructionCount = sizeof kInstructionInfo / sizeof kInstructionInfo[0];

struct Instruction {
  Opcode opcode;
  int16_t dst;
  int16_t operand[3];
};

constexpr int64_t kMaxInstructions = kMaxRowWords / 5;

// All of a formula but its instructions. The words are the row's arguments.
struct FormulaHead {
  bool integer;  // computes in int32
  int64_t rows, cols;
  int64_t segments, scalars;  // of a row of segments: then rows is 1
  const double* sizeWords;
  int64_t inputs, outputs, constants, registers, instructions;
  const double *inputWords, *outputWords, *constantWords;

  int64_t operands() const { return inputs + constants + registers + outputs; }
  int64_t firstRegister() const { return inputs + constants; }
  int64_t firstOutput() const { return inputs + constants + registers; }
  DType inputType(int64_t i) const { return static_cast<DType>(static_cast<int32_t>(inputWords[2 * i])); }
  Kind inputKind(int64_t i) const { return static_cast<Kind>(static_cast<int32_t>(inputWords[2 * i + 1])); }
  DType outputType(int64_t i) const { return static_cast<DType>(static_cast<int32_t>(outputWords[i])); }
  int64_t size(int64_t segment) const { return static_cast<int64_t>(sizeWords[segment]); }
  // The buffers of a segment in the order of a formula of its own: outputs, inputs.
  void gatherBuffers(const Row& row, int64_t segment, void** buffers) const;
};

struct Formula : FormulaHead {
  Formula() = default;
  Formula(const Formula&) = delete;
  Formula& operator=(const Formula&) = delete;

  Instruction instruction[kMaxInstructions];
};

// False if the row is malformed. `twin`: float buffers hold doubles, and dtype float64 is allowed.
bool decode(const Row& row, bool twin, Formula& formula);
bool decodeSegments(const Row& row, bool twin, Formula& formula);

}  // namespace steepest::pointwise
