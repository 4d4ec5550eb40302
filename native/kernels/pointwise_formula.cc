// Decoding and checking of pointwise rows.
#include "kernels/pointwise_formula.h"

#include <bitset>

#include "kernels/arguments.h"

namespace steepest::pointwise {
namespace {

// Whether a word is an integer in [0, limit); gives it as `value`. False for NaN, which converts to the smallest integer.
bool below(double word, int64_t limit, int64_t& value) {
  value = static_cast<int64_t>(word);
  return static_cast<double>(value) == word && static_cast<uint64_t>(value) < static_cast<uint64_t>(limit);
}

bool below(double word, int64_t limit) {
  int64_t value;
  return below(word, limit, value);
}

bool isComputeType(DType dtype, bool integer) {
  return integer ? dtype == DType::int32 : dtype == DType::float32 || dtype == DType::float64;
}

// Inputs of float type in an int32 formula do not exist: the encoder would have had to round them.
bool acceptsTypes(const Formula& f, bool twin) {
  const int64_t types = twin ? 5 : 4;
  for (int64_t i = 0; i < f.inputs; ++i) {
    if (!below(f.inputWords[2 * i], types) || !below(f.inputWords[2 * i + 1], 4)) return false;
    if (f.integer && isComputeType(f.inputType(i), false)) return false;
  }
  for (int64_t i = 0; i < f.outputs; ++i) {
    if (!below(f.outputWords[i], types)) return false;
  }
  return true;
}

bool decodeInstruction(const double* words, const Formula& f, Instruction& instruction, std::bitset<kMaxOperands>& written) {
  int64_t value;
  if (!below(words[0], kInstructionCount, value)) return false;
  const InstructionInfo& info = kInstructionInfo[value];
  if (info.real && f.integer) return false;
  instruction.opcode = static_cast<Opcode>(value);
  for (int64_t k = 0; k < 3; ++k) {
    if (!below(words[2 + k], f.operands(), value)) return false;
    if (k < info.operands && !written[static_cast<size_t>(value)]) return false;
    instruction.operand[k] = static_cast<int16_t>(value);
  }
  if (!below(words[1], f.operands(), value) || value < f.firstRegister()) return false;
  instruction.dst = static_cast<int16_t>(value);
  written.set(static_cast<size_t>(value));
  return true;
}

bool decodeInstructions(const double* words, Formula& f) {
  std::bitset<kMaxOperands> written;
  for (int64_t i = 0; i < f.firstRegister(); ++i) written.set(static_cast<size_t>(i));
  for (int64_t i = 0; i < f.instructions; ++i) {
    if (!decodeInstruction(words + 5 * i, f, f.instruction[i], written)) return false;
  }
  for (int64_t i = f.firstOutput(); i < f.operands(); ++i) {
    if (!written[static_cast<size_t>(i)]) return false;
  }
  return true;
}

// Everything but the number of buffers and what may follow the code; gives how many arguments the formula takes.
bool decodeFormula(const Row& row, bool twin, Formula& f, int64_t& words) {
  constexpr int64_t kHeader = 8;
  constexpr int64_t kMaxSize = (int64_t{1} << 53) + 1;
  constexpr int64_t limits[kHeader] = {
      2, kMaxSize, kMaxSize, kMaxFormulaBuffers, kMaxFormulaBuffers, kMaxOperands, kMaxOperands, kMaxInstructions};
  int64_t header[kHeader];
  if (row.argumentCount < kHeader) return false;
  for (int64_t i = 0; i < kHeader; ++i) {
    if (!below(row.number(i), limits[i], header[i])) return false;
  }
  f.integer = header[0] != 0;
  f.rows = header[1];
  f.cols = header[2];
  f.inputs = header[3];
  f.outputs = header[4];
  f.constants = header[5];
  f.registers = header[6];
  f.instructions = header[7];
  int64_t elements;
  if (f.operands() > kMaxOperands || f.inputs + f.outputs > kMaxFormulaBuffers) return false;
  if (__builtin_mul_overflow(f.rows, f.cols, &elements) || elements >= kMaxSize) return false;
  words = kHeader + 2 * f.inputs + f.outputs + f.constants + 5 * f.instructions;
  if (row.argumentCount < words) return false;
  f.inputWords = row.arguments + kHeader;
  f.outputWords = f.inputWords + 2 * f.inputs;
  f.constantWords = f.outputWords + f.outputs;
  return acceptsTypes(f, twin) && decodeInstructions(f.constantWords + f.constants, f);
}

}  // namespace

bool decode(const Row& row, bool twin, Formula& f) {
  int64_t words;
  return decodeFormula(row, twin, f, words) && row.argumentCount == words && row.bufferCount == f.inputs + f.outputs;
}

bool decodeSegments(const Row& row, bool twin, Formula& f) {
  int64_t words;
  if (!decodeFormula(row, twin, f, words)) return false;
  f.segments = f.rows;
  f.rows = 1;
  f.scalars = 0;
  for (int64_t i = 0; i < f.inputs; ++i) {
    if (f.inputKind(i) != Kind::full && f.inputKind(i) != Kind::scalar) return false;
    f.scalars += f.inputKind(i) == Kind::scalar;
  }
  if (row.argumentCount - words != f.segments) return false;
  if (row.bufferCount != f.segments * (f.outputs + f.inputs - f.scalars) + f.scalars) return false;
  f.sizeWords = row.arguments + words;
  int64_t total = 0;
  for (int64_t s = 0; s < f.segments; ++s) {
    int64_t size;
    if (!below(f.sizeWords[s], f.cols + 1, size)) return false;
    total += size;
  }
  return total == f.cols;
}

void FormulaHead::gatherBuffers(const Row& row, int64_t segment, void** buffers) const {
  void* const* output = row.buffers + segment * outputs;
  void* const* full = row.buffers + segments * outputs + segment * (inputs - scalars);
  void* const* scalar = row.buffers + segments * (outputs + inputs - scalars);
  for (int64_t i = 0; i < outputs; ++i) *buffers++ = *output++;
  for (int64_t i = 0; i < inputs; ++i) *buffers++ = inputKind(i) == Kind::scalar ? *scalar++ : *full++;
}

}  // namespace steepest::pointwise
