// The vectorised index check: a pass at memory speed before a kernel writes anything.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/indices.cc"

#include "kernels/indices.h"

#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Position of the first index outside [0, limit), or -1. As unsigned numbers the negative ones are large.
int64_t firstOutside(const int32_t* indices, int64_t count, int64_t limit) {
  const hn::ScalableTag<uint32_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* const unsignedIndices = reinterpret_cast<const uint32_t*>(indices);
  int64_t i = 0;
  if (limit > 0 && limit <= INT32_MAX) {
    const auto last = hn::Set(d, static_cast<uint32_t>(limit - 1));
    for (; i + lanes <= count; i += lanes) {
      const auto v = hn::LoadU(d, unsignedIndices + i);
      if (!hn::AllTrue(d, hn::Eq(hn::Min(v, last), v))) break;
    }
  }
  for (; i < count; ++i) {
    if (indices[i] < 0 || indices[i] >= limit) return i;
  }
  return -1;
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {
HWY_EXPORT(firstOutside);
}  // namespace

Status checkIndices(const int32_t* indices, int64_t count, int64_t limit) {
  const int64_t position = HWY_DYNAMIC_DISPATCH(firstOutside)(indices, count, limit);
  if (position < 0) return {};
  return {StatusCode::indexOutOfRange, position, indices[position], limit};
}

}  // namespace steepest
#endif  // HWY_ONCE
