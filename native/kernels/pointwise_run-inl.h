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

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/pointwise_loops-inl.h"
#include "kernels/pointwise_plan.h"
#include "kernels/pointwise_strips-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The operand of a strip that a link takes from outside: the same vector for all, numbers per row, or vectors.
template <bool kCommon, bool kNumbers, class S>
HWY_INLINE RunVector otherVector(const S& strip, RunVector common, typename S::Vectors& from, int v) {
  if constexpr (kCommon) return common;
  if constexpr (kNumbers) return strip.numbers(from, v);
  return strip.load(from, v);
}

template <class Op, int kCarried, unsigned kCommon, unsigned kNumbers, class S>
HWY_INLINE void applyVectors(const S& strip, typename S::Vectors p, typename S::Vectors q, RunVector commonP, RunVector commonQ,
                             RunVector (&x)[S::kVectors]) {
  const RunTag d;
#pragma GCC unroll 16
  for (int v = 0; v < S::kVectors; ++v) {
    const RunVector b = otherVector<(kCommon & 1) != 0, (kNumbers & 1) != 0>(strip, commonP, p, v);
    const RunVector c = otherVector<(kCommon & 2) != 0, (kNumbers & 2) != 0>(strip, commonQ, q, v);
    x[v] = kCarried == 0 ? Op::apply(d, x[v], b, c) : kCarried == 1 ? Op::apply(d, b, x[v], c) : Op::apply(d, b, c, x[v]);
  }
}

// x = the instruction of x, its operand kCarried, and of its other operands; bit k of kCommon says that other operand k is one
// number, or one vector for the whole strip.
template <class Op, int kCarried, unsigned kCommon, class S>
HWY_INLINE void applyLink(const pointwise::PlannedInstruction& link, const S& strip, RunVector (&x)[S::kVectors]) {
  constexpr unsigned kOthers = (1u << (Op::kOperands - 1)) - 1, kEach = kOthers & ~kCommon;
  if constexpr (kCarried < Op::kOperands && (kCommon & kOthers) == kCommon && Op::kCost <= pointwise::kRunCost) {
    const RunTag d;
    typename S::Vectors p{}, q{};
    if constexpr (kEach & 1) p = strip.vectors(link.other[0]);
    if constexpr (kEach & 2) q = strip.vectors(link.other[1]);
    if constexpr (kEach & 1) strip.template askAhead<0>(p, link.other[0]);
    if constexpr (kEach & 2) strip.template askAhead<0>(q, link.other[1]);
    const RunVector commonP = kCommon & 1 ? strip.common(link.other[0]) : hn::Zero(d);
    const RunVector commonQ = kCommon & 2 ? strip.common(link.other[1]) : hn::Zero(d);
    // Vectors that are not used are taken to be the same for all.
    constexpr unsigned kSame = 3u & ~kEach;
    if constexpr (S::kRows && kEach != 0) {
      const bool rowP = kEach & 1 && link.other[0].motion == pointwise::Motion::row;
      const bool rowQ = kEach & 2 && link.other[1].motion == pointwise::Motion::row;
      if constexpr (kEach == 3) {
        if (rowP && rowQ) return applyVectors<Op, kCarried, kSame, 3>(strip, p, q, commonP, commonQ, x);
      }
      if (rowP) return applyVectors<Op, kCarried, kSame, kEach & 1>(strip, p, q, commonP, commonQ, x);
      if (rowQ) return applyVectors<Op, kCarried, kSame, kEach & 2>(strip, p, q, commonP, commonQ, x);
    }
    applyVectors<Op, kCarried, kSame, 0>(strip, p, q, commonP, commonQ, x);
  } else {
    __builtin_unreachable();
  }
}

// What a run begins with.
template <class S>
HWY_INLINE void loadFirst(const pointwise::PlannedInstruction& link, const S& strip, RunVector (&x)[S::kVectors]) {
  const bool isColumn = S::kRows && link.from.motion == pointwise::Motion::column;
  if (link.singles & 1 || isColumn) {
    const RunVector common = strip.common(link.from);
#pragma GCC unroll 16
    for (int v = 0; v < S::kVectors; ++v) x[v] = common;
    return;
  }
  auto from = strip.vectors(link.from);
  if (S::kRows && link.from.motion == pointwise::Motion::row) {
#pragma GCC unroll 16
    for (int v = 0; v < S::kVectors; ++v) x[v] = strip.numbers(from, v);
    return;
  }
  strip.template askAhead<0>(from, link.from);
#pragma GCC unroll 16
  for (int v = 0; v < S::kVectors; ++v) x[v] = strip.load(from, v);
}

