// Planning of pointwise formulas; see pointwise_plan.h.
#include "kernels/pointwise_plan.h"

#include <algorithm>
#include <new>

#include "kernels/arguments.h"

namespace steepest::pointwise {
namespace {

// What one chunk should cost at least, in additions: some 5 microseconds.
constexpr int64_t kChunkCost = 131072;

// From so many elements on operands are taken to lie outside of the second-level caches.
constexpr int64_t kUncached = 1 << 18;

// Elements of a block when `slots` of them have to fit.
int64_t blockFor(int64_t slots) {
  constexpr int64_t elements = kSlotBytes / 4;
  if (slots == 0) return kMaxBlock;
  return std::clamp<int64_t>((static_cast<uint32_t>(elements) / static_cast<uint32_t>(slots) - kSlotPadding) / 16 * 16, kMinBlock,
                             kMaxBlock);
}

class Planner {
 public:
  Planner(const Formula& formula, Plan& plan) : f_(formula), plan_(plan) {}

  bool run() {
    matchUpdate(f_, plan_.update);
    chooseShape();
    for (int64_t i = 0; i < f_.inputs; ++i) at_[i] = placeInput(i);
    for (int64_t i = 0; i < f_.constants; ++i) at_[f_.inputs + i] = cell(f_.constantWords[i]);
    for (int64_t i = 0; i < f_.registers; ++i) home_[f_.firstRegister() + i] = slot(false);
    for (int64_t i = 0; i < f_.outputs; ++i) home_[f_.firstOutput() + i] = placeOutput(i);
    const int64_t ending = plan_.update.update == Update::none ? f_.instructions : f_.instructions - plan_.update.instructions;
    for (int64_t i = 0; i < f_.instructions; ++i) {
      if (i == ending && placeUpdate()) break;
      if (plan_.places + 2 > kMaxPlaces) return false;
      placeInstruction(f_.instruction[i]);
    }
    if (plan_.slots > kMaxSlots) return false;
    formRuns();
    chooseBlocks();
    return true;
  }

 private:
  bool isComputeType(DType dtype) const { return dtype == (plan_.integer ? DType::int32 : DType::float32); }

  // The kind of an input once rows of one element, and single rows, are seen as what they are.
  Kind kindOf(int64_t input) const {
    const Kind kind = f_.inputKind(input);
    if (kind == Kind::row && f_.rows == 1) return Kind::scalar;
    if (kind == Kind::column && f_.cols == 1) return Kind::scalar;
    return (kind == Kind::row && f_.cols == 1) || (kind == Kind::column && f_.rows == 1) ? Kind::full : kind;
  }

  void chooseShape() {
    plan_.formula = f_;
    plan_.integer = f_.integer;
    plan_.cells = plan_.slots = plan_.places = plan_.earlyInstructions = plan_.instructions = plan_.moving = 0;
    plan_.scalars = plan_.conversions = plan_.rowSpreads = plan_.columnSpreads = plan_.stores = 0;
    bool perRow = false;
    int64_t columns = 0;
    int64_t most = f_.registers + 2 * f_.outputs;
    for (int64_t i = 0; i < f_.inputs; ++i) {
      const Kind kind = kindOf(i);
      perRow |= kind == Kind::row;
      columns += kind == Kind::column;
      most += !isComputeType(f_.inputType(i)) || kind == Kind::row || kind == Kind::column;
    }
    const bool flat = !perRow && columns == 0;
    plan_.rows = flat ? 1 : f_.rows;
    plan_.cols = flat ? f_.rows * f_.cols : f_.cols;
    // Two rows must fit a block for sharing to gain anything; per-row operands cost a fill per block when it is shared.
    // One operand per column is read quicker from a period of whole rows, where there is one, than all others from single rows.
    plan_.inRows = (perRow || columns > 1 || (columns == 1 && kPeriod % f_.cols != 0)) && fitsRows();
    plan_.wide = flat || plan_.cols > kMaxBlock / 2 || plan_.cols * 2 > blockFor(most) || (perRow && plan_.cols >= 128);
    plan_.wide &= !plan_.inRows;
  }

  // Whether a formula with operands per row or per column can be run in rows.
  bool fitsRows() const {
    if (f_.integer || hasUpdate() || f_.rows < kRowGroup || f_.cols < kMinRow || f_.cols >= kEndRow) return false;
    if (f_.registers * (kPeriod + kSlotPadding) > kSlotElements) return false;
    for (int64_t i = 0; i < f_.inputs; ++i) {
      if (f_.inputType(i) != DType::float32 && kindOf(i) != Kind::scalar) return false;
    }
    for (int64_t i = 0; i < f_.outputs; ++i) {
      if (f_.outputType(i) != DType::float32) return false;
    }
    const auto isCheap = [](const Instruction& i) { return kInstructionInfo[static_cast<uint8_t>(i.opcode)].cost <= kRunCost; };
    return std::all_of(f_.instruction, f_.instruction + f_.instructions, isCheap);
  }

