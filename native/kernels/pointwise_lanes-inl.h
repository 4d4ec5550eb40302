// Vector forms of the instructions that are not one Highway operation, for float32 and int32 lanes.
#if defined(STEEPEST_POINTWISE_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_LANES_INL_H_
#undef STEEPEST_POINTWISE_LANES_INL_H_
#else
#define STEEPEST_POINTWISE_LANES_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/scalar_math.h"
#include "kernels/vector_math-inl.h"
#include "kernels/vector_power-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
constexpr bool kReal = hwy::IsFloat<hn::TFromD<D>>();

// f(a, b) of int32 lanes, one at a time, wrapped to 32 bits.
template <class D, class V, class F>
HWY_INLINE V eachLane(D d, V a, V b, const F& f) {
  HWY_ALIGN int32_t lanes[2][HWY_MAX_BYTES / sizeof(int32_t)];
  hn::Store(a, d, lanes[0]);
  hn::Store(b, d, lanes[1]);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    lanes[0][i] = static_cast<int32_t>(f(static_cast<int64_t>(lanes[0][i]), static_cast<int64_t>(lanes[1][i])));
  }
  return hn::Load(d, lanes[0]);
}

template <class D, class V>
HWY_INLINE V divide(D d, V a, V b) {
  if constexpr (kReal<D>) {
    return hn::Div(a, b);
  } else {
    return eachLane(d, a, b, [](int64_t x, int64_t y) { return scalar::divide(x, y); });
  }
}

template <class D, class V>
HWY_INLINE V power(D d, V a, V b) {
  if constexpr (kReal<D>) {
    return math::power(d, a, b);
  } else {
    return eachLane(d, a, b, [](int64_t x, int64_t y) { return scalar::power(x, y); });
  }
}

template <class D, class V>
HWY_INLINE V modulo(D d, V a, V b) {
  if constexpr (kReal<D>) {
    return math::modulo(d, a, b);
  } else {
    return eachLane(d, a, b, [](int64_t x, int64_t y) { return scalar::modulo(x, y); });
  }
}

template <class D, class V>
HWY_INLINE V floorDivide(D d, V a, V b) {
  if constexpr (kReal<D>) {
    return math::floorDivide(d, a, b);
  } else {
    return eachLane(d, a, b, [](int64_t x, int64_t y) { return scalar::floorDivide(x, y); });
  }
}

template <class D, class V>
HWY_INLINE V multiplyAdd(D, V a, V b, V c) {
  if constexpr (kReal<D>) {
    return hn::MulAdd(a, b, c);
  } else {
    return hn::Add(hn::Mul(a, b), c);
  }
}

// NaN wins. The x86 instructions return their second operand if either is NaN, so only the first needs a look.
template <class D, class V>
HWY_INLINE V withNaN([[maybe_unused]] D d, V a, [[maybe_unused]] V b, V extreme) {
  if constexpr (!kReal<D>) {
    return extreme;
  } else {
    if constexpr (!HWY_ARCH_X86) extreme = hn::IfThenElse(hn::IsNaN(b), b, extreme);
    return hn::IfThenElse(hn::IsNaN(a), a, extreme);
  }
}
template <class D, class V>
HWY_INLINE V maximum(D d, V a, V b) {
  return withNaN(d, a, b, hn::Max(a, b));
}
template <class D, class V>
HWY_INLINE V minimum(D d, V a, V b) {
  return withNaN(d, a, b, hn::Min(a, b));
}

template <class D, class M>
HWY_INLINE hn::Vec<D> numberOf(D d, M mask) {
  return hn::IfThenElseZero(mask, hn::Set(d, hn::TFromD<D>{1}));
}
// Highway's Ne is not used on floats: on AVX-512 it is false for NaN.
template <class D, class V>
HWY_INLINE auto isTrue(D d, V a) {
  return hn::Not(hn::Eq(a, hn::Zero(d)));
}

// Highway 1.0 has no such comparison of integers.
template <class D, class V>
HWY_INLINE auto lessEqual(D, V a, V b) {
  if constexpr (kReal<D>) {
    return hn::Le(a, b);
  } else {
    return hn::Not(hn::Lt(b, a));
  }
}

template <class D, class V>
HWY_INLINE V floorOf(D, V a) {
  if constexpr (kReal<D>) a = hn::Floor(a);
  return a;
}
template <class D, class V>
HWY_INLINE V ceilOf(D, V a) {
  if constexpr (kReal<D>) a = hn::Ceil(a);
  return a;
}
template <class D, class V>
HWY_INLINE V roundOf(D, V a) {
  if constexpr (kReal<D>) a = hn::Round(a);
  return a;
}
template <class D, class V>
HWY_INLINE V truncOf(D, V a) {
  if constexpr (kReal<D>) a = hn::Trunc(a);
  return a;
}

// Zeros and NaN stay as they are.
template <class D, class V>
HWY_INLINE V signOf(D d, V a) {
  const V zero = hn::Zero(d);
  const V negative = hn::IfThenElse(hn::Lt(a, zero), hn::Set(d, hn::TFromD<D>{-1}), a);
  return hn::IfThenElse(hn::Gt(a, zero), hn::Set(d, hn::TFromD<D>{1}), negative);
}

template <class D, class V>
HWY_INLINE V isNaN(D d, V a) {
  return numberOf(d, hn::Not(hn::Eq(a, a)));
}
template <class D, class V>
HWY_INLINE V isFinite(D d, V a) {
  if constexpr (kReal<D>) {
    return numberOf(d, hn::Lt(hn::Abs(a), hn::Set(d, math::kInfinity)));
  } else {
    return hn::Set(d, 1);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_LANES_INL_H_
