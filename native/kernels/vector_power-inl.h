// Power, floored division and modulo of float32 vectors.
//
// Same conventions and invariants as vector_math-inl.h. All three work on halves in double precision: an exponent y log2 x needs
// more digits than float32 has, and a quotient of two floats rounds to the wrong integer in float32. Edge cases follow the C
// library for power and NumPy for the other two.
#if defined(STEEPEST_VECTOR_POWER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_VECTOR_POWER_INL_H_
#undef STEEPEST_VECTOR_POWER_INL_H_
#else
#define STEEPEST_VECTOR_POWER_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/scalar_math.h"
#include "kernels/vector_trigonometry-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace math {

// v = y (log2 m + e) in double precision, split into an integer n and the fraction r = (v - n) ln 2.
template <class D, class V, class VH>
HWY_INLINE void powerHalf(D, VH m, VH e, VH y, V& r, V& n) {
  const HalfOf<D> dh;
  const DoubleOf<D> dd;
  const auto one = hn::Set(dd, 1.0);
  const auto w = hn::PromoteTo(dd, m);
  const auto s = hn::Div(hn::Sub(w, one), hn::Add(w, one));
  const auto s2 = hn::Mul(s, s);
  // 2 atanh(s) / (s ln 2), error 4e-12
  auto p = hn::MulAdd(hn::Set(dd, 0.34077136845968325), s2, hn::Set(dd, 0.41167059569733927));
  p = hn::MulAdd(p, s2, hn::Set(dd, 0.5770836183531978));
  p = hn::MulAdd(p, s2, hn::Set(dd, 0.9617966731793454));
  p = hn::MulAdd(p, s2, hn::Set(dd, 2.8853900817901996));
  const auto log2 = hn::MulAdd(s, p, hn::PromoteTo(dd, e));
  auto v = hn::Mul(hn::PromoteTo(dd, y), log2);
  v = hn::Max(hn::Min(v, hn::Set(dd, 1000.0)), hn::Set(dd, -1000.0));
  const auto whole = hn::Round(v);
  r = hn::DemoteTo(dh, hn::Mul(hn::Sub(v, whole), hn::Set(dd, 0.69314718055994531)));
  n = hn::DemoteTo(dh, whole);
}

// x^y for finite y and a positive, finite, normal x.
template <class D, class V>
HWY_INLINE V powerOrdinary(D d, V x, V y) {
  const HalfOf<D> dh;
  const hn::RebindToSigned<D> di;
  V e;
  IntegersOf<D> bits;
  const V m = splitBinary(d, x, e, bits);
  hn::Vec<HalfOf<D>> r0, r1, n0, n1;
  powerHalf(d, hn::LowerHalf(dh, m), hn::LowerHalf(dh, e), hn::LowerHalf(dh, y), r0, n0);
  powerHalf(d, hn::UpperHalf(dh, m), hn::UpperHalf(dh, e), hn::UpperHalf(dh, y), r1, n1);
  const V n = hn::Combine(d, n1, n0);
  const V r = hn::Combine(d, r1, r0);
  const auto scaled = hn::Add(hn::BitCast(di, expReduced(d, r)), hn::ShiftLeft<23>(hn::ConvertTo(di, n)));
  const V z = hn::BitCast(d, scaled);
  // n + r / ln 2 against 128 and -126: n alone does not tell which side of the limit a half-way fraction is on.
  const V zero = hn::Zero(d);
  const V top = hn::Set(d, 128.0f), bottom = hn::Set(d, -126.0f);
  const auto over = hn::Or(hn::Gt(n, top), hn::And(hn::Eq(n, top), hn::Ge(r, zero)));
  const auto under = hn::Or(hn::Lt(n, bottom), hn::And(hn::Eq(n, bottom), hn::Lt(r, zero)));
  return hn::IfThenZeroElse(under, hn::IfThenElse(over, hn::Set(d, kInfinity), z));
}

