// Floating-point random numbers: uniform, normal, truncated normal, Bernoulli. All from Philox; element 4b+j comes from word j of
// block b, so the stream is the same for any number of threads.
//
// Invariant: only additions, multiplications, divisions and square roots, each rounded on its own (never fused), so every
// instruction set gives the same bits as well. The twin computes the same formulas in double with the C library's functions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random.cc"

#include "kernels/random.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/philox.h"
#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<DF>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VU = hn::Vec<DU>;

HWY_INLINE VF constant(float value) { return hn::Set(DF(), value); }

// Polynomials by Horner's rule, without fused multiply-add.
template <typename... Rest>
HWY_INLINE VF horner(VF x, float last) {
  (void)x;
  return constant(last);
}
template <typename... Rest>
HWY_INLINE VF horner(VF x, float first, float second, Rest... rest) {
  return hn::Add(constant(first), hn::Mul(x, horner(x, second, rest...)));
}

// 32 x 32 -> 64 bit products, the low and high halves.
HWY_INLINE void multiply(VU a, uint32_t multiplier, VU& low, VU& high) {
  const DU d;
  const hn::RepartitionToWide<DU> wide;
  const auto m = hn::Set(d, multiplier);
  const auto even = hn::MulEven(a, m);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), m);
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

struct Words {
  VU word[4];
};

// Blocks first, first + 1, ... one per lane.
HWY_INLINE Words philoxBlocks(const PhiloxState& state, uint64_t first) {
  const DU d;
  const auto base = hn::Set(d, static_cast<uint32_t>(first));
  auto c0 = hn::Add(base, hn::Iota(d, 0));
  const auto carry = hn::IfThenElseZero(hn::Lt(c0, base), hn::Set(d, 1));
  auto c1 = hn::Add(hn::Set(d, static_cast<uint32_t>(first >> 32)), carry);
  auto c2 = hn::Zero(d), c3 = hn::Zero(d);
  uint32_t key0 = state.key0, key1 = state.key1;
  for (int round = 0; round < kPhiloxRounds; ++round) {
    VU low0, high0, low1, high1;
    multiply(c0, kPhiloxMultiplier0, low0, high0);
    multiply(c2, kPhiloxMultiplier1, low1, high1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, key0));
    c1 = low1;
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, key1));
    c3 = low0;
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

// k * 2^-24 for the upper 24 bits k of each word: [0, 1).
HWY_INLINE VF unit(VU word) {
  return hn::Mul(hn::ConvertTo(DF(), hn::BitCast(DI(), hn::ShiftRight<8>(word))), constant(0x1p-24f));
}

// ln(u) for u in (0, 1], normal numbers: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln(1+t) as in Cephes logf; error below 2 ULP.
HWY_INLINE VF logarithm(VF u) {
  const DF d;
  const DI di;
  const auto bits = hn::BitCast(di, u);
  // Adding 1 - sqrt(1/2) to the exponent and mantissa moves the cut from 1 to sqrt(1/2).
  const auto shifted = hn::Add(bits, hn::Set(di, 0x3f800000 - 0x3f3504f3));
  const auto exponent = hn::Sub(hn::ShiftRight<23>(shifted), hn::Set(di, 127));
  const auto mantissa = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const auto t = hn::Sub(mantissa, constant(1.0f));
  const auto e = hn::ConvertTo(d, exponent);
  const auto square = hn::Mul(t, t);
  const auto p = horner(t, 3.3333331174e-1f, -2.4999993993e-1f, 2.0000714765e-1f, -1.6668057665e-1f, 1.4249322787e-1f,
                        -1.2420140846e-1f, 1.1676998740e-1f, -1.1514610310e-1f, 7.0376836292e-2f);
  auto y = hn::Mul(hn::Mul(p, t), square);
  y = hn::Add(y, hn::Mul(e, constant(-2.12194440e-4f)));
  y = hn::Sub(y, hn::Mul(constant(0.5f), square));
  return hn::Add(hn::Add(t, y), hn::Mul(e, constant(0.693359375f)));
}

