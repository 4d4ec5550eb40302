// Runs of cheap instructions, done strip by strip: what an instruction makes of a few vectors stays in registers, and the next
// one takes it from there. Only what is read later than that goes through the slots.
//
// The loops of single instructions read and write the first-level cache for every operation, which is what a formula of additions
// and products would wait for. Invariant: a strip is computed by the operations of the instructions in their order, so a run
// gives the bits of its instructions one by one.
#if defined(STEEPEST_POINTWISE_RUN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_RUN_INL_H_
#undef STEEPEST_POINTWISE_RUN_INL_H_
#else
#define STEEPEST_POINTWISE_RUN_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/pointwise_loops-inl.h"
#include "kernels/pointwise_plan.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using RunTag = hn::ScalableTag<float>;
using RunVector = hn::Vec<RunTag>;
// As many as leave registers for operands; a period holds whole strips.
constexpr int kStripVectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL ? 16 : 8;
static_assert(pointwise::kPeriod % (kStripVectors * hn::MaxLanes(RunTag())) == 0, "a period holds whole strips");

// Where a strip of a run stands: the addresses of all places, its first element, and the elements of a tail.
struct Strip {
  float* const* at;
  int64_t first, rest;
  HWY_INLINE float* address(const pointwise::Reach& reach) const { return at[reach.place] + (first & reach.mask); }
};

// Asks for the memory of a strip some elements before it is needed, since the processor's own prefetching ends at every page.
// What lies in a slot is not asked for: that would take as long as loading it.
template <int kVectors, int kWrite>
HWY_INLINE void askAhead(const float* p, const pointwise::Reach& reach) {
  constexpr int64_t kAhead = 512;
  if (!(reach.mask & kAhead)) return;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) __builtin_prefetch(p + kAhead + v * static_cast<int64_t>(hn::Lanes(RunTag())), kWrite);
}

// Vector v of a strip of an operand at `from`.
template <bool kTail>
HWY_INLINE RunVector loadStrip(const float* from, int v, const Strip& strip) {
  const RunTag d;
  if constexpr (kTail) return LoadTail(d, from, strip.rest);
  return hn::LoadU(d, from + v * static_cast<int64_t>(hn::Lanes(d)));
}

// x = the instruction of x, its operand kCarried, and of its other operands; bit k of kSingles says that other operand k is one
// number.
template <class Op, int kCarried, unsigned kSingles, int kVectors, bool kTail>
HWY_INLINE void applyLink(const pointwise::PlannedInstruction& link, const Strip& strip, RunVector (&x)[kVectors]) {
  constexpr unsigned kOthers = (1u << (Op::kOperands - 1)) - 1;
  if constexpr (kCarried < Op::kOperands && (kSingles & kOthers) == kSingles && Op::kCost <= pointwise::kRunCost) {
    const RunTag d;
    const float *p = nullptr, *q = nullptr;
    if constexpr (kOthers & 1) p = kSingles & 1 ? strip.at[link.other[0].place] : strip.address(link.other[0]);
    if constexpr (kOthers & 2) q = kSingles & 2 ? strip.at[link.other[1].place] : strip.address(link.other[1]);
    if constexpr (kOthers & ~kSingles & 1) askAhead<kVectors, 0>(p, link.other[0]);
    if constexpr (kOthers & ~kSingles & 2) askAhead<kVectors, 0>(q, link.other[1]);
    const RunVector singleP = kSingles & 1 ? hn::Set(d, *p) : hn::Zero(d);
    const RunVector singleQ = kSingles & 2 ? hn::Set(d, *q) : hn::Zero(d);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const RunVector b = kOthers & ~kSingles & 1 ? loadStrip<kTail>(p, v, strip) : singleP;
      const RunVector c = kOthers & ~kSingles & 2 ? loadStrip<kTail>(q, v, strip) : singleQ;
      x[v] = kCarried == 0 ? Op::apply(d, x[v], b, c) : kCarried == 1 ? Op::apply(d, b, x[v], c) : Op::apply(d, b, c, x[v]);
    }
  } else {
    __builtin_unreachable();
  }
}

#define STEEPEST_LINK(name, carried, singles)                                         \
  case pointwise::formOf(pointwise::Opcode::name, carried, singles):                  \
    applyLink<name##Instruction, carried, singles, kVectors, kTail>(*link, strip, x); \
    break;
#define STEEPEST_LINKS(name, carried) \
  STEEPEST_LINK(name, carried, 0)     \
  STEEPEST_LINK(name, carried, 1)     \
  STEEPEST_LINK(name, carried, 2)     \
  STEEPEST_LINK(name, carried, 3)

// One strip of kVectors vectors, or a tail of one that is incomplete, through the links from `link` to `end`.
template <int kVectors, bool kTail>
HWY_INLINE void runStrip(const pointwise::PlannedInstruction* link, const pointwise::PlannedInstruction* end,
                         const Strip& strip) {
  const RunTag d;
  RunVector x[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) x[v] = hn::Zero(d);
  for (; link != end; ++link) {
    if (link->fresh) {
      const float* const from = strip.address(link->from);
      const bool single = link->singles & 1;
      if (!single) askAhead<kVectors, 0>(from, link->from);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v)
        x[v] = single ? hn::Set(d, *strip.at[link->from.place]) : loadStrip<kTail>(from, v, strip);
    }
    switch (link->form) {
#define STEEPEST_INSTRUCTION(name, ...) STEEPEST_LINKS(name, 0) STEEPEST_LINKS(name, 1) STEEPEST_LINKS(name, 2)
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
      default:
        __builtin_unreachable();
    }
    if (!link->stored) continue;
    float* const to = strip.address(link->to);
    askAhead<kVectors, 1>(to, link->to);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      if constexpr (kTail) {
        StoreTail(x[v], d, to, strip.rest);
      } else {
        hn::StoreU(x[v], d, to + v * static_cast<int64_t>(hn::Lanes(d)));
      }
    }
  }
}
#undef STEEPEST_LINKS
#undef STEEPEST_LINK

// As many strips of kVectors vectors as elements [i, count) hold; gives where they end.
template <int kVectors>
HWY_NOINLINE int64_t runStrips(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t i,
                               int64_t count) {
  const int64_t elements = kVectors * static_cast<int64_t>(hn::Lanes(RunTag()));
  for (; i + elements <= count; i += elements) runStrip<kVectors, false>(first, first + links, {at, i, 0});
  return i;
}

HWY_NOINLINE void runTail(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t i, int64_t count) {
  runStrip<1, true>(first, first + links, {at, i, count - i});
}

// `links` instructions from `first` on over `count` elements.
inline void runLinks(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t count) {
  const int64_t strips = runStrips<kStripVectors>(first, links, at, 0, count);
  if (strips == count) return;
  const int64_t vectors = runStrips<1>(first, links, at, strips, count);
  if (vectors < count) runTail(first, links, at, vectors, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_RUN_INL_H_
