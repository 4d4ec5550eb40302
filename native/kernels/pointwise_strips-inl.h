// Where the vectors of a strip lie: side by side, or one below another in neighbouring rows.
//
// Side by side is how a strip reads memory in order. One below another is for formulas with operands per row or per column over
// short rows: a strip is then one vector of columns of several rows, so an operand per column is one vector for all of them and
// one per row is a number per vector, read where it stands. Spread over the block first, as loops of single instructions need
// them, they take more loads and stores than the formula: (x - m) f + b with all three per row runs at 40 % of the rate of a copy
// that way. Invariant: every vector of a strip is read before any is written, so a result may stand on an operand.
#if defined(STEEPEST_POINTWISE_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_STRIPS_INL_H_
#undef STEEPEST_POINTWISE_STRIPS_INL_H_
#else
#define STEEPEST_POINTWISE_STRIPS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
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

HWY_INLINE int64_t runLanes() { return static_cast<int64_t>(hn::Lanes(RunTag())); }

// A strip of vectors side by side: the addresses of all places, its first element, and the elements of a tail, which is one
// vector.
template <int kCount, bool kTail>
struct Strip {
  static constexpr int kVectors = kCount;
  static constexpr bool kRows = false;
  float* const* at;
  int64_t first, rest;

  // The strip's vectors of one operand, from the first to the last.
  struct Vectors {
    float* p;
  };
  HWY_INLINE Vectors vectors(const pointwise::Reach& reach) const { return {at[reach.place] + (first & reach.mask)}; }
  HWY_INLINE RunVector load(Vectors& from, int v) const {
    if constexpr (kTail) return LoadTail(RunTag(), from.p, rest);
    return hn::LoadU(RunTag(), from.p + v * runLanes());
  }
  HWY_INLINE void store(RunVector x, Vectors& to, int v) const {
    if constexpr (kTail) {
      StoreTail(x, RunTag(), to.p, rest);
    } else {
      hn::StoreU(x, RunTag(), to.p + v * runLanes());
    }
  }
  HWY_INLINE RunVector numbers(Vectors&, int) const { return hn::Zero(RunTag()); }
  // The operand that is the same for all vectors.
  HWY_INLINE RunVector common(const pointwise::Reach& reach) const { return hn::Set(RunTag(), *at[reach.place]); }

  // Asks for the memory of a strip some elements before it is needed, since the processor's own prefetching ends at every page.
  template <int kWrite>
  HWY_INLINE void askAhead(const Vectors& of, const pointwise::Reach& reach) const {
    if (!reach.asked) return;
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(of.p + pointwise::kAhead + v * runLanes(), kWrite);
  }
};

// A strip of vectors one below another. Of an incomplete one (kPart) only `rows` rows exist, and the last of them stands in for
// the others; its vectors have `rest` elements.
template <int kCount, bool kPart>
struct RowStrip {
  static constexpr int kVectors = kCount;
  static constexpr bool kRows = true;
  float* const* at;
  int64_t offset[4], step[4];  // by motion: of the first vector, and from each to the next
  int64_t ahead;
  int64_t rows, rest;

  struct Vectors {
    float* p;
    int64_t step;

    // The address of vector v of a whole strip. Four of them at a time follow from one pointer; the empty statement keeps
    // compilers from working out all sixteen beforehand, for which there are no registers.
    HWY_INLINE float* at(int v) {
      if (v > 0 && v % 4 == 0) {
        p += 4 * step;
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
        asm("" : "+r"(p));
#endif
      }
      return p + v % 4 * step;
    }
  };
  HWY_INLINE Vectors vectors(const pointwise::Reach& reach) const {
    const auto motion = static_cast<size_t>(reach.motion);
    return {at[reach.place] + offset[motion], step[motion]};
  }
  HWY_INLINE float* address(Vectors& vectors, int v) const {
    if constexpr (kPart) return vectors.p + std::min<int64_t>(v, rows - 1) * vectors.step;
    return vectors.at(v);
  }
  HWY_INLINE RunVector loadAt(const float* p) const {
    if (kPart && rest < runLanes()) return LoadTail(RunTag(), p, rest);
    return hn::LoadU(RunTag(), p);
  }
  HWY_INLINE RunVector load(Vectors& from, int v) const { return loadAt(address(from, v)); }
  HWY_INLINE void store(RunVector x, Vectors& to, int v) const {
    float* const p = address(to, v);
    if (kPart && rest < runLanes()) {
      StoreTail(x, RunTag(), p, rest);
    } else {
      hn::StoreU(x, RunTag(), p);
    }
  }
  // Of an operand per row: one number per vector.
  HWY_INLINE RunVector numbers(Vectors& from, int v) const { return hn::Set(RunTag(), kPart ? *address(from, v) : from.p[v]); }
  HWY_INLINE RunVector common(const pointwise::Reach& reach) const {
    if (reach.motion == pointwise::Motion::column) return loadAt(vectors(reach).p);
    return hn::Set(RunTag(), *at[reach.place]);
  }
  template <int kWrite>
  HWY_INLINE void askAhead(const Vectors& of, const pointwise::Reach& reach) const {
    if (kPart || !reach.asked) return;
    Vectors later = {of.p + ahead, of.step};
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(later.at(v), kWrite);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_STRIPS_INL_H_
