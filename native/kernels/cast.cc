// cast: changes the element type. Float to integer truncates and saturates, NaN becomes 0; anything to bool is != 0.
//
// Invariant: the only kernel whose two modes are the same function: its rows name the real types of both buffers, float64
// included. The loops are plain and left to the compiler, once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast.cc"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

enum class Boolean : uint8_t {};  // stored as 0 or 1

template <typename To, typename From>
HWY_INLINE To convert(From value) {
  if constexpr (std::is_same_v<To, Boolean>) {
    return static_cast<Boolean>(value != 0);
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    using Limits = std::numeric_limits<To>;
    // As a float the largest int32 is 2^31, which does not fit: compare before converting. NaN is not inside either.
    const From low = static_cast<From>(Limits::min()), high = static_cast<From>(Limits::max());
    const From inside = value > low && value < high ? value : From{0};
    const To truncated = static_cast<To>(static_cast<int32_t>(inside));
    return value >= high ? Limits::max() : value <= low ? Limits::min() : truncated;
  } else if constexpr (std::is_same_v<To, uint8_t>) {
    return static_cast<uint8_t>(std::clamp<int32_t>(static_cast<int32_t>(value), 0, 255));
  } else {
    return static_cast<To>(value);
  }
}

template <typename To, typename From>
void castAll(int64_t count, void* to, const void* from) {
  parallelFor(ceilDivide(count, kChunkElements), [&](int64_t chunk) {
    const int64_t first = chunk * kChunkElements, size = std::min(kChunkElements, count - first);
    To* HWY_RESTRICT dst = static_cast<To*>(to) + first;
    const From* HWY_RESTRICT src = static_cast<const From*>(from) + first;
    for (int64_t i = 0; i < size; ++i) dst[i] = convert<To>(src[i]);
  });
}

template <typename To>
void castFrom(int64_t count, DType type, void* to, const void* from) {
  switch (type) {
    case DType::float32:
      castAll<To, float>(count, to, from);
      break;
    case DType::int32:
      castAll<To, int32_t>(count, to, from);
      break;
    case DType::uint8:
    case DType::boolean:
      castAll<To, uint8_t>(count, to, from);
      break;
    case DType::float64:
      castAll<To, double>(count, to, from);
      break;
  }
}

void cast(int64_t count, DType toType, DType fromType, void* to, const void* from) {
  switch (toType) {
    case DType::float32:
      castFrom<float>(count, fromType, to, from);
      break;
    case DType::int32:
      castFrom<int32_t>(count, fromType, to, from);
      break;
    case DType::uint8:
      castFrom<uint8_t>(count, fromType, to, from);
      break;
    case DType::boolean:
      castFrom<Boolean>(count, fromType, to, from);
      break;
    case DType::float64:
      castFrom<double>(count, fromType, to, from);
      break;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {
HWY_EXPORT(cast);
}  // namespace

// [dst, src] args [count, dstDtype, srcDtype]
Status castFast(const Row& row) {
  if (!accepts(row, 2, 3, 3) || !elementSize(row.integer(1)) || !elementSize(row.integer(2))) return kBadRow;
  HWY_DYNAMIC_DISPATCH(cast)
  (row.integer(0), static_cast<DType>(row.integer(1)), static_cast<DType>(row.integer(2)), row.buffers[0], row.buffers[1]);
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
