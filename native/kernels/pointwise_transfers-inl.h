// What moves between buffers and slots: elements converted to and from the compute type, operands per row and per column spread
// over the rows of a block.
#if defined(STEEPEST_POINTWISE_TRANSFERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_POINTWISE_TRANSFERS_INL_H_
#undef STEEPEST_POINTWISE_TRANSFERS_INL_H_
#else
#define STEEPEST_POINTWISE_TRANSFERS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/pointwise_plan.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Elements [first, first + count) of `source`, converted to the compute type. Compilers vectorise these loops.
template <typename T>
void load(T* dst, const char* source, DType dtype, int64_t first, int64_t count) {
  if (dtype == DType::float32) {
    const float* from = reinterpret_cast<const float*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  } else if (dtype == DType::int32) {
    const int32_t* from = reinterpret_cast<const int32_t*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  } else {
    const uint8_t* from = reinterpret_cast<const uint8_t*>(source) + first;
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<T>(from[i]);
  }
}

// A number as an integer in [lowest, highest]: truncated, saturated, NaN to 0.
template <typename To, typename T>
HWY_INLINE To integerOf(T value, T lowest, T highest, To last) {
  if (value >= highest) return last;
  if (value > lowest) return static_cast<To>(value);
  return value <= lowest ? static_cast<To>(lowest) : To{0};
}

template <typename T>
void store(char* target, DType dtype, const T* source, int64_t first, int64_t count) {
  if (dtype == DType::float32) {
    float* to = reinterpret_cast<float*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(source[i]);
  } else if (dtype == DType::int32) {
    int32_t* to = reinterpret_cast<int32_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) {
      to[i] = integerOf<int32_t, T>(source[i], static_cast<T>(-2147483648.0), static_cast<T>(2147483647.0), 2147483647);
    }
  } else if (dtype == DType::uint8) {
    uint8_t* to = reinterpret_cast<uint8_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = integerOf<uint8_t, T>(source[i], T{0}, T{255}, 255);
  } else {
    uint8_t* to = reinterpret_cast<uint8_t*>(target) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = source[i] != T{0};
  }
}

// One number per row, repeated over its `cols` elements. Writes whole vectors, up to kSlotPadding elements beyond the last row.
template <typename T>
void spreadRows(T* slot, const char* source, DType dtype, int64_t row, int64_t rows, int64_t cols) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  T values[pointwise::kMaxBlock];
  load(values, source, dtype, row, rows);
  for (int64_t r = 0; r < rows; ++r) {
    const auto v = hn::Set(d, values[r]);
    for (int64_t j = 0; j < cols; j += lanes) hn::StoreU(v, d, slot + r * cols + j);
  }
}

// The columns' numbers, repeated for every row of a block.
template <typename T>
void spreadColumns(T* slot, const char* source, DType dtype, int64_t rows, int64_t cols) {
  load(slot, source, dtype, 0, cols);
  for (int64_t done = cols; done < rows * cols; done *= 2) {
    std::memcpy(slot + done, slot, static_cast<size_t>(std::min(done, rows * cols - done)) * sizeof(T));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_POINTWISE_TRANSFERS_INL_H_
