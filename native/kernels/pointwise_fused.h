// Endings of formulas that have a loop of their own: instructions that the interpreter would run one after another, each through
// the cache, done on values that stay in registers.
//
// Only what a measurement asks for is here. The update of Adam is ten instructions, of which the root and the quotient keep the
// processor busy while the others could run beside them: 0.44 ns per parameter in one loop, 1.2 ns instruction by instruction.
// Invariant: a fused loop computes what its instructions compute, bit for bit.
#pragma once

#include <cstdint>

#include "kernels/pointwise_formula.h"

namespace steepest::pointwise {

// The operands of Adam's update as the formula has them: m' = m + (g - m) c0, v' = v + (g^2 - v) c1 and
// p' = p - m' rate / (sqrt(v') + epsilon). The first four are arrays, the others single numbers.
enum AdamOperand {
  kAdamP,
  kAdamG,
  kAdamM,
  kAdamV,
  kAdamArrays,
  kAdamC0 = kAdamArrays,
  kAdamC1,
  kAdamRate,
  kAdamEpsilon,
  kAdamOperands
};
enum AdamResult { kNewP, kNewM, kNewV, kAdamResults };

constexpr int64_t kAdamInstructions = 12;
constexpr int64_t kAdamCost = 12;

struct AdamMatch {
  int16_t operand[kAdamOperands];
  int16_t result[kAdamResults];
};

// Whether the last kAdamInstructions of the formula are that update, and nothing else is computed in them.
bool endsInAdam(const Formula& formula, AdamMatch& match);

}  // namespace steepest::pointwise
