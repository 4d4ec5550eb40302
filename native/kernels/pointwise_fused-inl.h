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

// `at`: the address of every place. A vector of each array is read before any is written, so results may stand on operands.
inline void adamLoop(const pointwise::AdamMatch& places, float* const* at, int64_t count) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto operand = [&](int k) { return at[places.operand[k]]; };
  const float *const p = operand(pointwise::kAdamP), *const g = operand(pointwise::kAdamG);
  const float *const m = operand(pointwise::kAdamM), *const v = operand(pointwise::kAdamV);
  const V c0 = hn::Set(d, *operand(pointwise::kAdamC0)), c1 = hn::Set(d, *operand(pointwise::kAdamC1));
  const V rate = hn::Set(d, *operand(pointwise::kAdamRate)), epsilon = hn::Set(d, *operand(pointwise::kAdamEpsilon));
  float* const newP = at[places.result[pointwise::kNewP]];
  float* const newM = at[places.result[pointwise::kNewM]];
  float* const newV = at[places.result[pointwise::kNewV]];
  const auto step = [&](V p0, V g0, V& m0, V& v0) HWY_ATTR {
    m0 = hn::MulAdd(hn::Sub(g0, m0), c0, m0);
    v0 = hn::MulAdd(hn::Sub(hn::Mul(g0, g0), v0), c1, v0);
    return hn::Sub(p0, hn::Div(hn::Mul(m0, rate), hn::Add(hn::Sqrt(v0), epsilon)));
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    V m0 = hn::LoadU(d, m + i), v0 = hn::LoadU(d, v + i);
    const V p0 = step(hn::LoadU(d, p + i), hn::LoadU(d, g + i), m0, v0);
    hn::StoreU(m0, d, newM + i);
    hn::StoreU(v0, d, newV + i);
    hn::StoreU(p0, d, newP + i);
  }
  if (i == count) return;
  const int64_t rest = count - i;
  V m0 = LoadTail(d, m + i, rest), v0 = LoadTail(d, v + i, rest);
  const V p0 = step(LoadTail(d, p + i, rest), LoadTail(d, g + i, rest), m0, v0);
  StoreTail(m0, d, newM + i, rest);
  StoreTail(v0, d, newV + i, rest);
  StoreTail(p0, d, newP + i, rest);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_FUSED_INL_H_
