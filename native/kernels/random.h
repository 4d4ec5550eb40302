// What the random kernels and their twins share: arguments and the mapping from probabilities to words.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/arguments.h"

namespace steepest {

enum class RandomKind { uniform, normal, truncatedNormal, bernoulli };

constexpr double kErfSqrt2 = 0.95449973610364158559;  // erf(sqrt 2): the share of a normal variable within two deviations

// The largest 32-bit word that means success with probability p > 0: word < p * 2^32.
inline uint32_t bernoulliLast(double p) {
  const double words = std::ceil(std::min(p, 1.0) * 4294967296.0);
  return words >= 1 ? static_cast<uint32_t>(words - 1) : 0;
}

inline bool acceptsRandom(RandomKind kind, const Row& row) { return accepts(row, 2, kind == RandomKind::bernoulli ? 2 : 3, 1); }

}  // namespace steepest
