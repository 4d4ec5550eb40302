// Depthwise convolution (one kernel per channel): the walks that replace those of the general convolutions.
#pragma once

#include "kernels/conv2d.h"

namespace steepest {

constexpr int64_t kDepthwiseSlices = 16;

// Forward and gradient to the input: `c` with w [KH, KW, 1, C]. c.packed holds KH * KW * C floats.
void correlateDepthwise(const Correlation& c, const float* w);

// [dw, x, dy, scratch], and the bytes of that scratch.
Status depthwiseBackwardKernel(const Row& row, const ConvShape& shape);
int64_t depthwiseBackwardKernelScratch(const ConvShape& shape);

}  // namespace steepest
