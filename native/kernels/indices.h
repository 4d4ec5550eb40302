// Checks of int32 indices, and the choice of a C++ type by element size or dtype, for kernels that follow indices.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/pool.h"
#include "kernels/arguments.h"

namespace steepest {

// ok if every index is in [0, limit), else indexOutOfRange with the first that is not. Kernels call it before their first write,
// so that a refused call leaves its outputs as they were.
Status checkIndices(const int32_t* indices, int64_t count, int64_t limit);

// The same, one by one, for the twins.
inline Status checkIndicesNaive(const int32_t* indices, int64_t count, int64_t limit) {
  for (int64_t i = 0; i < count; ++i) {
    if (indices[i] < 0 || indices[i] >= limit) return {StatusCode::indexOutOfRange, i, indices[i], limit};
  }
  return {};
}

// Calls f with a value of an integer type of `size` bytes; false if there is none.
template <typename F>
bool withSize(int64_t size, const F& f) {
  if (size == 1)
    f(uint8_t{});
  else if (size == 4)
    f(uint32_t{});
  else if (size == 8)
    f(uint64_t{});
  else
    return false;
  return true;
}

// Calls f with a value of the dtype's type; in a twin float32 stands for double. False if there is no such dtype.
template <typename F>
bool withType(int64_t dtype, bool twin, const F& f) {
  if (dtype == static_cast<int64_t>(DType::float64) || (twin && dtype == static_cast<int64_t>(DType::float32)))
    f(double{});
  else if (dtype == static_cast<int64_t>(DType::float32))
    f(float{});
  else if (dtype == static_cast<int64_t>(DType::int32))
    f(int32_t{});
  else if (elementSize(dtype) == 1)
    f(uint8_t{});
  else
    return false;
  return true;
}

// f(r) for every row, several short rows per chunk.
template <typename F>
void overRows(int64_t rows, int64_t rowElements, const F& f) {
  const int64_t perChunk = std::max<int64_t>(1, kChunkElements / std::max<int64_t>(1, rowElements));
  parallelFor(ceilDivide(rows, perChunk), [&](int64_t chunk) {
    const int64_t last = std::min((chunk + 1) * perChunk, rows);
    for (int64_t r = chunk * perChunk; r < last; ++r) f(r);
  });
}

}  // namespace steepest