// sin and cos of 2 pi u for u in [0, 1) with 24 bits. The octant is exact; on [-pi/4, pi/4] the polynomials of Cephes sinf, cosf.
HWY_INLINE void sineCosine(VF u, VF& sine, VF& cosine) {
  const DF d;
  const DI di;
  const auto quarters = hn::Mul(u, constant(4.0f));  // exact
  const auto nearest = hn::NearestInt(quarters);     // 0..4
  const auto x = hn::Mul(hn::Sub(quarters, hn::ConvertTo(d, nearest)), constant(1.57079632679489662f));
  const auto z = hn::Mul(x, x);
  const auto s = hn::Add(x, hn::Mul(hn::Mul(x, z), horner(z, -1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f)));
  const auto c = hn::Add(hn::Sub(constant(1.0f), hn::Mul(constant(0.5f), z)),
                         hn::Mul(hn::Mul(z, z), horner(z, 4.166664568298827e-2f, -1.388731625493765e-3f, 2.443315711809948e-5f)));
  const auto swap = hn::RebindMask(d, hn::TestBit(nearest, hn::Set(di, 1)));
  const auto sineSign = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(nearest, hn::Set(di, 2))));
  const auto cosineSign = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(hn::Add(nearest, hn::Set(di, 1)), hn::Set(di, 2))));
  sine = hn::Xor(hn::IfThenElse(swap, c, s), sineSign);
  cosine = hn::Xor(hn::IfThenElse(swap, s, c), cosineSign);
}

// Each fills four vectors from four words; element 4b+j is lane b of vector j.
struct Uniform {
  float low, range, top;  // top: the largest float below high; rounding must not give high itself
  HWY_INLINE void operator()(const Words& w, VF* out) const {
    for (int j = 0; j < 4; ++j) {
      out[j] = hn::Min(hn::Add(constant(low), hn::Mul(unit(w.word[j]), constant(range))), constant(top));
    }
  }
};

// Box and Muller: two words make two normals.
struct Normal {
  float mean, deviation;
  HWY_INLINE void operator()(const Words& w, VF* out) const {
    for (int j = 0; j < 4; j += 2) {
      const auto open = hn::Add(unit(w.word[j]), constant(0x1p-24f));  // (0, 1]
      const auto radius = hn::Mul(hn::Sqrt(hn::Mul(logarithm(open), constant(-2.0f))), constant(deviation));
      VF sine, cosine;
      sineCosine(unit(w.word[j + 1]), sine, cosine);
      out[j] = hn::Add(constant(mean), hn::Mul(radius, cosine));
      out[j + 1] = hn::Add(constant(mean), hn::Mul(radius, sine));
    }
  }
};

// A normal variable redrawn until it lies within two deviations has the distribution of sqrt(2) erfinv(v), v uniform in
// +-erf(sqrt(2)): one draw instead of a loop. erfinv: M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2010),
// whose central polynomial covers this whole range.
struct Truncated {
  float mean, deviation;
  HWY_INLINE void operator()(const Words& w, VF* out) const {
    for (int j = 0; j < 4; ++j) {
      const auto twice = hn::Mul(unit(w.word[j]), constant(2.0f));
      const auto middle = hn::Add(hn::Sub(twice, constant(1.0f)), constant(0x1p-24f));  // exact, in (-1, 1), symmetric
      const auto v = hn::Mul(middle, constant(static_cast<float>(kErfSqrt2)));
      const auto t = hn::Sub(hn::Neg(logarithm(hn::Mul(hn::Sub(constant(1.0f), v), hn::Add(constant(1.0f), v)))), constant(2.5f));
      const auto p = horner(t, 1.50140941f, 0.246640727f, -0.00417768164f, -0.00125372503f, 0.00021858087f, -4.39150654e-06f,
                            -3.5233877e-06f, 3.43273939e-07f, 2.81022636e-08f);
      const auto z = hn::Mul(hn::Mul(p, v), constant(1.41421356237f));
      const auto clamped = hn::Min(hn::Max(z, constant(-2.0f)), constant(2.0f));
      out[j] = hn::Add(constant(mean), hn::Mul(clamped, constant(deviation)));
    }
  }
};

