// Division by NumPy's rules and integer power, for one number at a time: twins, integer programs, and rare lanes of float
// vectors.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace steepest::scalar {

// floor_divide and remainder: the remainder has the sign of the divisor, and a = b quotient + remainder up to rounding.
inline double floorDivide(double a, double b) {
  if (b == 0) return a / b;
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

inline double modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (b == 0) return rest;
  if (rest == 0) return std::copysign(0.0, b);
  return (b < 0) != (rest < 0) ? rest + b : rest;
}

inline double divide(double a, double b) { return a / b; }
inline int64_t divide(int64_t a, int64_t b) { return b == 0 ? 0 : a / b; }

inline int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

inline int64_t floorDivide(int64_t a, int64_t b) { return b == 0 ? 0 : (a - modulo(a, b)) / b; }

inline double power(double a, double b) { return std::pow(a, b); }

// a^b modulo 2^32; for b < 0 the truncated quotient 1 / a^-b, which is 0 unless a is 1 or -1.
inline int64_t power(int64_t a, int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  uint32_t result = 1, base = static_cast<uint32_t>(a);
  for (uint32_t rest = static_cast<uint32_t>(b); rest != 0; rest >>= 1) {
    if (rest & 1) result *= base;
    base *= base;
  }
  return static_cast<int32_t>(result);
}

// NaN wins, as in NumPy.
inline double maximum(double a, double b) { return a != a || a > b ? a : b; }
inline int64_t maximum(int64_t a, int64_t b) { return a > b ? a : b; }
inline double minimum(double a, double b) { return a != a || a < b ? a : b; }
inline int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }

inline double floorOf(double a) { return std::floor(a); }
inline int64_t floorOf(int64_t a) { return a; }
inline double ceilOf(double a) { return std::ceil(a); }
inline int64_t ceilOf(int64_t a) { return a; }
inline double roundOf(double a) { return std::nearbyint(a); }  // half to even
inline int64_t roundOf(int64_t a) { return a; }
inline double truncOf(double a) { return std::trunc(a); }
inline int64_t truncOf(int64_t a) { return a; }
inline double signOf(double a) { return a > 0 ? 1 : a < 0 ? -1 : a; }  // zeros and NaN stay
inline int64_t signOf(int64_t a) { return a > 0 ? 1 : a < 0 ? -1 : 0; }

inline double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }
inline double softplus(double a) { return (a > 0 ? a : a != a ? a : 0) + std::log1p(std::exp(-std::fabs(a))); }

}  // namespace steepest::scalar