#define STEEPEST_LINK(name, carried, common)                        \
  case pointwise::formOf(pointwise::Opcode::name, carried, common): \
    applyLink<name##Instruction, carried, common>(*link, strip, x); \
    break;
#define STEEPEST_LINKS(name, carried) \
  STEEPEST_LINK(name, carried, 0)     \
  STEEPEST_LINK(name, carried, 1)     \
  STEEPEST_LINK(name, carried, 2)     \
  STEEPEST_LINK(name, carried, 3)

// One strip through the links from `link` to `end`.
template <class S>
HWY_INLINE void runStrip(const pointwise::PlannedInstruction* link, const pointwise::PlannedInstruction* end, const S& strip) {
  RunVector x[S::kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < S::kVectors; ++v) x[v] = hn::Zero(RunTag());
  for (; link != end; ++link) {
    if (link->fresh) loadFirst(*link, strip, x);
    switch (link->form) {
#define STEEPEST_INSTRUCTION(name, ...) STEEPEST_LINKS(name, 0) STEEPEST_LINKS(name, 1) STEEPEST_LINKS(name, 2)
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
      default:
        __builtin_unreachable();
    }
    if (!link->stored) continue;
    auto to = strip.vectors(link->to);
    strip.template askAhead<1>(to, link->to);
#pragma GCC unroll 16
    for (int v = 0; v < S::kVectors; ++v) strip.store(x[v], to, v);
  }
}
#undef STEEPEST_LINKS
#undef STEEPEST_LINK

// As many strips of kVectors vectors as elements [i, count) hold; gives where they end.
template <int kVectors>
HWY_NOINLINE int64_t runStrips(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t i,
                               int64_t count) {
  const int64_t elements = kVectors * runLanes();
  for (; i + elements <= count; i += elements) runStrip(first, first + links, Strip<kVectors, false>{at, i, 0});
  return i;
}

HWY_NOINLINE void runTail(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t i, int64_t count) {
  runStrip(first, first + links, Strip<1, true>{at, i, count - i});
}

// `links` instructions from `first` on over `count` elements.
inline void runLinks(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t count) {
  const int64_t strips = runStrips<kStripVectors>(first, links, at, 0, count);
  if (strips == count) return;
  const int64_t vectors = runStrips<1>(first, links, at, strips, count);
  if (vectors < count) runTail(first, links, at, vectors, count);
}

// The strips of `rows` rows, columns [column, cols): whole ones as far as there are, or all others of these rows. Gives where
// they end.
template <bool kPart>
HWY_NOINLINE int64_t runRowStrips(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t row,
                                  int64_t rows, int64_t column, int64_t cols) {
  const int64_t lanes = runLanes();
  RowStrip<kStripVectors, kPart> strip = {at, {0, row * cols, row, 0}, {lanes, cols, 1, 0}, 0, rows, 0};
  // Memory is asked for as many strips ahead as it is without rows.
  int64_t ahead = pointwise::kAhead / kStripVectors, later = column + ahead;
  for (; column + (kPart ? 1 : lanes) <= cols; column += lanes) {
    for (; later >= cols; later -= cols) ahead += (kStripVectors - 1) * cols;
    later += lanes;
    strip.ahead = ahead;
    strip.rest = std::min(lanes, cols - column);
    strip.offset[static_cast<size_t>(pointwise::Motion::element)] = row * cols + column;
    strip.offset[static_cast<size_t>(pointwise::Motion::column)] = column;
    runStrip(first, first + links, strip);
  }
  return column;
}

// The same over `rows` rows of `cols` elements, for a plan in rows.
inline void runRows(const pointwise::PlannedInstruction* first, int64_t links, float* const* at, int64_t rows, int64_t cols) {
  for (int64_t row = 0; row < rows; row += kStripVectors) {
    const int64_t group = std::min<int64_t>(kStripVectors, rows - row);
    const int64_t whole = group == kStripVectors ? runRowStrips<false>(first, links, at, row, group, 0, cols) : 0;
    if (whole < cols) runRowStrips<true>(first, links, at, row, group, whole, cols);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_RUN_INL_H_
