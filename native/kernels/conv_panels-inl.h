// How the direct convolution fills vectors, and the packed kernel that goes with it, for one instruction set.
//
// Invariant: the choice follows from the kernel's shape alone, so an image has the same bits alone and in a batch.
#include "hwy/highway.h"
#include "kernels/conv2d.h"
#include "kernels/dot_tile-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/grouped_tile-inl.h"

#if defined(STEEPEST_KERNELS_CONV_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_CONV_PANELS_INL_H_
#undef STEEPEST_KERNELS_CONV_PANELS_INL_H_
#else
#define STEEPEST_KERNELS_CONV_PANELS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// What a lane is: a produced channel, one of several groups, or a channel of the source.
enum class Filling { columns, groups, dots };

HWY_INLINE Filling fillingOf(const Correlation& c) {
  if (fillsVectors(c.groups, c.depth, c.producedGroup)) return Filling::groups;
  return dotsFillLanes(c.KH * c.KW, c.depth, c.producedGroup) ? Filling::dots : Filling::columns;
}

HWY_INLINE int64_t panelCount(const Correlation& c) {
  return fillingOf(c) == Filling::groups ? c.producedC / kLanes : c.groups * ceilDivide(c.producedGroup, kPanel);
}

// Floats from one packed panel to the next.
HWY_INLINE int64_t panelFloats(const Correlation& c) {
  return c.KH * c.KW * c.depth * (fillingOf(c) == Filling::groups ? kLanes : kPanel);
}

// As packKernelPanel, for kLanes channels of several groups: rows [tap, r], in which lane l, a channel of the source, meets
// produced channel l ^ r of its group.
HWY_INLINE void packGroupedPanel(const Correlation& c, const float* w, int64_t index, float* to) {
  const int64_t taps = c.KH * c.KW, size = c.depth;
  for (int64_t row = 0; row < taps * size; ++row) {
    const int64_t tap = row / size, r = row % size;
    for (int64_t l = 0; l < kLanes; ++l, ++to) {
      const int64_t source = index * kLanes + l, produced = source ^ r;
      *to = c.flipped ? w[((taps - 1 - tap) * size + produced % size) * c.O + source]
                      : w[(tap * size + source % size) * c.O + produced];
    }
  }
}

// As packKernelPanel, for lanes that are channels of the source: dotTap floats per tap.
HWY_INLINE void packDotPanel(const Correlation& c, const float* w, int64_t group, float* to) {
  const int64_t taps = c.KH * c.KW, channels = c.producedGroup;
  for (int64_t tap = 0; tap < taps; ++tap) {
    for (int64_t k = 0; k < roundUp(c.depth, kLanes); k += kLanes) {
      for (int64_t i = 0; i < channels * kLanes; ++i, ++to) {
        const int64_t produced = i / kLanes, source = k + i % kLanes;
        if (source >= c.depth)
          *to = 0;
        else
          *to = c.flipped ? w[((taps - 1 - tap) * channels + produced) * c.O + group * c.depth + source]
                          : w[(tap * c.depth + source) * c.O + group * channels + produced];
      }
    }
  }
}

// Packs panel `index` of the kernel: rows [tap, channel of the source], columns channels of the produced tensor.
HWY_INLINE void packKernelPanel(const Correlation& c, const float* w, int64_t index) {
  float* to = c.packed + index * panelFloats(c);
  const Filling filling = fillingOf(c);
  if (filling == Filling::groups) return packGroupedPanel(c, w, index, to);
  if (filling == Filling::dots) return packDotPanel(c, w, index, to);
  const int64_t panels = ceilDivide(c.producedGroup, kPanel);
  const int64_t group = index / panels;
  const int64_t column = index % panels * kPanel;
  const int64_t width = HWY_MIN(kPanel, c.producedGroup - column);
  if (!c.flipped) return packPanel(w + group * c.producedGroup + column, c.O, c.KH * c.KW * c.depth, width, to);
  for (int64_t tap = 0; tap < c.KH * c.KW; ++tap) {
    const float* from = w + ((c.KH * c.KW - 1 - tap) * c.producedGroup + column) * c.O + group * c.depth;
    packPanelTransposed(from, c.O, c.depth, width, to + tap * c.depth * panelRow(width));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_CONV_PANELS_INL_H_
