// The twin of the pointwise interpreter: one element at a time, every instruction as the C library has it, in double precision.
//
// It is what the fast interpreter is tested against and what float64 tensors run on, so float buffers hold doubles here. Int32
// formulas are computed in int64 and wrapped to 32 bits after each instruction.
#include <cmath>
#include <cstdint>

#include "kernels/arguments.h"
#include "kernels/pointwise_formula.h"
#include "kernels/scalar_math.h"

namespace steepest {
namespace scalar {

template <typename T>
T evaluate(pointwise::Opcode opcode, T a, [[maybe_unused]] T b, [[maybe_unused]] T c) {
  constexpr bool integer = std::is_same_v<T, int64_t>;
  enum class Types { number, real };
  // NOLINTBEGIN(bugprone-branch-clone): for integers, the instructions of real numbers all do nothing
  switch (opcode) {
#define STEEPEST_INSTRUCTION(name, operands, types, cost, fast, twin)                     \
  case pointwise::Opcode::name:                                                           \
    if constexpr (!integer || Types::types == Types::number) return static_cast<T>(twin); \
    break;
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
  }
  // NOLINTEND(bugprone-branch-clone)
  return 0;
}

}  // namespace scalar

namespace {

using pointwise::Formula;

template <typename T>
T loadElement(const void* buffer, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::float32:
    case DType::float64:
      return static_cast<T>(static_cast<const double*>(buffer)[i]);
    case DType::int32:
      return static_cast<const int32_t*>(buffer)[i];
    default:
      return static_cast<const uint8_t*>(buffer)[i];
  }
}

// Conversion as in cast: truncated, saturated, NaN to 0; booleans 0 or 1.
double clampTo(double value, double lowest, double highest) {
  return value != value ? 0 : value < lowest ? lowest : value > highest ? highest : std::trunc(value);
}

template <typename T>
void storeElement(void* buffer, DType dtype, int64_t i, T value) {
  const double number = static_cast<double>(value);
  switch (dtype) {
    case DType::float32:
    case DType::float64:
      static_cast<double*>(buffer)[i] = number;
      break;
    case DType::int32:
      static_cast<int32_t*>(buffer)[i] = static_cast<int32_t>(clampTo(number, -2147483648.0, 2147483647.0));
      break;
    case DType::uint8:
      static_cast<uint8_t*>(buffer)[i] = static_cast<uint8_t>(clampTo(number, 0, 255));
      break;
    case DType::boolean:
      static_cast<uint8_t*>(buffer)[i] = number != 0;
      break;
  }
}

int64_t positionOf(pointwise::Kind kind, int64_t row, int64_t column, int64_t cols) {
  switch (kind) {
    case pointwise::Kind::full:
      return row * cols + column;
    case pointwise::Kind::row:
      return row;
    case pointwise::Kind::column:
      return column;
    case pointwise::Kind::scalar:
      return 0;
  }
  return 0;
}

template <typename T>
void evaluateElement(const Formula& f, void* const* buffers, int64_t row, int64_t column, T* values) {
  for (int64_t i = 0; i < f.inputs; ++i) {
    values[i] = loadElement<T>(buffers[f.outputs + i], f.inputType(i), positionOf(f.inputKind(i), row, column, f.cols));
  }
  for (int64_t i = 0; i < f.instructions; ++i) {
    const pointwise::Instruction& instruction = f.instruction[i];
    const int16_t* operand = instruction.operand;
    const T result = scalar::evaluate<T>(instruction.opcode, values[operand[0]], values[operand[1]], values[operand[2]]);
    if constexpr (std::is_same_v<T, int64_t>) {
      values[instruction.dst] = static_cast<int32_t>(static_cast<uint64_t>(result));
    } else {
      values[instruction.dst] = result;
    }
  }
  for (int64_t i = 0; i < f.outputs; ++i) {
    storeElement(buffers[i], f.outputType(i), row * f.cols + column, values[f.firstOutput() + i]);
  }
}

template <typename T>
void evaluateAs(const Formula& f, void* const* buffers, int64_t rows, int64_t cols) {
  T values[pointwise::kMaxOperands] = {};
  for (int64_t i = 0; i < f.constants; ++i) values[f.inputs + i] = static_cast<T>(f.constantWords[i]);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < cols; ++column) evaluateElement(f, buffers, row, column, values);
  }
}

void evaluate(const Formula& f, void* const* buffers, int64_t rows, int64_t cols) {
  if (f.integer) {
    evaluateAs<int64_t>(f, buffers, rows, cols);
  } else {
    evaluateAs<double>(f, buffers, rows, cols);
  }
}

}  // namespace

Status pointwiseTwin(const Row& row) {
  Formula formula;
  if (!pointwise::decode(row, true, formula)) return kBadRow;
  evaluate(formula, row.buffers, formula.rows, formula.cols);
  return {};
}

Status pointwiseSegmentsTwin(const Row& row) {
  Formula formula;
  if (!pointwise::decodeSegments(row, true, formula)) return kBadRow;
  for (int64_t s = 0; s < formula.segments; ++s) {
    void* buffers[pointwise::kMaxFormulaBuffers];
    formula.gatherBuffers(row, s, buffers);
    evaluate(formula, buffers, 1, formula.size(s));
  }
  return {};
}

}  // namespace steepest
