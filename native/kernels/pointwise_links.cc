// The links of runs; see pointwise_plan.h and pointwise_run-inl.h.
#include <algorithm>

#include "kernels/pointwise_plan.h"

namespace steepest::pointwise {
namespace {

// Up to so many elements operands are taken to lie in the first-level cache, where asking for them takes as long as loading them.
constexpr int64_t kNear = 1 << 12;

// Which operand of an instruction is what the one before it wrote; 3 if none is, or more than one.
int carriedOperand(const PlannedInstruction& instruction, int16_t result) {
  int found = 3;
  for (int k = 0; k < kInstructionInfo[instruction.opcode].operands; ++k) {
    if (instruction.operand[k] != result) continue;
    if (found < 3) return 3;
    found = k;
  }
  return found;
}

Reach reach(const Plan& plan, int16_t place) {
  const bool period = plan.strips && plan.place[place].home == Home::slot;
  return {place, period ? static_cast<int16_t>(kPeriod - 1) : int16_t{-1}, plan.place[place].motion,
          plan.place[place].motion == Motion::element && plan.formula.rows * plan.formula.cols > kNear};
}

// Whether an operand is the same for all vectors of a strip.
bool isCommon(const Plan& plan, const PlannedInstruction& link, int k) {
  return (link.singles >> k & 1) != 0 || (plan.inRows && plan.place[link.operand[k]].motion == Motion::column);
}

void formLink(const Plan& plan, PlannedInstruction& link, int carried) {
  link.fresh = carried == 3;
  if (link.fresh) carried = 0;
  unsigned singles = 0;
  for (int k = 0, other = 0; other < 2; ++k) {
    if (k == carried) continue;
    const bool exists = k < kInstructionInfo[link.opcode].operands;
    if (exists) singles |= static_cast<unsigned>(isCommon(plan, link, k)) << other;
    link.other[other++] = exists ? reach(plan, link.operand[k]) : Reach{0, 0, Motion::fixed, false};
  }
  link.from = reach(plan, link.operand[carried]);
  link.to = reach(plan, link.dst);
  link.form = formOf(static_cast<Opcode>(link.opcode), carried, singles);
}

}  // namespace

void formLinks(Plan& plan, const int16_t* outputs) {
  bool read[kMaxPlaces];
  std::fill_n(read, plan.places, false);
  for (int64_t i = 0; i < plan.formula.outputs; ++i) read[outputs[i]] = true;
  if (plan.update.update != Update::none) {
    for (int64_t k = 0; k < plan.update.operands; ++k) read[plan.update.operand[k]] = true;
  }
  for (int32_t i = plan.instructions - 1; i >= 0; --i) {
    PlannedInstruction& link = plan.instruction[i];
    PlannedInstruction* const before = i > 0 ? &plan.instruction[i - 1] : nullptr;
    const bool last = i + 1 == plan.instructions || plan.integer || !isCheap(link) || !isCheap(plan.instruction[i + 1]);
    link.links = last ? int16_t{1} : static_cast<int16_t>(plan.instruction[i + 1].links + 1);
    if (last) link.stored = true;
    const int carried = before && isCheap(*before) && isCheap(link) ? carriedOperand(link, before->dst) : 3;
    formLink(plan, link, carried);
    read[link.dst] = false;
    if (before) before->stored = carried == 3 || read[before->dst];
    for (int k = 0; k < kInstructionInfo[link.opcode].operands; ++k) read[link.operand[k]] = true;
  }
}

}  // namespace steepest::pointwise
