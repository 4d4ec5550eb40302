// conv2dBackwardKernel by Winograd's F(4x4, 3x3), transposed: dw = Gᵀ [sum over tiles of (Bᵀ x B) · (A dy Aᵀ)] G.
//
// At each of the 36 positions the sum over tiles is a product [channels, tiles] x [tiles, columns]. Tiles are cut into slices and
// columns into blocks; a slice's sums for a block (36 · C · 64 floats) stay near the core while the slice's tiles pass in groups.
// At the end the slices are added in order and transformed back. Invariant: slices, groups and blocks follow from the shape, so
// sums do not depend on threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd_kernel.cc"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/scratch_slots.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd.h"
#include "kernels/winograd_pooled-inl.h"
#include "kernels/winograd_product-inl.h"

#ifndef STEEPEST_KERNELS_WINOGRAD_KERNEL_CC_
#define STEEPEST_KERNELS_WINOGRAD_KERNEL_CC_
namespace steepest {

constexpr int64_t kGradientColumns = 64;  // of dw that a chunk sums
constexpr int64_t kSliceTiles = 64;       // a slice of fewer tiles costs more to add up than to compute
constexpr int64_t kGradientSlices = 16;
constexpr int64_t kGradientGroup = 32;  // tiles: with fewer, passing the sums through the cache takes up to a fifth of the time
constexpr int64_t kSlicesBytes = 8 << 20;  // of the sums of all slices together

struct WinogradGradient {
  TileGrid grid;  // source x, produced dy
  const float* x;
  const float* dy;
  const uint8_t* where;  // beside dy, which lies at windows of 2x2 pixels: which of them has it; else null
  float* dw;
  float* zeros;    // a row of pixels of x or of dy
  float* sums;     // [slice][block][position][channel][column of the block]
  float* regions;  // one per running chunk: transforms of x, then of dy

  int64_t columns() const { return std::min(kGradientColumns, paddedChannels(grid.producedC)); }
  int64_t blocks() const { return ceilDivide(grid.producedC, kGradientColumns); }
  int64_t sumFloats() const { return kPositions * grid.sourceC * columns(); }
  int64_t slices() const {
    const int64_t fitting = kSlicesBytes / (4 * std::max<int64_t>(1, sumFloats() * blocks()));
    return std::max<int64_t>(1, std::min({kGradientSlices, fitting, grid.tiles() / kSliceTiles}));
  }
  // Near-equal groups, rather above than below what fits: the sums pass through the cache once per group.
  int64_t groupSize() const {
    const int64_t tiles = std::max<int64_t>(1, ceilDivide(grid.tiles(), slices()));
    const int64_t fitting = groupTiles(paddedChannels(grid.sourceC) + columns(), tiles);
    const int64_t groups = tiles / std::max(kGradientGroup, fitting);
    return ceilDivide(tiles, std::max<int64_t>(1, groups));
  }
  int64_t chunks() const { return std::min(slices() * blocks(), kWinogradChunks); }
  int64_t xFloats() const { return transformFloats(groupSize(), grid.sourceC); }
  int64_t regionFloats() const { return xFloats() + transformFloats(groupSize(), columns()); }
  int64_t zeroFloats() const { return kPatchSide * paddedChannels(std::max(grid.sourceC, grid.producedC)); }
  int64_t scratchFloats() const { return zeroFloats() + slices() * blocks() * sumFloats() + chunks() * regionFloats(); }
  void place(float* scratch) {
    zeros = scratch;
    sums = zeros + zeroFloats();
    regions = sums + slices() * blocks() * sumFloats();
  }
};

}  // namespace steepest
#endif  // STEEPEST_KERNELS_WINOGRAD_KERNEL_CC_

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// The pixels of x that belong to a tile.
HWY_INLINE PixelSquare<kPatchSide> findPatch(const WinogradGradient& g, const TilePlace& at) {
  const TileGrid& t = g.grid;
  const float* image = g.x + at.image * t.sourceH * t.sourceW * t.sourceC;
  return Image{image, t.sourceH, t.sourceW, t.sourceC, g.zeros}.square<kPatchSide>(at.h - t.padTop, at.w - t.padLeft);
}

// Transforms the pixels of dy that belong to a tile, `columns` columns from `column` on.
HWY_INLINE void transformGradient(const WinogradGradient& g, const TilePlace& at, int64_t column, int64_t columns, float* to,
                                  int64_t stride) {
  const TileGrid& t = g.grid;
  const int shift = g.where ? 1 : 0;
  const int64_t H = t.producedH >> shift, W = t.producedW >> shift;
  const int64_t image = at.image * H * W * t.producedC + column;
  if (g.where) {
    const PooledImage windows{g.dy + image, g.where + image, H, W, t.producedC};
    return transformWindows<ProductAdjoint>(windows, at.h, at.w, columns, to, stride);
  }
  const Image pixels{g.dy + image, H, W, t.producedC, g.zeros};
  transformPixels<ProductAdjoint>(pixels.square<kTileSide>(at.h, at.w), columns, to, stride);
}

