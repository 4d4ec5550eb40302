// One loop over a block for every instruction, dtype and combination of array and single-number operands, and their tables.
//
// A loop reads `count` elements of each array operand, or the one number of a single operand, and writes `count` results. dst may
// be an operand's array itself (in place), but not overlap it otherwise. Buffers need no alignment. Invariant: an incomplete
// vector is computed by the same operations as a complete one, so a result never depends on where in an array its element stands.
#if defined(STEEPEST_POINTWISE_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_LOOPS_INL_H_
#undef STEEPEST_POINTWISE_LOOPS_INL_H_
#else
#define STEEPEST_POINTWISE_LOOPS_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/pointwise_formula.h"
#include "kernels/pointwise_lanes-inl.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
using InstructionLoop = void (*)(T* dst, const T* a, const T* b, const T* c, int64_t count);

// Costlier instructions keep the processor busy without unrolling.
constexpr int kUnrolledCost = 3;

template <class Op, unsigned kSingles, typename T>
void instructionLoop(T* dst, const T* a, [[maybe_unused]] const T* b, [[maybe_unused]] const T* c, int64_t count) {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  // A single operand is read once, before anything is written.
  const V singleA = kSingles & 1 ? hn::Set(d, *a) : hn::Zero(d);
  const V singleB = kSingles & 2 ? hn::Set(d, *b) : hn::Zero(d);
  const V singleC = kSingles & 4 ? hn::Set(d, *c) : hn::Zero(d);
  constexpr bool arrayA = !(kSingles & 1), arrayB = Op::kOperands > 1 && !(kSingles & 2),
                 arrayC = Op::kOperands > 2 && !(kSingles & 4);
  const auto step = [&](int64_t i) HWY_ATTR {
    const V x = arrayA ? hn::LoadU(d, a + i) : singleA;
    const V y = arrayB ? hn::LoadU(d, b + i) : singleB;
    const V z = arrayC ? hn::LoadU(d, c + i) : singleC;
    hn::StoreU(Op::apply(d, x, y, z), d, dst + i);
  };
  int64_t i = 0;
  if constexpr (Op::kCost <= kUnrolledCost) {
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
      step(i);
      step(i + lanes);
      step(i + 2 * lanes);
      step(i + 3 * lanes);
    }
  }
  for (; i + lanes <= count; i += lanes) step(i);
  if (i < count) {
    const int64_t rest = count - i;
    const V x = arrayA ? LoadTail(d, a + i, rest) : singleA;
    const V y = arrayB ? LoadTail(d, b + i, rest) : singleB;
    const V z = arrayC ? LoadTail(d, c + i, rest) : singleC;
    StoreTail(Op::apply(d, x, y, z), d, dst + i, rest);
  }
}

#define STEEPEST_INSTRUCTION(name, operands, types, cost, fast, twin)                                  \
  struct name##Instruction {                                                                           \
    static constexpr int kOperands = operands, kCost = cost;                                           \
    static constexpr bool kReal = pointwise::Types::types == pointwise::Types::real;                   \
    template <class D, class V>                                                                        \
    static HWY_INLINE V apply([[maybe_unused]] D d, V a, [[maybe_unused]] V b, [[maybe_unused]] V c) { \
      return fast;                                                                                     \
    }                                                                                                  \
  };
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION

// A loop for every combination but the one of single numbers only: such instructions run on one element. Filling an array is
// a copy of a single number.
template <class Op, unsigned kSingles, typename T>
constexpr InstructionLoop<T> loopFor() {
  constexpr unsigned all = (1u << Op::kOperands) - 1;
  constexpr bool fill = std::is_same_v<Op, copyInstruction>;
  if constexpr ((kSingles & all) != kSingles || (kSingles == all && !fill) || (Op::kReal && !hwy::IsFloat<T>())) {
    return nullptr;
  } else {
    return &instructionLoop<Op, kSingles, T>;
  }
}

template <typename T>
struct LoopsOfInstruction {
  InstructionLoop<T> of[8];  // by which operands are single
};

template <class Op, typename T>
constexpr LoopsOfInstruction<T> loopsFor() {
  return {{loopFor<Op, 0, T>(), loopFor<Op, 1, T>(), loopFor<Op, 2, T>(), loopFor<Op, 3, T>(), loopFor<Op, 4, T>(),
           loopFor<Op, 5, T>(), loopFor<Op, 6, T>(), loopFor<Op, 7, T>()}};
}

template <typename T>
constexpr LoopsOfInstruction<T> kInstructionLoops[] = {
#define STEEPEST_INSTRUCTION(name, ...) loopsFor<name##Instruction, T>(),
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
};

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_LOOPS_INL_H_
