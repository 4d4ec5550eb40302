// The float64 twins of the random kernels, and the random kernels on integers, which are their own twins.
//
// Invariant: integers are drawn as the high half of a 64 x 32 bit product, whose bias is below 2^-32; each draw uses two words,
// so a block makes two of them.
#include <cmath>
#include <cstdint>
#include <numbers>

#include "engine/philox.h"
#include "engine/pool.h"
#include "kernels/random.h"

namespace steepest {
namespace {

double unit(uint32_t word) { return static_cast<double>(word >> 8) * 0x1p-24; }

// Inverse error function by Newton's method on std::erf, |v| < 0.96.
double inverseErf(double v) {
  double z = 0;
  for (int i = 0; i < 60; ++i) {
    const double step = (std::erf(z) - v) * std::sqrt(std::numbers::pi) / 2 * std::exp(z * z);
    z -= step;
    if (std::abs(step) < 1e-17) break;
  }
  return z;
}

double normal(const PhiloxBlock& block, int j) {
  const double radius = std::sqrt(-2 * std::log(unit(block.word[j & ~1]) + 0x1p-24));
  const double angle = 2 * std::numbers::pi * unit(block.word[j | 1]);
  return radius * (j % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

template <typename F>
Status eachElement(RandomKind kind, const Row& row, const F& value) {
  if (!acceptsRandom(kind, row)) return kBadRow;
  const PhiloxState state = PhiloxState::read(row.buffer<int32_t>(1));
  const int64_t count = row.integer(0);
  for (int64_t i = 0; i < count; ++i) row.buffer<double>(0)[i] = value(state.block(i / 4), static_cast<int>(i % 4));
  state.advance(row.buffer<int32_t>(1), ceilDivide(count, 4));
  return {};
}

// Draw number i of [0, range), range up to 2^32.
uint64_t draw(const PhiloxState& state, int64_t i, uint64_t range) {
  const PhiloxBlock block = state.block(i / 2);
  const uint32_t high = block.word[i % 2 * 2], low = block.word[i % 2 * 2 + 1];
  return (high * range + (low * range >> 32)) >> 32;
}

}  // namespace

Status randomUniformTwin(const Row& row) {
  const double low = row.number(1), high = row.number(2);
  return eachElement(RandomKind::uniform, row, [&](const PhiloxBlock& b, int j) { return low + unit(b.word[j]) * (high - low); });
}

Status randomNormalTwin(const Row& row) {
  return eachElement(RandomKind::normal, row,
                     [&](const PhiloxBlock& b, int j) { return row.number(1) + row.number(2) * normal(b, j); });
}

Status truncatedNormalTwin(const Row& row) {
  return eachElement(RandomKind::truncatedNormal, row, [&](const PhiloxBlock& b, int j) {
    const double v = (2 * (unit(b.word[j]) + 0x1p-25) - 1) * kErfSqrt2;
    return row.number(1) + row.number(2) * std::numbers::sqrt2 * inverseErf(v);
  });
}

Status bernoulliTwin(const Row& row) {
  const double p = row.number(1);
  return eachElement(RandomKind::bernoulli, row,
                     [&](const PhiloxBlock& b, int j) { return p > 0 && b.word[j] <= bernoulliLast(p); });
}

// [dst int32, state] args [count, low, high]: integers in [low, high)
Status randomIntegerFast(const Row& row) {
  if (!accepts(row, 2, 3, 1)) return kBadRow;
  const double low = row.number(1), range = row.number(2) - low;
  if (!(low >= INT32_MIN && low <= INT32_MAX && range >= 1 && range <= 4294967296.0 && low + range <= 2147483648.0))
    return kBadRow;
  const PhiloxState state = PhiloxState::read(row.buffer<int32_t>(1));
  const int64_t count = row.integer(0);
  parallelFor(ceilDivide(count, kChunkElements), [&](int64_t chunk) {
    for (int64_t i = chunk * kChunkElements; i < std::min((chunk + 1) * kChunkElements, count); ++i) {
      const auto offset = static_cast<int64_t>(draw(state, i, static_cast<uint64_t>(range)));
      row.buffer<int32_t>(0)[i] = static_cast<int32_t>(static_cast<int64_t>(low) + offset);
    }
  });
  state.advance(row.buffer<int32_t>(1), ceilDivide(count, 2));
  return {};
}

// [dst int32, state] args [n]: 0..n-1 in random order (Fisher and Yates)
Status permutationFast(const Row& row) {
  if (!accepts(row, 2, 1, 1) || row.integer(0) > INT32_MAX) return kBadRow;
  const PhiloxState state = PhiloxState::read(row.buffer<int32_t>(1));
  const int64_t n = row.integer(0);
  auto* const dst = row.buffer<int32_t>(0);
  for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<int32_t>(i);
  for (int64_t i = n - 1; i > 0; --i) std::swap(dst[i], dst[draw(state, i, static_cast<uint64_t>(i) + 1)]);
  state.advance(row.buffer<int32_t>(1), ceilDivide(n, 2));
  return {};
}

}  // namespace steepest
