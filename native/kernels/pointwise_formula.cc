// Decoding and checking of pointwise rows.
#include "kernels/pointwise_formula.h"

#include <bitset>

#include "kernels/arguments.h"

namespace steepest::pointwise {
namespace {

// Whether a word is an integer in [0, limit).
bool below(double word, int64_t limit) {
  return word >= 0 && word < static_cast<double>(limit) && word == static_cast<double>(static_cast<int64_t>(word));
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

bool acceptsInstructions(const Formula& f) {
  std::bitset<kMaxOperands> written;
  for (int64_t i = 0; i < f.firstRegister(); ++i) written.set(static_cast<size_t>(i));
  const int64_t operands = f.operands();
  for (int64_t i = 0; i < f.instructions; ++i) {
    const double* words = f.instructionWords + 5 * i;
    if (!below(words[0], kInstructionCount) || !below(words[1], operands)) return false;
    const InstructionInfo& info = kInstructionInfo[static_cast<int64_t>(words[0])];
    if (info.real && f.integer) return false;
    for (int64_t k = 0; k < info.operands; ++k) {
      if (!below(words[2 + k], operands) || !written[static_cast<size_t>(words[2 + k])]) return false;
    }
    for (int64_t k = info.operands; k < 3; ++k) {
      if (!below(words[2 + k], kMaxOperands)) return false;
    }
    if (words[1] < static_cast<double>(f.firstRegister())) return false;
    written.set(static_cast<size_t>(words[1]));
  }
  for (int64_t i = f.firstOutput(); i < operands; ++i) {
    if (!written[static_cast<size_t>(i)]) return false;
  }
  return true;
}

}  // namespace

bool decode(const Row& row, bool twin, Formula& f) {
  if (!accepts(row, row.bufferCount, 8, 8) || !below(row.number(0), 2)) return false;
  for (int64_t i = 3; i < 8; ++i) {
    if (row.number(i) > static_cast<double>(kMaxRowWords)) return false;
  }
  f.row = &row;
  f.integer = row.flag(0);
  f.rows = row.integer(1);
  f.cols = row.integer(2);
  f.inputs = row.integer(3);
  f.outputs = row.integer(4);
  f.constants = row.integer(5);
  f.registers = row.integer(6);
  f.instructions = row.integer(7);
  int64_t elements;
  if (f.operands() > kMaxOperands || f.inputs + f.outputs != row.bufferCount) return false;
  if (__builtin_mul_overflow(f.rows, f.cols, &elements) || elements > int64_t{1} << 53) return false;
  if (row.argumentCount != 8 + 2 * f.inputs + f.outputs + f.constants + 5 * f.instructions) return false;
  f.inputWords = row.arguments + 8;
  f.outputWords = f.inputWords + 2 * f.inputs;
  f.constantWords = f.outputWords + f.outputs;
  f.instructionWords = f.constantWords + f.constants;
  return acceptsTypes(f, twin) && acceptsInstructions(f);
}

}  // namespace steepest::pointwise
