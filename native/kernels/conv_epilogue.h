// What a convolution does to its finished sums before they are stored: what stands behind it in a network, without a pass of its
// own over the image. Statistics of channels for batch normalization are gathered along with it, of what is stored.
//
// In this order: + bias, batch normalization with given statistics, + residual, relu, mask, max-pool of 2x2. Invariant: each
// step rounds as the row of its own that it replaces, so the bits are the same.
#pragma once

#include "kernels/conv.h"
#include "kernels/stored_moments.h"

namespace steepest {

struct ConvEpilogue {
  const float* bias = nullptr;      // [O], null for none; so for all of them
  const float* centre = nullptr;    // [O]; (y - centre) * factor + offset
  const float* factor = nullptr;    // [O]
  const float* offset = nullptr;    // [O]
  const float* residual = nullptr;  // as y
  bool relu = false;
  const float* mask = nullptr;       // as y, which is 0 where this is not above 0: the gradient of relu
  bool pooled = false;               // y is the maxima of windows of 2x2 side by side; a last odd row or column is in none
  uint8_t* where = nullptr;          // as pooled y: which of the four was the maximum
  StoredMoments* moments = nullptr;  // sums up what is stored, unless that is pooled

  bool changesPixels() const { return bias || centre || residual || relu || mask; }
};

// The forward pass, y as `epilogue` leaves it, which pools by Winograd only: its tiles hold whole windows. Buffers [y, x, w,
// scratch], arguments those of conv2d.
Status convForward(const ConvShape& s, const Row& row, const ConvEpilogue& epilogue);
int64_t convForwardScratch(const ConvShape& s, const Row& row);

}  // namespace steepest
