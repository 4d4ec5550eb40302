// Winograd's minimal filtering F(4x4, 3x3) for convolutions of NHWC images: tiles, groups of tiles, and how scratch is laid out.
//
// A tile is 4x4 pixels of the produced image; it reads 6x6 pixels of the source. Both are transformed to 36 positions, at each of
// which the convolution is a product of matrices [tiles, depth] x [depth, columns]: 36 multiplications instead of 144. Tiles go
// in groups whose transforms stay in the L2 cache from the first to the last step (Lavin & Gray, arXiv 1509.09308; fusion per
// group: Gelashvili et al., arXiv 1912.02165). Invariant: every cut follows from the shape alone.
#pragma once

#include <algorithm>

#include "kernels/conv_epilogue.h"
#include "kernels/gemm.h"

namespace steepest {

constexpr int64_t kTileSide = 4;   // pixels of the produced image
constexpr int64_t kPatchSide = 6;  // pixels of the source that they read
constexpr int64_t kPositions = kPatchSide * kPatchSide;
constexpr int64_t kPatchTaps = 9;
constexpr int64_t kWinogradChunks = 32;      // also the number of regions of scratch: 32 x 300 KiB
constexpr int64_t kGroupBytes = 288 * 1024;  // of a group's transforms: they share 512 KiB of L2 with the kernel's
constexpr int64_t kSmallestGroup = 12;       // tiles: the kernel's transforms pass through the cache once per group
constexpr int64_t kStreamPadding = 16;       // floats that keep the 36 positions from sharing sets of the L1 cache
constexpr int64_t kLineFloats = 16;          // of a cache line

// Transforms are rows of whole vectors of the widest instruction set.
inline int64_t paddedChannels(int64_t channels) { return roundUp(channels, 16); }

// The produced image cut into tiles, and where their patches lie in the source. Padding may be negative: then the patch of the
// first tile begins inside the source.
struct TileGrid {
  int64_t images, sourceH, sourceW, sourceC, producedH, producedW, producedC, padTop, padLeft;

  int64_t rows() const { return ceilDivide(producedH, kTileSide); }
  int64_t columns() const { return ceilDivide(producedW, kTileSide); }
  int64_t tiles() const { return images * rows() * columns(); }
};

// One tile: its image and its first pixel. Divisions find the first tile of a group only: for each one they take up to 5 % of the
// time of 16 channels.
struct TilePlace {
  int64_t image, h, w;
  TilePlace(const TileGrid& grid, int64_t tile)
      : image(tile / (grid.rows() * grid.columns())),
        h(tile / grid.columns() % grid.rows() * kTileSide),
        w(tile % grid.columns() * kTileSide) {}
  // Moves on to the next tile.
  void advance(const TileGrid& grid) {
    w += kTileSide;
    if (w < grid.producedW) return;
    w = 0;
    h += kTileSide;
    if (h < grid.producedH) return;
    h = 0;
    ++image;
  }
};

// A square of pixels: where its rows begin and which of its columns exist; the others are zeros.
template <int kSide>
struct PixelSquare {
  const float* rows[kSide];
  int64_t step;                     // floats from column to column
  int64_t firstColumn, lastColumn;  // [first, last) exist
};

// One image; `zeros` stands for kPatchSide pixels of the rows outside it.
struct Image {
  const float* pixels;
  int64_t H, W, C;
  const float* zeros;

  template <int kSide>
  PixelSquare<kSide> square(int64_t h, int64_t w) const {
    PixelSquare<kSide> square;
    square.step = C;
    square.firstColumn = std::clamp<int64_t>(-w, 0, kSide);
    square.lastColumn = std::clamp<int64_t>(W - w, 0, kSide);
    const float* row = pixels + (h * W + w) * C;
    for (int64_t i = 0; i < kSide; ++i, row += W * C) square.rows[i] = h + i >= 0 && h + i < H ? row : zeros;
    return square;
  }
};

// How many tiles of `floatsPerPosition` floats a group takes.
inline int64_t groupTiles(int64_t floatsPerPosition, int64_t tiles) {
  const int64_t fitting = kGroupBytes / (4 * kPositions * std::max<int64_t>(1, floatsPerPosition));
  return std::max<int64_t>(1, std::min(tiles, std::max(kSmallestGroup, fitting / kSmallestGroup * kSmallestGroup)));
}

// Floats of a group's transforms of `channels` channels, and the distance between two positions.
inline int64_t positionStride(int64_t tiles, int64_t channels) { return tiles * paddedChannels(channels) + kStreamPadding; }
inline int64_t transformFloats(int64_t tiles, int64_t channels) { return kPositions * positionStride(tiles, channels); }

// Where a transformed kernel of `depth` rows and `columns` columns lies in memory.
inline KeptPanels transformedKernel(int64_t depth, int64_t columns) { return {kPositions, depth, columns}; }

// Whether the algorithm can do the convolution at all.
inline bool fitsWinograd(const ConvShape& s) {
  return s.KH == 3 && s.KW == 3 && s.strideH == 1 && s.strideW == 1 && s.dilationH == 1 && s.dilationW == 1 && s.groups == 1;
}

// The three passes; rows and buffers as those of conv2d (w is transformed already where the shape says so), conv2dBackwardInput
// and conv2dBackwardKernel. What the first two make is as the epilogue leaves it.
void winogradForward(const ConvShape& s, const Row& row, const ConvEpilogue& epilogue);
// `where`, unless null, says that max-pooling of 2x2 side by side stands behind the convolution: dy lies at windows, `where`
// beside it, which of the four pixels of each has it.
void winogradBackwardInput(const ConvShape& s, const Row& row, const uint8_t* where, const ConvEpilogue& epilogue);
void winogradBackwardKernel(const ConvShape& s, const Row& row, const uint8_t* where);
int64_t winogradForwardScratch(const ConvShape& s);
int64_t winogradBackwardInputScratch(const ConvShape& s);
int64_t winogradBackwardKernelScratch(const ConvShape& s);

}  // namespace steepest
