// Trigonometric functions of float32 vectors and their inverses.
//
// Same conventions and invariants as vector_math-inl.h. Arguments of sin, cos and tan are reduced in double precision, exactly
// enough for 4 ULP everywhere up to |x| = 2^20; lanes beyond that go to the C library one at a time.
#if defined(STEEPEST_VECTOR_TRIGONOMETRY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_VECTOR_TRIGONOMETRY_INL_H_
#undef STEEPEST_VECTOR_TRIGONOMETRY_INL_H_
#else
#define STEEPEST_VECTOR_TRIGONOMETRY_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace math {

// The two halves of a float vector in double precision, and back.
template <class D>
using HalfOf = hn::Half<D>;
template <class D>
using DoubleOf = hn::Rebind<double, HalfOf<D>>;

// y with the chosen lanes replaced by f(a, b), computed one lane at a time in double precision.
template <class D, class V, class F>
HWY_NOINLINE V scalarLanes(D d, hn::Mask<D> chosen, V a, V b, V y, const F& f) {
  HWY_ALIGN float lanes[4][HWY_MAX_BYTES / sizeof(float)];
  hn::Store(a, d, lanes[0]);
  hn::Store(b, d, lanes[1]);
  hn::Store(y, d, lanes[2]);
  hn::Store(hn::IfThenElseZero(chosen, hn::Set(d, 1.0f)), d, lanes[3]);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    if (lanes[3][i] != 0) lanes[2][i] = static_cast<float>(f(static_cast<double>(lanes[0][i]), static_cast<double>(lanes[1][i])));
  }
  return hn::Load(d, lanes[2]);
}

// x = q pi/2 + r with |r| <= pi/4, for |x| <= 2^20.
template <class D>
HWY_INLINE hn::Vec<HalfOf<D>> reduceHalf(D, hn::Vec<HalfOf<D>> x, IntegersOf<HalfOf<D>>& q) {
  const HalfOf<D> dh;
  const DoubleOf<D> dd;
  const hn::RebindToSigned<HalfOf<D>> dih;
  const auto w = hn::PromoteTo(dd, x);
  const auto n = hn::Round(hn::Mul(w, hn::Set(dd, 0.63661977236758134)));
  // pi/2 in 33 bits, so that its product with n < 2^20 is exact, and the rest.
  const auto high = hn::NegMulAdd(n, hn::Set(dd, 1.57079632673412561417), w);
  q = hn::DemoteTo(dih, n);
  return hn::DemoteTo(dh, hn::NegMulAdd(n, hn::Set(dd, 6.07710050650619224932e-11), high));
}

template <class D, class V>
HWY_INLINE V reduceQuadrant(D d, V x, IntegersOf<D>& q) {
  const HalfOf<D> dh;
  const hn::RebindToSigned<D> di;
  IntegersOf<HalfOf<D>> q0, q1;
  const auto r0 = reduceHalf(d, hn::LowerHalf(dh, x), q0);
  const auto r1 = reduceHalf(d, hn::UpperHalf(dh, x), q1);
  q = hn::Combine(di, q1, q0);
  return hn::Combine(d, r1, r0);
}

template <class D, class V>
HWY_INLINE V sinReduced(D d, V r) {
  const V r2 = hn::Mul(r, r);
  const V p = polynomial(d, r2, -0.166666552f, 0.00833218731f, -0.000195179033f);
  return hn::MulAdd(hn::Mul(r, r2), p, r);
}

template <class D, class V>
HWY_INLINE V cosReduced(D d, V r) {
  const V r2 = hn::Mul(r, r);
  const V p = polynomial(d, r2, 0.0416666456f, -0.00138873095f, 2.44323273e-05f);
  return hn::MulAdd(hn::Mul(r2, r2), p, hn::NegMulAdd(r2, hn::Set(d, 0.5f), hn::Set(d, 1.0f)));
}

template <class D, class V>
HWY_INLINE hn::Mask<D> beyondReduction(D d, V x) {
  return hn::Gt(hn::Abs(x), hn::Set(d, 1048576.0f));
}

// sin of r + q pi/2: sin or cos of r, negated for q = 2, 3 (mod 4).
template <class D, class V, class VI>
HWY_INLINE V sinOfQuadrant(D d, V r, VI q) {
  const hn::RebindToSigned<D> di;
  const auto odd = hn::RebindMask(d, hn::TestBit(q, hn::Set(di, 1)));
  const V sign = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(q, hn::Set(di, 2))));
  return hn::Xor(hn::IfThenElse(odd, cosReduced(d, r), sinReduced(d, r)), sign);
}

// sin: 2 ULP.
template <class D, class V>
HWY_INLINE V sin(D d, V x) {
  IntegersOf<D> q;
  const V r = reduceQuadrant(d, x, q);
  const V y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, sinOfQuadrant(d, r, q));
  const auto far = beyondReduction(d, x);
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  return scalarLanes(d, far, x, x, y, [](double a, double) { return std::sin(a); });
}

// cos: 2 ULP.
template <class D, class V>
HWY_INLINE V cos(D d, V x) {
  const hn::RebindToSigned<D> di;
  IntegersOf<D> q;
  const V r = reduceQuadrant(d, x, q);
  const V y = sinOfQuadrant(d, r, hn::Add(q, hn::Set(di, 1)));
  const auto far = beyondReduction(d, x);
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  return scalarLanes(d, far, x, x, y, [](double a, double) { return std::cos(a); });
}

