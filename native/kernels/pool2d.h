// The geometry of 2-D pooling over NHWC images: windows clipped to the image, and the windows that cover a pixel.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernel.h"
#include "kernels/arguments.h"

namespace steepest {

struct PoolShape {
  int64_t N, H, W, C, KH, KW, OH, OW, strideH, strideW, padTop, padLeft;
  // Where a maximum was is stored as a byte.
  bool tapFitsByte() const { return KH * KW <= 256; }
  // Whether the windows lie side by side, so that every pixel is in one window or in none.
  bool isTiling() const {
    const bool side = strideH == KH && strideW == KW && padTop == 0 && padLeft == 0;
    return side && OH > 0 && OW > 0 && OH * KH <= H && OW * KW <= W;
  }
  // Chunks for `rows` rows of what is produced: about 16384 input elements each.
  int64_t chunks(int64_t rows) const {
    const int64_t elements = N * std::max(H * W, OH * OW) * C;
    return std::min(rows, std::clamp<int64_t>(elements / kChunkElements, 1, 64));
  }
};

// Whether the row is well formed; fills `shape` from args [N,H,W,C,KH,KW,OH,OW,strideH,strideW,padTop,padLeft].
bool parsePool(const Row& row, int64_t buffers, PoolShape* shape);

// A range [first, last) along one axis: taps of a window inside the image, or windows over a pixel.
struct Taps {
  int64_t first, last;
  int64_t size() const { return last - first; }
};

struct Window {
  Taps h, w;
  int64_t size() const { return h.size() * w.size(); }
};

// The taps of the window at `position` that lie inside an image of `size`.
inline Taps tapsOf(int64_t position, int64_t stride, int64_t pad, int64_t kernel, int64_t size) {
  const int64_t start = position * stride - pad;
  const int64_t first = std::clamp<int64_t>(-start, 0, kernel);
  return {first, std::max(first, std::min(kernel, size - start))};
}

// The windows, of `windows` in all, that cover the pixel at `index`.
inline Taps windowsOver(int64_t index, int64_t stride, int64_t pad, int64_t kernel, int64_t windows) {
  const int64_t end = index + pad;
  const int64_t first = end < kernel ? 0 : (end - kernel) / stride + 1;
  const int64_t last = std::min(windows, end / stride + 1);
  return {std::min(first, last), last};
}

}  // namespace steepest
