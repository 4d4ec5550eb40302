// Loads and stores of the first few lanes of a vector that never touch memory past them.
//
// Highway's own MaskedLoad may not be used for this: below AVX2 (and for 8- and 16-bit lanes below AVX-512) it is an aligned load
// of the whole vector with a blend after it.
#if defined(STEEPEST_KERNELS_TAIL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_TAIL_INL_H_
#undef STEEPEST_KERNELS_TAIL_INL_H_
#else
#define STEEPEST_KERNELS_TAIL_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// The first `count` lanes from p (0 <= count <= lanes), zero in the others. Lanes of 4 or 8 bytes.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> LoadTail(D d, const hwy::HWY_NAMESPACE::TFromD<D>* p, int64_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  using T = hn::TFromD<D>;
  static_assert(sizeof(T) >= 4, "LoadTail: lanes of 4 or 8 bytes");
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}

// Stores the first `count` lanes of v.
template <class D>
HWY_INLINE void StoreTail(hwy::HWY_NAMESPACE::Vec<D> v, D d, hwy::HWY_NAMESPACE::TFromD<D>* p, int64_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  using T = hn::TFromD<D>;
  static_assert(sizeof(T) >= 4, "StoreTail: lanes of 4 or 8 bytes");
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