  int16_t place(int64_t index, Home home, Motion motion, bool single) {
    const auto number = static_cast<int16_t>(plan_.places++);
    plan_.place[number] = {static_cast<int16_t>(index), home, motion, single};
    if (motion != Motion::fixed) plan_.movingPlace[plan_.moving++] = number;
    return number;
  }

  int16_t slot(bool single) { return place(plan_.slots++, Home::slot, Motion::fixed, single); }
  int16_t emptyCell() { return place(plan_.cells++, Home::cell, Motion::fixed, true); }

  int16_t cell(double value) {
    Plan::Cell& target = plan_.cell[plan_.cells];
    if (plan_.integer) {
      target.integer = static_cast<int32_t>(value);
    } else {
      target.real = static_cast<float>(value);
    }
    return emptyCell();
  }

  // A place that `list` fills from, or empties into, a buffer.
  static int16_t transfer(Transfer* list, int32_t& count, int64_t buffer, int16_t place, DType dtype, Motion motion) {
    list[count++] = {static_cast<int16_t>(buffer), place, dtype, motion};
    return place;
  }

  static Motion motionOf(Kind kind) {
    return kind == Kind::row ? Motion::row : kind == Kind::column ? Motion::column : Motion::element;
  }

  int16_t placeInput(int64_t i) {
    const Kind kind = kindOf(i);
    const DType dtype = f_.inputType(i);
    const int64_t buffer = f_.outputs + i;
    if (kind == Kind::scalar) return transfer(plan_.scalar, plan_.scalars, buffer, emptyCell(), dtype, Motion::fixed);
    if (plan_.inRows) return place(buffer, Home::buffer, motionOf(kind), false);
    if (!plan_.wide && kind == Kind::row)
      return transfer(plan_.rowSpread, plan_.rowSpreads, buffer, slot(false), dtype, Motion::row);
    if (!plan_.wide && kind == Kind::column)
      return transfer(plan_.columnSpread, plan_.columnSpreads, buffer, slot(false), dtype, Motion::column);
    const Motion motion = motionOf(kind);
    const bool single = kind == Kind::row;
    if (isComputeType(dtype)) return place(buffer, Home::buffer, motion, single);
    return transfer(plan_.conversion, plan_.conversions, buffer, slot(single), dtype, motion);
  }

  int16_t placeOutput(int64_t i) {
    const DType dtype = f_.outputType(i);
    if (isComputeType(dtype)) return place(i, Home::buffer, Motion::element, false);
    return transfer(plan_.store, plan_.stores, i, slot(false), dtype, Motion::element);
  }

  // Where a result that is one number goes: a cell if it is known before the blocks, else the register's slot, or a new one.
  int16_t placeSingle(bool early, int64_t dst) {
    if (early) return emptyCell();
    if (dst >= f_.firstOutput()) return slot(true);
    return place(plan_.place[home_[dst]].index, Home::slot, Motion::fixed, true);
  }

  // Fields are stored one by one where they stay: reading a copy of them as one word would wait for the stores.
  void placeInstruction(const Instruction& instruction) {
    const auto opcode = static_cast<uint8_t>(instruction.opcode);
    const int64_t operands = kInstructionInfo[opcode].operands;
    int16_t operand[3] = {0, 0, 0};
    unsigned singles = 0;
    bool early = true;
    for (int64_t k = 0; k < operands; ++k) {
      operand[k] = at_[instruction.operand[k]];
      const Place& from = plan_.place[operand[k]];
      singles |= static_cast<unsigned>(from.single) << k;
      early &= from.home == Home::cell;
    }
    PlannedInstruction& planned = early ? plan_.early[plan_.earlyInstructions++] : plan_.instruction[plan_.instructions++];
    planned.opcode = opcode;
    planned.singles = static_cast<uint8_t>(singles);
    planned.single = singles == (1u << operands) - 1;
    for (int64_t k = 0; k < 3; ++k) planned.operand[k] = operand[k];
    const int16_t home = home_[instruction.dst];
    planned.dst = at_[instruction.dst] = planned.single ? placeSingle(early, instruction.dst) : home;
    if (planned.single && instruction.dst >= f_.firstOutput()) {
      PlannedInstruction& fill = plan_.instruction[plan_.instructions++];
      fill.opcode = static_cast<uint8_t>(Opcode::copy);
      fill.singles = 1;
      fill.single = false;
      fill.operand[0] = planned.dst;
      fill.operand[1] = fill.operand[2] = 0;
      fill.dst = home;
    }
  }