// x^y: 2 ULP; every other case by the C library, one lane at a time.
template <class D, class V>
HWY_INLINE V power(D d, V x, V y) {
  const auto ordinary = hn::And(isOrdinary(d, x), hn::Lt(hn::Abs(y), hn::Set(d, kInfinity)));
  if (HWY_LIKELY(hn::AllTrue(d, ordinary))) return powerOrdinary(d, x, y);
  // The magnitude of a negative base raised to an integer: the common extraordinary case stays in vectors.
  const V a = hn::Abs(x);
  const auto negative = hn::And(isOrdinary(d, a), hn::And(hn::Lt(hn::Abs(y), hn::Set(d, kInfinity)), hn::Eq(y, hn::Round(y))));
  const V half = hn::Mul(y, hn::Set(d, 0.5f));
  const auto flip = hn::And(hn::Lt(x, hn::Zero(d)), hn::Ne(half, hn::Round(half)));
  const V one = hn::Set(d, 1.0f);
  const V z = powerOrdinary(d, hn::IfThenElse(isOrdinary(d, a), a, one), hn::IfThenElse(hn::Or(ordinary, negative), y, one));
  const V signedZ = hn::IfThenElse(flip, hn::Neg(z), z);
  const auto rest = hn::Not(hn::Or(ordinary, negative));
  if (hn::AllFalse(d, rest)) return signedZ;
  return scalarLanes(d, rest, x, y, signedZ, [](double a0, double b0) { return std::pow(a0, b0); });
}

// floor(a / b) and a - b floor(a / b) of one half. The double quotient of two floats never rounds up to an integer while it is
// below 2^28, and b times it is then exact.
template <class D, class VH>
HWY_INLINE void divideHalf(D, VH a, VH b, VH& quotient, VH& rest) {
  const HalfOf<D> dh;
  const DoubleOf<D> dd;
  const auto x = hn::PromoteTo(dd, a);
  const auto y = hn::PromoteTo(dd, b);
  const auto q = hn::Floor(hn::Div(x, y));
  quotient = hn::DemoteTo(dh, q);
  rest = hn::DemoteTo(dh, hn::NegMulAdd(q, y, x));
}

template <class D, class V>
HWY_INLINE void divideFloored(D d, V a, V b, V& quotient, V& rest, hn::Mask<D>& hard) {
  const HalfOf<D> dh;
  hn::Vec<HalfOf<D>> q0, q1, r0, r1;
  divideHalf(d, hn::LowerHalf(dh, a), hn::LowerHalf(dh, b), q0, r0);
  divideHalf(d, hn::UpperHalf(dh, a), hn::UpperHalf(dh, b), q1, r1);
  quotient = hn::Combine(d, q1, q0);
  rest = hn::Combine(d, r1, r0);
  const auto easy = hn::And(hn::Lt(hn::Abs(quotient), hn::Set(d, 268435456.0f)), hn::Lt(hn::Abs(b), hn::Set(d, kInfinity)));
  hard = hn::Not(easy);  // infinite, NaN and huge quotients, infinite divisors
}

// floor(a / b): 0 ULP, the float nearest to it.
template <class D, class V>
HWY_INLINE V floorDivide(D d, V a, V b) {
  V quotient, rest;
  hn::Mask<D> hard;
  divideFloored(d, a, b, quotient, rest, hard);
  if (HWY_LIKELY(hn::AllFalse(d, hard))) return quotient;
  return scalarLanes(d, hard, a, b, quotient, [](double x, double y) { return scalar::floorDivide(x, y); });
}

// a - b floor(a / b), with the sign of b: 1 ULP.
template <class D, class V>
HWY_INLINE V modulo(D d, V a, V b) {
  V quotient, rest;
  hn::Mask<D> hard;
  divideFloored(d, a, b, quotient, rest, hard);
  rest = hn::IfThenElse(hn::Eq(rest, hn::Zero(d)), hn::CopySign(hn::Zero(d), b), rest);
  if (HWY_LIKELY(hn::AllFalse(d, hard))) return rest;
  return scalarLanes(d, hard, a, b, rest, [](double x, double y) { return scalar::modulo(x, y); });
}

}  // namespace math
}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_VECTOR_POWER_INL_H_
