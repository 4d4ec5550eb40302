// Endings of formulas that have a loop of their own: instructions that the interpreter would run one after another, done on
// values that stay in registers from the first to the last.
//
// Only what a measurement asks for is here: the updates of optimizers, where a root and a quotient keep the processor busy while
// the other instructions could run beside them. The update of Adam takes 0.44 ns per parameter in one loop, 1.2 ns instruction by
// instruction. Invariant: a fused loop computes what its instructions compute, bit for bit.
#pragma once

#include <cstdint>

#include "kernels/pointwise_formula.h"

namespace steepest::pointwise {

// With operands as the optimizers' formulas have them, arrays before single numbers:
//   adam      p, g, m, v; c0, c1, rate, epsilon: m' = m + (g - m) c0, v' = v + (g^2 - v) c1, p' = p - m' rate / (sqrt(v') +
//   epsilon) rmsprop   p, g, v; rate, c0, c1, epsilon: v' = v c1 + g^2 c0, p' = p - rate g / sqrt(v' + epsilon) momentum  p, g,
//   v; rate, c0: v' = v c0 - g rate, p' = p + v'
// Results are p', then the states.
enum class Update : uint8_t { none, adam, rmsprop, momentum };

constexpr int64_t kMaxUpdateOperands = 8;
constexpr int64_t kMaxUpdateResults = 3;

struct UpdateMatch {
  Update update;
  int16_t arrays, operands, results;
  int16_t instructions, cost;  // of the ending that the loop takes the place of, and what an element costs in it
  int16_t operand[kMaxUpdateOperands];
  int16_t result[kMaxUpdateResults];
};

// Finds which update the last instructions of the formula are, when nothing else is computed in them; match.update is none if
// they are not one.
void matchUpdate(const Formula& formula, UpdateMatch& match);

}  // namespace steepest::pointwise
