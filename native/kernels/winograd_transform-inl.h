// The kernel of a convolution as Winograd's products read it, for one instruction set: panels of columns of the produced tensor,
// transformed to 36 positions.
//
// Each chunk transforms some rows of depth of a panel, straight from where the kernel lies; for the gradient to the input, which
// reads it flipped and transposed, out of packed panels. Invariant: where a number goes does not depend on the instruction set.
#include <string.h>

#include "engine/pool.h"
#include "hwy/highway.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd_correlation.h"

#if defined(STEEPEST_KERNELS_WINOGRAD_TRANSFORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_WINOGRAD_TRANSFORM_INL_H_
#undef STEEPEST_KERNELS_WINOGRAD_TRANSFORM_INL_H_
#else
#define STEEPEST_KERNELS_WINOGRAD_TRANSFORM_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr int64_t kTransformRows = 16;  // of depth per chunk: 72 KiB of transforms

// Row `k` of a panel, `width` columns whose taps are the pixels of a square.
HWY_INLINE void transformTaps(const KeptPanels& to, float* transformed, int64_t k, int64_t column, int64_t width,
                              const PixelSquare<3>& taps) {
  const int64_t row = to.row(column);
  transformPixels<KernelTransform>(taps, width, transformed + to.at(0, column) + k * row, to.depth * row);
}

// Rows [first, first + count) of the panel from `column` on, of the kernel [tap][depth][columns].
void transformRows(const KeptPanels& to, const float* w, float* transformed, int64_t column, int64_t first, int64_t count) {
  const int64_t width = HWY_MIN(kWidestPanel, to.columns - column), row = to.row(column), step = to.depth * to.columns;
  if (width < row) {
    for (int64_t position = 0; position < kPositions; ++position)
      memset(transformed + to.at(position, column) + first * row, 0, static_cast<size_t>(4 * count * row));
  }
  for (int64_t k = first; k < first + count; ++k) {
    const float* const at = w + k * to.columns + column;
    transformTaps(to, transformed, k, column, width, {{at, at + 3 * step, at + 6 * step}, step, 0, 3});
  }
}

// The same of the kernel [tap][columns][depth], its taps counted from the end.
void transformFlippedRows(const KeptPanels& to, const float* w, float* packed, float* transformed, int64_t panel, int64_t first,
                          int64_t count) {
  for (int64_t column = panel; column < HWY_MIN(panel + kWidestPanel, to.columns); column += kPanel) {
    const int64_t width = HWY_MIN(kPanel, to.columns - column), row = panelRow(width), step = to.depth * row;
    float* const taps = packed + kPatchTaps * to.depth * column + first * row;
    for (int64_t tap = 0; tap < kPatchTaps; ++tap) {
      const float* const from = w + ((kPatchTaps - 1 - tap) * to.columns + column) * to.depth + first;
      packPanelTransposed(from, to.depth, count, width, taps + tap * step);
    }
    for (int64_t k = 0; k < count; ++k) {
      const float* const at = taps + k * row;
      transformTaps(to, transformed, first + k, column, row, {{at, at + 3 * step, at + 6 * step}, step, 0, 3});
    }
  }
}

// All of the kernel; `packed` is null unless it is flipped.
void transformKernel(const KeptPanels& to, const float* w, float* packed, float* transformed) {
  const int64_t parts = ceilDivide(to.depth, kTransformRows);
  parallelFor(parts * ceilDivide(to.columns, kWidestPanel), [&](int64_t chunk) {
    const int64_t column = chunk / parts * kWidestPanel, first = chunk % parts * kTransformRows;
    const int64_t count = HWY_MIN(kTransformRows, to.depth - first);
    if (packed) return transformFlippedRows(to, w, packed, transformed, column, first, count);
    transformRows(to, w, transformed, column, first, count);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_WINOGRAD_TRANSFORM_INL_H_
