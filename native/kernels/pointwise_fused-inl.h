// The loops of fused endings; see pointwise_fused.h.
#if defined(STEEPEST_POINTWISE_FUSED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_FUSED_INL_H_
#undef STEEPEST_POINTWISE_FUSED_INL_H_
#else
#define STEEPEST_POINTWISE_FUSED_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/pointwise_fused.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using UpdateTag = hn::ScalableTag<float>;
using UpdateVector = hn::Vec<UpdateTag>;

// x: arrays, s: single numbers, y: results, all in the order of pointwise_fused.h.
struct AdamUpdate {
  static constexpr int kArrays = 4, kSingles = 4, kResults = 3;
  static HWY_INLINE void apply(const UpdateVector* x, const UpdateVector* s, UpdateVector* y) {
    y[1] = hn::MulAdd(hn::Sub(x[1], x[2]), s[0], x[2]);
    y[2] = hn::MulAdd(hn::Sub(hn::Mul(x[1], x[1]), x[3]), s[1], x[3]);
    y[0] = hn::Sub(x[0], hn::Div(hn::Mul(y[1], s[2]), hn::Add(hn::Sqrt(y[2]), s[3])));
  }
};

struct RmspropUpdate {
  static constexpr int kArrays = 3, kSingles = 4, kResults = 2;
  static HWY_INLINE void apply(const UpdateVector* x, const UpdateVector* s, UpdateVector* y) {
    y[1] = hn::MulAdd(x[2], s[2], hn::Mul(hn::Mul(x[1], x[1]), s[1]));
    y[0] = hn::Sub(x[0], hn::Div(hn::Mul(s[0], x[1]), hn::Sqrt(hn::Add(y[1], s[3]))));
  }
};

struct MomentumUpdate {
  static constexpr int kArrays = 3, kSingles = 2, kResults = 2;
  static HWY_INLINE void apply(const UpdateVector* x, const UpdateVector* s, UpdateVector* y) {
    y[1] = hn::Sub(hn::Mul(x[2], s[1]), hn::Mul(x[1], s[0]));
    y[0] = hn::Add(x[0], y[1]);
  }
};

// Asks for a cache line together with the right to write it. Weights that the other cores have read in the step would else be
// waited for once more, at the store: the update of 401 000 parameters by Adam takes 180 to 220 us without it and 120 with it.
// The instruction is older than x86-64 and does nothing on the processors that lack it.
HWY_INLINE void prefetchToWrite(const float* line) {
#if HWY_ARCH_X86_64 && !HWY_COMPILER_MSVC
  asm volatile("prefetchw %0" : : "m"(*line));
#else
  __builtin_prefetch(line, 1);
#endif
}

// `at`: the address of every place. A vector of each array is read before any is written, so results may stand on operands.
template <class U>
HWY_INLINE void updateElements(const pointwise::UpdateMatch& places, float* const* at, int64_t count) {
  constexpr int64_t kAhead = 1024;  // elements that memory is asked for ahead
  const UpdateTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* from[U::kArrays];
  float* to[U::kResults];
  UpdateVector singles[U::kSingles];
  for (int k = 0; k < U::kArrays; ++k) from[k] = at[places.operand[k]];
  for (int k = 0; k < U::kSingles; ++k) singles[k] = hn::Set(d, *at[places.operand[U::kArrays + k]]);
  for (int k = 0; k < U::kResults; ++k) to[k] = at[places.result[k]];
  UpdateVector x[U::kArrays], y[U::kResults];
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int k = 0; k < U::kResults; ++k) prefetchToWrite(to[k] + i + kAhead);
    for (int k = 0; k < U::kArrays; ++k) {
      __builtin_prefetch(from[k] + i + kAhead);
      x[k] = hn::LoadU(d, from[k] + i);
    }
    U::apply(x, singles, y);
    for (int k = 0; k < U::kResults; ++k) hn::StoreU(y[k], d, to[k] + i);
  }
  if (i == count) return;
  for (int k = 0; k < U::kArrays; ++k) x[k] = LoadTail(d, from[k] + i, count - i);
  U::apply(x, singles, y);
  for (int k = 0; k < U::kResults; ++k) StoreTail(y[k], d, to[k] + i, count - i);
}

inline void updateLoop(const pointwise::UpdateMatch& places, float* const* at, int64_t count) {
  switch (places.update) {
    case pointwise::Update::none:
      return;
    case pointwise::Update::adam:
      return updateElements<AdamUpdate>(places, at, count);
    case pointwise::Update::rmsprop:
      return updateElements<RmspropUpdate>(places, at, count);
    case pointwise::Update::momentum:
      return updateElements<MomentumUpdate>(places, at, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_FUSED_INL_H_
