// Checks and small helpers that every kernel shares.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "kernel.h"

namespace steepest {

constexpr Status kBadRow{StatusCode::badRow};

// Elements that one chunk of a pointwise or copying kernel works on: 64 KiB of floats, small enough to share out, large enough
// that claiming it costs nothing. A kernel of one chunk runs serially.
constexpr int64_t kChunkElements = 16384;

inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether the row has exactly `buffers` buffers, at least `arguments` arguments, and integers in [0, 2^53] as the first
// `sizes` of them. Kernels begin with it, so that a malformed row gives badRow instead of a crash.
inline bool accepts(const Row& row, int64_t buffers, int64_t arguments, int64_t sizes) {
  if (row.bufferCount != buffers || row.argumentCount < arguments) return false;
  for (int64_t i = 0; i < sizes; ++i) {
    const double word = row.arguments[i];
    if (!(word >= 0 && word <= 9007199254740992.0 && word == std::trunc(word))) return false;
  }
  return true;
}

template <typename T>
bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(value);
  else
    return false;
}

// Bytes per element of a dtype code, 0 if there is no such dtype.
inline int64_t elementSize(int64_t dtype) {
  constexpr int64_t sizes[] = {4, 4, 1, 1, 8};
  return dtype >= 0 && dtype < 5 ? sizes[dtype] : 0;
}

}  // namespace steepest
