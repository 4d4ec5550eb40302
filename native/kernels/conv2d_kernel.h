// The gradient of a convolution to its kernel: operands, cut and plan of the taps.
//
// Invariant: slices and parts follow from the shape alone; every slice owns a whole partial gradient.
#pragma once

#include <algorithm>

#include "kernels/conv.h"
#include "kernels/gemm.h"

namespace steepest {

Status matmulFast(const Row& row);
int64_t matmulScratch(const Row& row);

constexpr int64_t kGradientChunks = 16;
constexpr int64_t kPartialBytes = 8 << 20;          // of all partial gradients together
constexpr int64_t kMergedRows = 32;                 // rows of dw whose taps share tiles
constexpr int64_t kGradientBandBytes = 512 * 1024;  // of x and dy that the taps pass over together

// One tap, or one row of taps that are contiguous in x, for the pixels that all of them meet: then kw and channel are one index.
struct TapPlan {
  int64_t kh, kw, row, channels;                       // row: first row of dw seen as [taps * channels, O]
  int64_t rowFirst, rowLast, columnFirst, columnLast;  // output pixels that the tap meets the input for
  bool isBorder;                                       // adds to the sums of a merged row of taps
};

struct KernelGradient {
  ConvShape shape;
  float* dw = nullptr;
  const float* x = nullptr;
  const float* dy = nullptr;
  TapPlan* taps = nullptr;
  int64_t tapCount = 0;
  float* packed = nullptr;    // the partial panel of dy, a region per chunk
  float* partials = nullptr;  // [slices, KH, KW, C / groups, O]
  int64_t slices = 1;
  int64_t panelParts = 1;

  // Whether all taps of a row meet the same pixels.
  bool meetsAllColumns() const { return shape.padLeft == 0 && (shape.OW - 1) * shape.strideW + shape.KW <= shape.W; }
  // Whether a row of taps shares tiles. Where padding clips some taps, pixels at the border are walked tap by tap, which pays if
  // the channels of one tap would not fill a tile.
  bool mergesColumns() const {
    return shape.groups == 1 && shape.dilationW == 1 && (meetsAllColumns() || shape.KW * shape.C <= kMergedRows);
  }
  // Whether all taps meet the same pixels and a row of them would not fill a tile: then they share tiles.
  bool mergesRows() const {
    const int64_t end = (shape.OH - 1) * shape.strideH + (shape.KH - 1) * shape.dilationH + 1;
    return mergesColumns() && meetsAllColumns() && shape.padTop == 0 && end <= shape.H && shape.KW * shape.C <= 4 &&
           shape.taps() * shape.C <= kMergedRows;
  }
  // Per row of the kernel the merged taps, and each tap at the left and right border.
  int64_t tapBytes() const { return roundUp(shape.KH * (2 * shape.KW + 1) * static_cast<int64_t>(sizeof(TapPlan)), 64); }
  int64_t bandsPerImage() const {
    const int64_t bytes = 4 * (shape.H * shape.W * shape.C + shape.OH * shape.OW * shape.O);
    return std::max<int64_t>(1, std::min(shape.OH, ceilDivide(bytes, kGradientBandBytes)));
  }
  // Room for the longest band of the widest partial panel.
  int64_t packedFloats() const { return (shape.OH / bandsPerImage() + 1) * shape.OW * kWidestPanel; }

  void cut() {
    const double flop = 2.0 * static_cast<double>(shape.N * shape.OH * shape.OW) * static_cast<double>(shape.O) *
                        static_cast<double>(shape.taps() * shape.groupC());
    if (flop < 1e6) return;
    const int64_t bytes = std::max<int64_t>(1, 4 * shape.taps() * shape.groupC() * shape.O);
    slices = std::max<int64_t>(1, std::min({shape.N, kGradientChunks, kPartialBytes / bytes}));
    panelParts = ceilDivide(kGradientChunks, slices);
  }
};

}  // namespace steepest
