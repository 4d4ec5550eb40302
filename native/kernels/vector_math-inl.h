// Elementary functions of float32 vectors: exponentials, logarithms, tanh, sigmoid, softplus, erf, sinh, cosh.
//
// Written with Highway operations for any vector width. Each function states its error bound in units in the last place (ULP),
// measured over dense samples of the whole float range by test/native/cases/pointwise.ts and against long double offline; targets
// without fused multiply-add (SSE4) stay inside the same bounds. Invariants: a lane's result depends on that lane alone; NaN
// gives NaN; results below the smallest normal number are flushed to zero, as the engine's threads do anyway. Polynomials are
// minimax fits (Lawson weights, coefficients rounded one at a time and the rest refitted).
#if defined(STEEPEST_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_VECTOR_MATH_INL_H_
#undef STEEPEST_VECTOR_MATH_INL_H_
#else
#define STEEPEST_VECTOR_MATH_INL_H_
#endif

#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace math {

namespace hn = hwy::HWY_NAMESPACE;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kLn2High = 0.693359375f;    // 9 significant bits: n * kLn2High is exact for |n| <= 2^15
constexpr float kLn2Low = -2.12194440e-4f;  // ln 2 - kLn2High
constexpr float kLog2E = 1.44269504088896f;
constexpr float kExpHighest = 88.7228317f;  // the largest x with exp(x) finite
constexpr float kExpLowest = -87.3365402f;  // below: exp(x) is smaller than the smallest normal number

// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
template <class D, class V>
HWY_INLINE V polynomial(D d, V, float last) {
  return hn::Set(d, last);
}
template <class D, class V, class... Rest>
HWY_INLINE V polynomial(D d, V x, float first, Rest... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, first));
}

// min(x, bound) and max(x, bound) that keep a NaN in x. The x86 instructions return their second operand if either is NaN.
template <class D, class V>
HWY_INLINE V clampAbove(D d, V x, float bound) {
  const V b = hn::Set(d, bound);
  return HWY_ARCH_X86 ? hn::Min(b, x) : hn::IfThenElse(hn::Gt(x, b), b, x);
}
template <class D, class V>
HWY_INLINE V clampBelow(D d, V x, float bound) {
  const V b = hn::Set(d, bound);
  return HWY_ARCH_X86 ? hn::Max(b, x) : hn::IfThenElse(hn::Lt(x, b), b, x);
}

template <class D>
using IntegersOf = hn::Vec<hn::RebindToSigned<D>>;

// x = n ln 2 + r with |r| <= ln 2 / 2; gives r, and n as the exponent bits of a float (n << 23).
template <class D, class V>
HWY_INLINE V splitExponent(D d, V x, IntegersOf<D>& bits) {
  // Adding 1.5 * 2^23 rounds to an integer that then stands in the low mantissa bits, ready to be shifted.
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, kLog2E), magic);
  const V n = hn::Sub(shifted, magic);
  bits = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::NegMulAdd(n, hn::Set(d, kLn2Low), hn::NegMulAdd(n, hn::Set(d, kLn2High), x));
}

// exp(r) of a reduced argument; error of the polynomial 3e-9.
template <class D, class V>
HWY_INLINE V expReduced(D d, V r) {
  const V p = polynomial(d, r, 0.49999994f, 0.166665211f, 0.0416682661f, 0.00836867746f, 0.00138207339f);
  return hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
}

// exp(x) * 2^shift where the result is a normal number; anything at all elsewhere.
template <class D, class V>
HWY_INLINE V expInRange(D d, V x, int32_t shift = 0) {
  const hn::RebindToSigned<D> di;
  IntegersOf<D> bits;
  const V r = splitExponent(d, x, bits);
  const auto scaled = hn::Add(hn::BitCast(di, expReduced(d, r)), bits);
  return hn::BitCast(d, shift == 0 ? scaled : hn::Add(scaled, hn::Set(di, shift * (1 << 23))));
}

// e^x for x <= 0 (or NaN): 1 ULP.
template <class D, class V>
HWY_INLINE V expNegative(D d, V x) {
  const V y = expInRange(d, x);
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, kExpLowest)), y);
}

// e^x: 1 ULP.
template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  const V y = expNegative(d, x);
  return hn::IfThenElse(hn::Le(x, hn::Set(d, kExpHighest)), y, hn::Add(x, hn::Set(d, kInfinity)));
}

// e^r - 1 of a reduced argument; error of the polynomial 1.4e-8.
template <class D, class V>
HWY_INLINE V expm1Reduced(D d, V r) {
  const V p = polynomial(d, r, 0.49999997f, 0.166665465f, 0.0416674353f, 0.00836626161f, 0.00138706574f);
  return hn::MulAdd(p, hn::Mul(r, r), r);
}