// tan: 4 ULP.
template <class D, class V>
HWY_INLINE V tan(D d, V x) {
  const hn::RebindToSigned<D> di;
  IntegersOf<D> q;
  const V r = reduceQuadrant(d, x, q);
  const V s = sinReduced(d, r);
  const V c = cosReduced(d, r);
  const auto odd = hn::RebindMask(d, hn::TestBit(q, hn::Set(di, 1)));
  const V quotient = hn::Div(hn::IfThenElse(odd, hn::Neg(c), s), hn::IfThenElse(odd, s, c));
  const V y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, quotient);
  const auto far = beyondReduction(d, x);
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  return scalarLanes(d, far, x, x, y, [](double a, double) { return std::tan(a); });
}

constexpr float kHalfPi = 1.57079637f;
constexpr float kHalfPiLow = -4.37113900e-8f;  // pi/2 - kHalfPi

// pi/2 - y and pi - y, with the low part of the constant.
template <class D, class V>
HWY_INLINE V fromHalfPi(D d, V y) {
  return hn::Sub(hn::Set(d, kHalfPi), hn::Sub(y, hn::Set(d, kHalfPiLow)));
}
template <class D, class V>
HWY_INLINE V fromPi(D d, V y) {
  return hn::Sub(hn::Set(d, 2 * kHalfPi), hn::Sub(y, hn::Set(d, 2 * kHalfPiLow)));
}

// asin of a in [0, 1/2], from a and a squared.
template <class D, class V>
HWY_INLINE V asinReduced(D d, V a, V a2) {
  const V p = polynomial(d, a2, 0.166666597f, 0.0750052184f, 0.0445133746f, 0.0318390876f, 0.014314943f, 0.0376964509f);
  return hn::MulAdd(hn::Mul(a, a2), p, a);
}

// asin(s), where s = |x| up to 1/2 and sqrt((1 - |x|) / 2) above: asin |x| = pi/2 - 2 asin(s) there. NaN beyond 1.
template <class D, class V>
HWY_INLINE V asinOfPart(D d, V a, hn::Mask<D> above) {
  const V half = hn::Set(d, 0.5f);
  const V s2 = hn::IfThenElse(above, hn::Mul(hn::Sub(hn::Set(d, 1.0f), a), half), hn::Mul(a, a));
  return asinReduced(d, hn::IfThenElse(above, hn::Sqrt(s2), a), s2);
}

// asin: 3 ULP.
template <class D, class V>
HWY_INLINE V asin(D d, V x) {
  const V a = hn::Abs(x);
  const auto above = hn::Gt(a, hn::Set(d, 0.5f));
  const V p = asinOfPart(d, a, above);
  return hn::CopySign(hn::IfThenElse(above, fromHalfPi(d, hn::Add(p, p)), p), x);
}

// acos: 2 ULP.
template <class D, class V>
HWY_INLINE V acos(D d, V x) {
  const V a = hn::Abs(x);
  const auto above = hn::Gt(a, hn::Set(d, 0.5f));
  const V p = asinOfPart(d, a, above);
  const V twice = hn::Add(p, p);
  const V outer = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), fromPi(d, twice), twice);
  return hn::IfThenElse(above, outer, fromHalfPi(d, hn::CopySign(p, x)));
}

// atan of t in [0, 1].
template <class D, class V>
HWY_INLINE V atanReduced(D d, V t) {
  const V t2 = hn::Mul(t, t);
  const V p = polynomial(d, t2, -0.333332986f, 0.199985296f, -0.142640159f, 0.109508805f, -0.0839930549f, 0.0578813367f,
                         -0.0310968626f, 0.0108685652f, -0.00178277877f);
  return hn::MulAdd(hn::Mul(t, t2), p, t);
}

// atan: 2 ULP.
template <class D, class V>
HWY_INLINE V atan(D d, V x) {
  const V a = hn::Abs(x);
  const V one = hn::Set(d, 1.0f);
  const auto above = hn::Gt(a, one);
  const V y = atanReduced(d, hn::IfThenElse(above, hn::Div(one, a), a));
  return hn::CopySign(hn::IfThenElse(above, fromHalfPi(d, y), y), x);
}

// atan2(y, x), the angle of the point (x, y): 2 ULP, with the C library's signs at zeros and infinities.
template <class D, class V>
HWY_INLINE V atan2(D d, V y, V x) {
  const V a = hn::Abs(y), b = hn::Abs(x);
  const auto steep = hn::Gt(a, b);
  const V larger = hn::IfThenElse(steep, a, b);
  const V smaller = hn::IfThenElse(steep, b, a);
  V t = hn::Div(smaller, larger);
  const V equal = hn::IfThenElseZero(hn::Gt(larger, hn::Zero(d)), hn::Set(d, 1.0f));  // both infinite, or both zero
  t = hn::IfThenElse(hn::Eq(smaller, larger), equal, t);
  V angle = atanReduced(d, t);
  angle = hn::IfThenElse(steep, fromHalfPi(d, angle), angle);
  const hn::RebindToSigned<D> di;
  const auto left = hn::RebindMask(d, hn::Lt(hn::BitCast(di, x), hn::Zero(di)));
  angle = hn::IfThenElse(left, fromPi(d, angle), angle);
  return hn::CopySign(angle, y);
}

}  // namespace math
}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_VECTOR_TRIGONOMETRY_INL_H_
