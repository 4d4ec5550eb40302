// The index space of the copy kernel: up to eight axes, each with a stride into the destination and one into the source.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/arguments.h"

namespace steepest {

struct Offsets {
  int64_t dst;
  int64_t src;
};

struct Box {
  static constexpr int64_t kMaxRank = 8;
  int64_t rank;
  int64_t dstOffset;
  int64_t srcOffset;
  int64_t dims[kMaxRank];
  int64_t dstStrides[kMaxRank];
  int64_t srcStrides[kMaxRank];

  // From [elementSize, rank, dstOffset, srcOffset, dims.., dstStrides.., srcStrides..]; false if malformed.
  bool read(const Row& row) {
    if (!accepts(row, 2, 4, 4)) return false;
    const int64_t size = row.integer(0);
    rank = row.integer(1);
    dstOffset = row.integer(2);
    srcOffset = row.integer(3);
    if ((size != 1 && size != 4 && size != 8) || rank > kMaxRank || !accepts(row, 2, 4 + 3 * rank, 4 + 2 * rank)) {
      return false;
    }
    for (int64_t i = 0; i < rank; ++i) {
      dims[i] = row.integer(4 + i);
      dstStrides[i] = row.integer(4 + rank + i);
      srcStrides[i] = row.integer(4 + 2 * rank + i);
      if (row.number(4 + 2 * rank + i) != std::trunc(row.number(4 + 2 * rank + i))) return false;
    }
    return true;
  }

  // Elements of the first `axes` axes.
  int64_t count(int64_t axes) const {
    int64_t product = 1;
    for (int64_t i = 0; i < axes; ++i) product *= dims[i];
    return product;
  }

  // Offsets of the `index`-th element of the first `axes` axes.
  Offsets at(int64_t index, int64_t axes) const {
    Offsets offsets{0, 0};
    for (int64_t i = axes - 1; i >= 0; --i) {
      const int64_t position = index % dims[i];
      index /= dims[i];
      offsets.dst += position * dstStrides[i];
      offsets.src += position * srcStrides[i];
    }
    return offsets;
  }

  // Drops axes of size one and merges neighbours that are one axis in both tensors; at least one axis remains.
  void simplify() {
    int64_t kept = 0;
    for (int64_t i = 0; i < rank; ++i) {
      if (dims[i] == 1) continue;
      if (kept > 0 && dstStrides[kept - 1] == dims[i] * dstStrides[i] && srcStrides[kept - 1] == dims[i] * srcStrides[i]) {
        dims[kept - 1] *= dims[i];
        dstStrides[kept - 1] = dstStrides[i];
        srcStrides[kept - 1] = srcStrides[i];
      } else {
        set(kept++, dims[i], dstStrides[i], srcStrides[i]);
      }
    }
    if (kept == 0) set(kept++, 1, 1, 1);
    rank = kept;
  }

  // If the last axis is contiguous in dst but not in src, and another axis is contiguous in src: moves that one to the place
  // before the last and returns true. Then the last two axes are a matrix transpose.
  bool moveContiguousSourceAxis() {
    const int64_t last = rank - 1;
    if (dstStrides[last] != 1 || srcStrides[last] == 1 || srcStrides[last] == 0 || dims[last] < 2) return false;
    for (int64_t axis = 0; axis < last; ++axis) {
      if (srcStrides[axis] != 1 || dims[axis] < 2) continue;
      const int64_t dim = dims[axis], stride = dstStrides[axis];
      for (int64_t i = axis; i + 1 < last; ++i) set(i, dims[i + 1], dstStrides[i + 1], srcStrides[i + 1]);
      set(last - 1, dim, stride, 1);
      return true;
    }
    return false;
  }

 private:
  void set(int64_t axis, int64_t dim, int64_t dstStride, int64_t srcStride) {
    dims[axis] = dim;
    dstStrides[axis] = dstStride;
    srcStrides[axis] = srcStride;
  }
};

}  // namespace steepest
