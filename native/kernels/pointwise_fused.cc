// Recognition of fused endings; see pointwise_fused.h.
#include "kernels/pointwise_fused.h"

#include <algorithm>

namespace steepest::pointwise {
namespace {

// An instruction of a pattern. Its operands are results of instructions before it (0, 1, ...) or operands of the whole (leaf(k)).
struct Step {
  Opcode opcode;
  int operand[3];
};

constexpr int leaf(int k) { return -1 - k; }

constexpr Step kAdam[kAdamInstructions] = {
    {Opcode::subtract, {leaf(kAdamG), leaf(kAdamM)}},
    {Opcode::multiplyAdd, {0, leaf(kAdamC0), leaf(kAdamM)}},  // m'
    {Opcode::multiply, {1, leaf(kAdamRate)}},
    {Opcode::square, {leaf(kAdamG)}},
    {Opcode::subtract, {3, leaf(kAdamV)}},
    {Opcode::multiplyAdd, {4, leaf(kAdamC1), leaf(kAdamV)}},  // v'
    {Opcode::sqrt, {5}},
    {Opcode::add, {6, leaf(kAdamEpsilon)}},
    {Opcode::divide, {2, 7}},
    {Opcode::subtract, {leaf(kAdamP), 8}},
    {Opcode::copy, {1}},
    {Opcode::copy, {5}},
};
constexpr int kResultOf[kAdamResults] = {9, 10, 11};

}  // namespace

bool endsInAdam(const Formula& f, AdamMatch& match) {
  const int64_t first = f.instructions - kAdamInstructions;
  if (first < 0 || f.integer || f.outputs != kAdamResults || f.instruction[first].opcode != kAdam[0].opcode) return false;
  const Instruction* const code = f.instruction + first;
  std::fill_n(match.operand, static_cast<int64_t>(kAdamOperands), int16_t{-1});
  // The step that wrote an operand last, of those before step i; -1 if it comes from outside.
  const auto writer = [&](int16_t operand, int64_t i) {
    while (--i >= 0 && code[i].dst != operand) {
    }
    return i;
  };
  for (int64_t i = 0; i < kAdamInstructions; ++i) {
    if (code[i].opcode != kAdam[i].opcode) return false;
    for (int64_t k = 0; k < kInstructionInfo[static_cast<uint8_t>(code[i].opcode)].operands; ++k) {
      const int wanted = kAdam[i].operand[k];
      const int16_t operand = code[i].operand[k];
      if (writer(operand, i) != std::max(wanted, -1)) return false;
      if (wanted >= 0) continue;
      int16_t& bound = match.operand[-1 - wanted];
      if (bound >= 0 && bound != operand) return false;
      bound = operand;
    }
  }
  for (int64_t r = 0; r < kAdamResults; ++r) {
    match.result[r] = code[kResultOf[r]].dst;
    if (match.result[r] < f.firstOutput()) return false;
  }
  return match.result[kNewP] != match.result[kNewM] && match.result[kNewP] != match.result[kNewV] &&
         match.result[kNewM] != match.result[kNewV];
}

}  // namespace steepest::pointwise
