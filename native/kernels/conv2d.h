// What the direct convolution walks over: a produced tensor, a source tensor, the packed kernel and the runs of both axes.
//
// Invariant: all cuts (bands of rows, panels) follow from these sizes alone.
#pragma once

#include <algorithm>

#include "kernels/conv_epilogue.h"
#include "kernels/gemm.h"

namespace steepest {

Status matmulFast(const Row& row);
Status matmulFusedFast(const Row& row);
int64_t matmulScratch(const Row& row);

constexpr double kConvSerialFlop = 1e6;         // below, a convolution runs on the calling thread alone
constexpr int64_t kConvBands = 16;              // bands of rows worth making of a small batch
constexpr int64_t kBandRows = 4;                // of a small batch: borders are walked downwards, a few pixels at a time
constexpr int64_t kFewPixels = 1024;            // up to so many, packing a kernel costs more than its strides
constexpr int64_t kConvBandBytes = 256 * 1024;  // rows of the source that stay in L2 while the panels pass over them

struct Correlation {
  int64_t images, sourceH, sourceW, sourceC, producedH, producedW, producedC;
  int64_t KH, KW, O, groups;
  int64_t depth;          // channels of the source per group
  int64_t producedGroup;  // channels of the produced tensor per group
  bool flipped;           // the gradient to the input: taps counted from the end, kernel transposed
  const float* source;
  float* produced;
  ConvEpilogue epilogue;  // of the forward pass
  float* packed;          // [group, panel][tap, depth][panel row]
  AxisRun* vertical;
  AxisRun* horizontal;
  int64_t verticalRuns, horizontalRuns;

  double flop() const {
    return 2.0 * static_cast<double>(images * producedH * producedW) * static_cast<double>(producedC) *
           static_cast<double>(KH * KW * depth);
  }
  // Whether panels of `lanes` columns can be read where the kernel lies: where packing would copy it as it is, or hardly reuse
  // it.
  bool readsInPlace(int64_t lanes) const {
    const bool whole = !flipped && groups == 1 && O % lanes == 0;
    return whole && (O <= 2 * lanes || images * producedH * producedW <= kFewPixels);
  }
  // Bands of rows per image: enough to share out a small batch, and small enough for the cache.
  int64_t bandsPerImage() const {
    const int64_t forSharing = std::min(ceilDivide(kConvBands, std::max<int64_t>(1, images)), ceilDivide(producedH, kBandRows));
    const int64_t forCache = ceilDivide(4 * sourceH * sourceW * sourceC, kConvBandBytes);
    return std::max<int64_t>(1, std::min(producedH, std::max(forSharing, forCache)));
  }
};

}  // namespace steepest