// e^x - 1: 2 ULP; flushed to zero below twice the smallest normal number.
template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  // With s = 2^(n-1) and q = e^r - 1: e^x - 1 = 2 (s q + (s - 1/2)); s and s - 1/2 are exact where they matter.
  const hn::RebindToSigned<D> di;
  IntegersOf<D> bits;
  const V q = expm1Reduced(d, splitExponent(d, clampBelow(d, clampAbove(d, x, 89.0f), -18.0f), bits));
  const V s = hn::BitCast(d, hn::Add(bits, hn::Set(di, 126 << 23)));
  const V half = hn::MulAdd(s, q, hn::Sub(s, hn::Set(d, 0.5f)));
  return hn::CopySign(hn::Add(half, half), x);
}

// Lanes that hold a positive, finite, normal number.
template <class D, class V>
HWY_INLINE hn::Mask<D> isOrdinary(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  return hn::RebindMask(d, hn::And(hn::Gt(bits, hn::Set(di, 0x007FFFFF)), hn::Lt(bits, hn::Set(di, 0x7F800000))));
}

// x = 2^e m with m in [sqrt(1/2), sqrt(2)), x normal and positive; gives m, e, and e as exponent bits (e << 23).
template <class D, class V>
HWY_INLINE V splitBinary(D d, V x, V& e, IntegersOf<D>& bits) {
  const hn::RebindToSigned<D> di;
  const auto all = hn::BitCast(di, x);
  const auto whole = hn::ShiftRight<23>(hn::Sub(all, hn::Set(di, 0x3F3504F3)));  // the bits of sqrt(1/2)
  bits = hn::ShiftLeft<23>(whole);
  e = hn::ConvertTo(d, whole);
  return hn::BitCast(d, hn::Sub(all, bits));
}

// log(1 + f) + e ln 2 for f in [sqrt(1/2) - 1, sqrt(2) - 1]; error of the polynomial 1e-9.
template <class D, class V>
HWY_INLINE V logReduced(D d, V f, V e) {
  const V q = polynomial(d, f, 0.333333135f, -0.250000089f, 0.20002073f, -0.166679919f, 0.142203107f, -0.124061145f, 0.118838735f,
                         -0.116711758f, 0.0674985722f);
  const V f2 = hn::Mul(f, f);
  V y = hn::MulAdd(e, hn::Set(d, kLn2Low), hn::Mul(hn::Mul(f, f2), q));
  y = hn::NegMulAdd(f2, hn::Set(d, 0.5f), y);
  return hn::MulAdd(e, hn::Set(d, kLn2High), hn::Add(f, y));
}

// The limits of a logarithm that `y` does not know: u is the number whose logarithm it is.
template <class D, class V>
HWY_INLINE V logLimits(D d, V u, V y) {
  y = hn::IfThenElse(hn::Lt(u, hn::Set(d, kInfinity)), y, u);  // infinity and NaN
  const V zero = hn::Zero(d);
  y = hn::IfThenElse(hn::Eq(u, zero), hn::Set(d, -kInfinity), y);
  return hn::IfThenElse(hn::Lt(u, zero), hn::Set(d, kNaN), y);
}

// Natural logarithm: 1 ULP.
template <class D, class V>
HWY_INLINE V log(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  V e;
  IntegersOf<D> bits;
  if (HWY_LIKELY(hn::AllTrue(d, isOrdinary(d, x)))) {
    const V f = hn::Sub(splitBinary(d, x, e, bits), one);
    return logReduced(d, f, e);
  }
  const auto tiny = hn::Lt(x, hn::Set(d, std::numeric_limits<float>::min()));
  const V f = hn::Sub(splitBinary(d, hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 33554432.0f)), x), e, bits), one);  // 2^25
  e = hn::Sub(e, hn::IfThenElseZero(tiny, hn::Set(d, 25.0f)));
  return logLimits(d, x, logReduced(d, f, e));
}

// log(1 + x): 2 ULP.
template <class D, class V>
HWY_INLINE V log1p(D d, V x) {
  // u = 1 + x loses c = x - (u - 1), which is given back to the fraction; for e = 0 the fraction is then x itself.
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, 1.0f);
  const V u = hn::Add(one, x);
  const V c = hn::Sub(x, hn::Sub(u, one));
  V e;
  IntegersOf<D> bits;
  const V f = hn::Sub(splitBinary(d, u, e, bits), one);
  const V scale = hn::BitCast(d, hn::Max(hn::Sub(hn::BitCast(di, one), bits), hn::Zero(di)));
  const V y = logReduced(d, hn::MulAdd(c, scale, f), e);
  if (HWY_LIKELY(hn::AllTrue(d, isOrdinary(d, u)))) return hn::CopySign(y, x);
  return logLimits(d, u, hn::CopySign(y, x));
}

