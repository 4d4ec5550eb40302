// conv2dBackwardKernelPooled: the gradient to the kernel of a convolution that max-pooling stands behind, from the gradient of
// what was pooled. Programs put it in place of a row that spreads that over the pixels and of the one that reads the result.
//
// Invariant: the result is that of spreading first, to the bit.
#include <algorithm>

#include "kernels/conv.h"
#include "kernels/winograd.h"

namespace steepest {

namespace {

// The row of the gradient by itself: without `where`, which is the last operand.
struct UnpooledRow {
  void* buffers[4];
  Row row;
  explicit UnpooledRow(const Row& pooled)
      : buffers{pooled.buffers[0], pooled.buffers[1], pooled.buffers[2], pooled.buffers[4]},
        row{buffers, pooled.arguments, 4, pooled.argumentCount} {}
};

bool parsePooled(const Row& row, int64_t buffers, ConvShape* s) {
  return parseConv(row, buffers, s) && s->winograd && !s->transformed;
}

}  // namespace

// [dw, x, dy, where, scratch], arguments those of conv2d, by Winograd; dy and where as in winograd.h.
Status conv2dBackwardKernelPooledFast(const Row& row) {
  ConvShape s;
  if (!parsePooled(row, 5, &s)) return kBadRow;
  const int64_t weights = s.taps() * s.C * s.O;
  if (weights > 0 && s.N * s.OH * s.OW > 0)
    winogradBackwardKernel(s, UnpooledRow(row).row, row.buffer<uint8_t>(3));
  else
    std::fill_n(row.buffer<float>(0), weights, 0.0f);
  return {};
}

int64_t conv2dBackwardKernelPooledScratch(const Row& row) {
  ConvShape s;
  return parsePooled(row, row.bufferCount, &s) ? winogradBackwardKernelScratch(s) : 0;
}

}  // namespace steepest