  // Puts places for the operands of plan.update; where one is not of the kind that it has to be there is no update, and the
  // instructions remain.
  bool placeUpdate() {
    UpdateMatch& update = plan_.update;
    for (int64_t k = 0; k < update.operands; ++k) {
      update.operand[k] = at_[update.operand[k]];
      if (plan_.place[update.operand[k]].single == (k >= update.arrays)) continue;
      update.update = Update::none;
      return false;
    }
    for (int64_t k = 0; k < update.results; ++k) update.result[k] = home_[update.result[k]];
    return true;
  }

  bool hasUpdate() const { return plan_.update.update != Update::none; }

  // Whether the plan is one run whose slots need to hold one period only, since nothing fills or empties them block by block.
  bool isOneRun() const {
    if (plan_.inRows) return true;
    if (plan_.integer || hasUpdate() || plan_.conversions + plan_.rowSpreads + plan_.stores > 0) return false;
    if (plan_.columnSpreads > 0 && kPeriod % plan_.cols != 0) return false;
    // The loop of one instruction is quicker over what lies in the caches, a run asks ahead for what does not.
    if (plan_.columnSpreads == 0 && plan_.instructions < 2 && plan_.rows * plan_.cols < kUncached) return false;
    const bool fits = plan_.slots * (kPeriod + kSlotPadding) <= kSlotElements;
    return fits && std::all_of(plan_.instruction, plan_.instruction + plan_.instructions, isCheap);
  }

  void formRuns() {
    plan_.strips = isOneRun();
    int16_t outputs[kMaxFormulaBuffers];
    for (int64_t i = 0; i < f_.outputs; ++i) outputs[i] = home_[f_.firstOutput() + i];
    formLinks(plan_, outputs);
  }

  bool usesNoSlots() const {
    return plan_.instructions + plan_.conversions + plan_.rowSpreads + plan_.columnSpreads + plan_.stores == 0;
  }

  void chooseBlocks() {
    const bool isLong = plan_.strips || (plan_.slots == 0 && plan_.instructions == 1) || (hasUpdate() && usesNoSlots());
    const int64_t block = isLong ? kLongBlock : blockFor(plan_.slots);
    if (plan_.wide && plan_.cols <= block) {  // small formulas are frequent, and divisions are what planning costs
      plan_.blockCols = plan_.blockElements = plan_.cols;
      plan_.blocksPerRow = 1;
      plan_.blocks = plan_.rows;
    } else if (plan_.wide) {
      const int64_t parts = ceilDivide(plan_.cols, block);
      plan_.blockCols = plan_.blockElements = std::min(block, ceilDivide(ceilDivide(plan_.cols, parts), 16) * 16);
      plan_.blocksPerRow = ceilDivide(plan_.cols, plan_.blockCols);
      plan_.blocks = plan_.rows * plan_.blocksPerRow;
    } else {
      plan_.rowsPerBlock = plan_.inRows ? block / plan_.cols / kRowGroup * kRowGroup : block / plan_.cols;
      plan_.blocks = ceilDivide(plan_.rows, plan_.rowsPerBlock);
      plan_.blockElements = plan_.rowsPerBlock * plan_.cols;
    }
    plan_.slotStride = plan_.slots == 0 ? 0 : (isLong ? kPeriod : block) + kSlotPadding;
    int64_t cost = hasUpdate() ? plan_.update.cost : 1;
    for (int32_t i = 0; i < plan_.instructions; ++i) cost += kInstructionInfo[plan_.instruction[i].opcode].cost;
    const int64_t total = plan_.blocks * plan_.blockElements * cost;
    const int64_t chunks = ceilDivide(total, kChunkCost);
    plan_.chunks = std::min(chunks + (chunks > 1 ? chunks % 2 : 0), plan_.blocks);  // halves for two threads
  }

  const Formula& f_;
  Plan& plan_;
  int16_t at_[kMaxOperands];    // the place of an operand's present value
  int16_t home_[kMaxOperands];  // the slot of a register, the buffer or slot of an output
};

}  // namespace

Plan* makePlan(const Formula& formula, void* memory) {
  Plan& plan = *new (memory) Plan;
  PlanRoom(formula).layOut(plan);
  return Planner(formula, plan).run() ? &plan : nullptr;
}

}  // namespace steepest::pointwise
