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

struct Pattern {
  Update update;
  int16_t arrays, operands, results, instructions, cost;
  Step steps[12];
  int resultOf[kMaxUpdateResults];
};

constexpr Pattern kPatterns[] = {
    {Update::adam,
     4,
     8,
     3,
     12,
     12,
     {
         {Opcode::subtract, {leaf(1), leaf(2)}},
         {Opcode::multiplyAdd, {0, leaf(4), leaf(2)}},  // m'
         {Opcode::multiply, {1, leaf(6)}},
         {Opcode::square, {leaf(1)}},
         {Opcode::subtract, {3, leaf(3)}},
         {Opcode::multiplyAdd, {4, leaf(5), leaf(3)}},  // v'
         {Opcode::sqrt, {5}},
         {Opcode::add, {6, leaf(7)}},
         {Opcode::divide, {2, 7}},
         {Opcode::subtract, {leaf(0), 8}},
         {Opcode::copy, {1}},
         {Opcode::copy, {5}},
     },
     {9, 10, 11}},
    {Update::rmsprop,
     3,
     7,
     2,
     9,
     10,
     {
         {Opcode::multiply, {leaf(3), leaf(1)}},
         {Opcode::square, {leaf(1)}},
         {Opcode::multiply, {1, leaf(4)}},
         {Opcode::multiplyAdd, {leaf(2), leaf(5), 2}},  // v'
         {Opcode::add, {3, leaf(6)}},
         {Opcode::sqrt, {4}},
         {Opcode::divide, {0, 5}},
         {Opcode::subtract, {leaf(0), 6}},
         {Opcode::copy, {3}},
     },
     {7, 8}},
    {Update::momentum,
     3,
     5,
     2,
     5,
     4,
     {
         {Opcode::multiply, {leaf(2), leaf(4)}},
         {Opcode::multiply, {leaf(1), leaf(3)}},
         {Opcode::subtract, {0, 1}},  // v'
         {Opcode::add, {leaf(0), 2}},
         {Opcode::copy, {2}},
     },
     {3, 4}},
};

// Whether code, the last instructions of a formula, is the pattern; binds its operands and results.
bool matches(const Pattern& pattern, const Formula& f, const Instruction* code, UpdateMatch& match) {
  std::fill_n(match.operand, kMaxUpdateOperands, int16_t{-1});
  // The step that wrote an operand last, of those before step i; -1 if it comes from outside.
  const auto writer = [&](int16_t operand, int64_t i) {
    while (--i >= 0 && code[i].dst != operand) {
    }
    return i;
  };
  for (int64_t i = 0; i < pattern.instructions; ++i) {
    if (code[i].opcode != pattern.steps[i].opcode) return false;
    for (int64_t k = 0; k < kInstructionInfo[static_cast<uint8_t>(code[i].opcode)].operands; ++k) {
      const int wanted = pattern.steps[i].operand[k];
      const int16_t operand = code[i].operand[k];
      if (writer(operand, i) != std::max(wanted, -1)) return false;
      if (wanted >= 0) continue;
      int16_t& bound = match.operand[-1 - wanted];
      if (bound >= 0 && bound != operand) return false;
      bound = operand;
    }
  }
  for (int64_t r = 0; r < pattern.results; ++r) {
    match.result[r] = code[pattern.resultOf[r]].dst;
    if (match.result[r] < f.firstOutput() || std::count(match.result, match.result + r, match.result[r]) > 0) return false;
  }
  return true;
}

}  // namespace

void matchUpdate(const Formula& f, UpdateMatch& match) {
  match.update = Update::none;
  if (f.integer) return;
  for (const Pattern& pattern : kPatterns) {
    const int64_t first = f.instructions - pattern.instructions;
    if (first < 0 || f.outputs != pattern.results || !matches(pattern, f, f.instruction + first, match)) continue;
    match.update = pattern.update;
    match.arrays = pattern.arrays;
    match.operands = pattern.operands;
    match.results = pattern.results;
    match.instructions = pattern.instructions;
    match.cost = pattern.cost;
    return;
  }
}

}  // namespace steepest::pointwise