// Transforms of a group of tiles: x for all channels, dy for the block's columns.
void transformPairs(const WinogradGradient& g, int64_t firstTile, int64_t count, int64_t block, float* xTo, float* dyTo) {
  const int64_t channels = g.grid.sourceC, column = block * kGradientColumns;
  const int64_t columns = HWY_MIN(kGradientColumns, g.grid.producedC - column);
  const int64_t xStride = positionStride(g.groupSize(), channels), dyStride = positionStride(g.groupSize(), g.columns());
  TilePlace at(g.grid, firstTile);
  for (int64_t i = 0; i < count; ++i, at.advance(g.grid)) {
    transformPixels<SourceTransform>(findPatch(g, at), channels, xTo + i * paddedChannels(channels), xStride);
    transformGradient(g, at, column, columns, dyTo + i * g.columns(), dyStride);
  }
}

// sums[position, channel, column] (+)= sum over the group's tiles of x * dy.
void addGroup(const WinogradGradient& g, int64_t count, int64_t columns, const float* x, const float* dy, float* sums,
              bool accumulate) {
  GroupProduct p{};
  p.a = {x, paddedChannels(g.grid.sourceC), 0, positionStride(g.groupSize(), g.grid.sourceC)};
  p.b = {dy, g.columns(), kPanel, positionStride(g.groupSize(), g.columns())};
  p.c = {sums, g.columns(), kPanel, g.grid.sourceC * g.columns()};
  p.length = count;
  p.accumulate = accumulate;
  multiplyPositions<true>(p, g.grid.sourceC, columns);
}

void addTiles(const WinogradGradient& g, int64_t slice, int64_t block, float* region) {
  const int64_t tiles = g.grid.tiles();
  const int64_t columns = HWY_MIN(kGradientColumns, g.grid.producedC - block * kGradientColumns);
  const int64_t start = partStart(tiles, g.slices(), slice), end = partStart(tiles, g.slices(), slice + 1);
  float* sums = g.sums + (slice * g.blocks() + block) * g.sumFloats();
  float* dy = region + g.xFloats();
  for (int64_t tile = start; tile < end; tile += g.groupSize()) {
    const int64_t count = HWY_MIN(g.groupSize(), end - tile);
    transformPairs(g, tile, count, block, region, dy);
    addGroup(g, count, columns, region, dy, sums, tile > start);
  }
}

// One channel of dw: the slices' sums in order, transformed back.
void storeChannel(const WinogradGradient& g, int64_t channel) {
  const GemmTag d;
  const int64_t O = g.grid.producedC, slices = g.slices();
  for (int64_t column = 0; column < O; column += kLanes) {
    const int64_t block = column / kGradientColumns;
    const float* sums = g.sums + block * g.sumFloats() + channel * g.columns() + column % kGradientColumns;
    const int64_t lanes = HWY_MIN(kLanes, O - column);
    const auto load = [&](int position, GemmVector* in) HWY_ATTR {
      for (int row = 0; row < kPatchSide; ++row) {
        const float* from = sums + (row * kPatchSide + position) * g.grid.sourceC * g.columns();
        in[row] = hn::LoadU(d, from);
        for (int64_t i = 1; i < slices; ++i) in[row] = hn::Add(in[row], hn::LoadU(d, from + i * g.blocks() * g.sumFloats()));
      }
    };
    const auto store = [&](int row, const GemmVector* out) HWY_ATTR {
      for (int tap = 0; tap < 3; ++tap)
        storeColumns(out[tap], g.dw + ((row * 3 + tap) * g.grid.sourceC + channel) * O + column, lanes, false);
    };
    transformSquare<KernelAdjoint>(load, store);
  }
}

void winogradGradient(const WinogradGradient& g) {
  for (int64_t i = 0; i < g.zeroFloats(); ++i) g.zeros[i] = 0;
  ScratchSlots slots;
  const int64_t parts = g.slices() * g.blocks(), chunks = g.chunks();
  parallelFor(chunks, [&](int64_t chunk) {
    const ScratchSlots::Slot slot(slots);
    float* region = g.regions + slot.index() * g.regionFloats();
    for (int64_t i = partStart(parts, chunks, chunk); i < partStart(parts, chunks, chunk + 1); ++i)
      addTiles(g, i / g.blocks(), i % g.blocks(), region);
  });
  const int64_t channels = g.grid.sourceC, storers = HWY_MIN(channels, kWinogradChunks);
  parallelFor(storers, [&](int64_t part) {
    for (int64_t c = partStart(channels, storers, part); c < partStart(channels, storers, part + 1); ++c) storeChannel(g, c);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(winogradGradient);

WinogradGradient gradientOf(const ConvShape& s) {
  WinogradGradient g{};
  g.grid = {s.N, s.H, s.W, s.C, s.OH, s.OW, s.O, s.padTop, s.padLeft};
  return g;
}

}  // namespace

void winogradBackwardKernel(const ConvShape& s, const Row& row, const uint8_t* where) {
  WinogradGradient g = gradientOf(s);
  g.dw = row.buffer<float>(0);
  g.x = row.buffer<float>(1);
  g.dy = row.buffer<float>(2);
  g.where = where;
  g.place(row.buffer<float>(3));
  HWY_DYNAMIC_DISPATCH(winogradGradient)(g);
}

int64_t winogradBackwardKernelScratch(const ConvShape& s) { return 4 * gradientOf(s).scratchFloats(); }

}  // namespace steepest
#endif  // HWY_ONCE