struct Bernoulli {
  uint32_t last;  // the largest word that counts as success
  bool never;
  HWY_INLINE void operator()(const Words& w, VF* out) const {
    const DU d;
    for (int j = 0; j < 4; ++j) {
      const auto hit = hn::RebindMask(DF(), hn::Not(hn::Gt(w.word[j], hn::Set(d, last))));
      out[j] = never ? hn::Zero(DF()) : hn::IfThenElseZero(hit, constant(1.0f));
    }
  }
};

template <class Distribution>
void generate(const PhiloxState& state, int64_t count, float* dst, const Distribution& distribution) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  parallelFor(ceilDivide(count, kChunkElements), [&](int64_t chunk) HWY_ATTR {
    const int64_t last = std::min((chunk + 1) * kChunkElements, count);
    for (int64_t i = chunk * kChunkElements; i < last; i += 4 * lanes) {
      VF out[4];
      distribution(philoxBlocks(state, state.counter + static_cast<uint64_t>(i / 4)), out);
      if (i + 4 * lanes <= last) {
        hn::StoreInterleaved4(out[0], out[1], out[2], out[3], d, dst + i);
      } else {
        HWY_ALIGN float tail[4 * hn::MaxLanes(d)];
        hn::StoreInterleaved4(out[0], out[1], out[2], out[3], d, tail);
        std::copy_n(tail, last - i, dst + i);
      }
    }
  });
}

void random(RandomKind kind, const PhiloxState& state, int64_t count, double a, double b, float* dst) {
  const float first = static_cast<float>(a), second = static_cast<float>(b);
  switch (kind) {
    case RandomKind::uniform:
      generate(state, count, dst,
               Uniform{first, static_cast<float>(b - a), second > first ? std::nextafter(second, first) : second});
      break;
    case RandomKind::normal:
      generate(state, count, dst, Normal{first, second});
      break;
    case RandomKind::truncatedNormal:
      generate(state, count, dst, Truncated{first, second});
      break;
    case RandomKind::bernoulli:
      generate(state, count, dst, Bernoulli{bernoulliLast(a), !(a > 0)});
      break;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(random);

Status randomFast(RandomKind kind, const Row& row) {
  if (!acceptsRandom(kind, row)) return kBadRow;
  const PhiloxState state = PhiloxState::read(row.buffer<int32_t>(1));
  const int64_t count = row.integer(0);
  const double b = kind == RandomKind::bernoulli ? 0 : row.number(2);
  HWY_DYNAMIC_DISPATCH(random)(kind, state, count, row.number(1), b, row.buffer<float>(0));
  state.advance(row.buffer<int32_t>(1), ceilDivide(count, 4));
  return {};
}

}  // namespace

// [dst, state] args [count, low, high]: [low, high); 24 random bits
Status randomUniformFast(const Row& row) { return randomFast(RandomKind::uniform, row); }
// [dst, state] args [count, mean, deviation]
Status randomNormalFast(const Row& row) { return randomFast(RandomKind::normal, row); }
// [dst, state] args [count, mean, deviation]: within mean +- 2 deviations
Status truncatedNormalFast(const Row& row) { return randomFast(RandomKind::truncatedNormal, row); }
// [dst, state] args [count, p]: 1 with probability p (to 2^-32), else 0
Status bernoulliFast(const Row& row) { return randomFast(RandomKind::bernoulli, row); }

}  // namespace steepest
#endif  // HWY_ONCE