// log(1 + z) for z in [0, 1], as 2 atanh(t / 2) with t = 2 z / (2 + z): 2 ULP.
template <class D, class V>
HWY_INLINE V log1pOfFraction(D d, V z) {
  const V t = hn::Div(hn::Add(z, z), hn::Add(z, hn::Set(d, 2.0f)));
  const V t2 = hn::Mul(t, t);
  const V p = polynomial(d, t2, 0.0833333433f, 0.0124996714f, 0.00223556394f, 0.00041882263f, 0.000118390351f);
  return hn::MulAdd(t, hn::Mul(t2, p), t);
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): 3 ULP, also far left where it is e^x.
template <class D, class V>
HWY_INLINE V softplus(D d, V x) {
  const V z = expNegative(d, hn::Neg(hn::Abs(x)));
  return hn::Add(clampBelow(d, x, 0.0f), log1pOfFraction(d, z));
}

// 1 / (1 + e^-x): 3 ULP, also far left where it is e^x.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

// tanh: 3 ULP, never beyond 1, as q / (q + 2) with q = e^(2 |x|) - 1; beyond 9.02 the float nearest to tanh is 1.
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, 1.0f);
  const V a = clampAbove(d, hn::Abs(x), 9.02f);
  IntegersOf<D> bits;
  const V r = splitExponent(d, hn::Add(a, a), bits);
  const V s = hn::BitCast(d, hn::Add(bits, hn::BitCast(di, one)));
  const V q = hn::MulAdd(s, expm1Reduced(d, r), hn::Sub(s, one));
  return hn::CopySign(hn::Div(q, hn::Add(q, hn::Set(d, 2.0f))), x);
}

// erf: 2 ULP. Odd polynomial up to 0.92; above it 1 - exp(-g(a)), where g is fitted to -log(1 - erf).
template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  const V a = clampAbove(d, hn::Abs(x), 4.0f);
  const V a2 = hn::Mul(a, a);
  const V p = polynomial(d, a2, 0.128379166f, -0.376126289f, 0.112836257f, -0.0268557407f, 0.00519246049f, -0.000805080403f,
                         8.00277485e-05f);
  // Without a fused instruction, a p would be flushed to zero for the smallest a.
  const V small = HWY_NATIVE_FMA ? hn::MulAdd(a, p, a) : hn::Mul(a, hn::Add(p, hn::Set(d, 1.0f)));
  const V g =
      hn::Mul(a, polynomial(d, a, 1.12852001f, 0.635699153f, 0.105287157f, -0.0229062345f, 0.00322004058f, -0.000214602915f));
  const V large = hn::Sub(hn::Set(d, 1.0f), expInRange(d, hn::Neg(g)));
  return hn::CopySign(hn::IfThenElse(hn::Gt(a, hn::Set(d, 0.92f)), large, small), x);
}

// e^a / 2 for a >= 0, finite up to 89.41: the larger half of sinh and cosh.
template <class D, class V>
HWY_INLINE V halfExp(D d, V a) {
  const V y = expInRange(d, a, -1);
  return hn::IfThenElse(hn::Le(a, hn::Set(d, 89.4159851f)), y, hn::Add(a, hn::Set(d, kInfinity)));
}

// sinh: 3 ULP.
template <class D, class V>
HWY_INLINE V sinh(D d, V x) {
  const V a = hn::Abs(x);
  const V a2 = hn::Mul(a, a);
  const V p = polynomial(d, a2, 0.166666672f, 0.00833331048f, 0.000198428868f, 2.78232119e-06f);
  const V small = hn::MulAdd(hn::Mul(a, a2), p, a);
  const V e = halfExp(d, a);
  const V large = hn::Sub(e, hn::Div(hn::Set(d, 0.25f), e));
  return hn::CopySign(hn::IfThenElse(hn::Gt(a, hn::Set(d, 1.0f)), large, small), x);
}

// cosh: 2 ULP.
template <class D, class V>
HWY_INLINE V cosh(D d, V x) {
  const V e = halfExp(d, hn::Abs(x));
  return hn::Add(e, hn::Div(hn::Set(d, 0.25f), e));
}

}  // namespace math
}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_VECTOR_MATH_INL_H_
