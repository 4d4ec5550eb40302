// The ordered sum of partial gradients, for one instruction set.
//
// Invariant: partial results are added in the order of their slices, so a sum does not depend on which thread made which.
#include "engine/pool.h"
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_PARTIALS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_PARTIALS_INL_H_
#undef STEEPEST_KERNELS_PARTIALS_INL_H_
#else
#define STEEPEST_KERNELS_PARTIALS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// to[i] = the sum over slices of partials[slice * total + i].
HWY_INLINE void addPartials(const float* partials, int64_t slices, int64_t total, float* to) {
  parallelFor(ceilDivide(total, kChunkElements / 4), [&](int64_t chunk) HWY_ATTR {
    const GemmTag d;
    const int64_t end = HWY_MIN(total, (chunk + 1) * (kChunkElements / 4));
    for (int64_t i = chunk * (kChunkElements / 4); i < end; i += kLanes) {
      const int64_t count = HWY_MIN(kLanes, end - i);
      GemmVector sum = hn::Zero(d);
      for (int64_t slice = 0; slice < slices; ++slice) {
        const float* from = partials + slice * total + i;
        sum = hn::Add(sum, count == kLanes ? hn::LoadU(d, from) : loadFirst(from, count));
      }
      storeColumns(sum, to + i, count, false);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_PARTIALS_INL_H_
