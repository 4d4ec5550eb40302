// conv2d and conv2dBackwardInput by Winograd's F(4x4, 3x3): the gradient reads dy with the kernel flipped and transposed.
//
// The kernel is transformed first (36 / 9 of its size), once per call, since in training it changes at every step; a program that
// leaves it alone has a row of its own do it, winogradKernel, and gives the result to the convolution in the kernel's place. Then
// each group of tiles is transformed, multiplied at 36 positions and transformed back, block of columns by block of columns, all
// in one region of scratch that stays in the L2 cache. Invariant: a chunk owns whole tiles, and the sum of a pixel runs over the
// depth in order whatever the group, so results depend on neither threads nor cuts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd.cc"

#include "kernels/winograd.h"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/scratch_slots.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd_correlation.h"
#include "kernels/winograd_pooled-inl.h"
#include "kernels/winograd_product-inl.h"
#include "kernels/winograd_store-inl.h"
#include "kernels/winograd_transform-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// The pixels that one tile reads.
HWY_INLINE PixelSquare<kPatchSide> findPatch(const WinogradCorrelation& c, const TilePlace& at) {
  const TileGrid& g = c.grid;
  const Image image{c.source + at.image * g.sourceH * g.sourceW * g.sourceC, g.sourceH, g.sourceW, g.sourceC, c.zeros};
  return image.square<kPatchSide>(at.h - g.padTop, at.w - g.padLeft);
}

// The same of a source that lies at windows.
void transformWindows(const WinogradCorrelation& c, const TilePlace& at, float* to, int64_t stride) {
  const TileGrid& g = c.grid;
  const int64_t H = g.sourceH / 2, W = g.sourceW / 2, image = at.image * H * W * g.sourceC;
  transformWindows<SourceTransform>({c.source + image, c.where + image, H, W, g.sourceC}, at.h - g.padTop, at.w - g.padLeft,
                                    g.sourceC, to, stride);
}

void transformSource(const WinogradCorrelation& c, int64_t firstTile, int64_t count, float* to) {
  const int64_t depth = c.grid.sourceC, stride = positionStride(c.groupSize(), depth);
  TilePlace at(c.grid, firstTile);
  for (int64_t i = 0; i < count; ++i, at.advance(c.grid)) {
    if (c.where) {
      transformWindows(c, at, to + i * paddedChannels(depth), stride);
      continue;
    }
    transformPixels<SourceTransform>(findPatch(c, at), depth, to + i * paddedChannels(depth), stride);
  }
}

// Whether products take the place of the transforms that they are made of, which one panel reads before it is stored.
bool inPlace(const WinogradCorrelation& c) {
  return c.grid.producedC <= kPanel && paddedChannels(c.grid.producedC) <= paddedChannels(c.grid.sourceC);
}

// Floats from the products of one tile to those of the next.
int64_t productColumns(const WinogradCorrelation& c) {
  return paddedChannels(inPlace(c) ? c.grid.sourceC : HWY_MIN(kBlockColumns, c.grid.producedC));
}

// products[position, tile, column of the block] = source transforms x kernel transforms.
void multiplyGroup(const WinogradCorrelation& c, int64_t count, int64_t block, float* from, float* products) {
  const KeptPanels kernel = c.kernel();
  const int64_t tileFloats = productColumns(c), depth = c.grid.sourceC;
  const int64_t first = block * c.blockColumns(), end = HWY_MIN(first + c.blockColumns(), kernel.columns);
  GroupProduct p{};
  p.a = {from, paddedChannels(depth), 0, positionStride(c.groupSize(), depth)};
  p.length = depth;
  for (int64_t column = first; column < end; column += kWidestPanel) {
    const int64_t row = kernel.row(column);
    p.b = {c.transformed + kernel.at(0, column), row, kPanel, depth * row};
    p.c = {products + column - first, tileFloats, kPanel, positionStride(c.groupSize(), tileFloats)};
    multiplyPositions<false>(p, count, HWY_MIN(kWidestPanel, end - column));
  }
}

// The block's products of a group of tiles, transformed back and stored.
void storeGroup(const WinogradCorrelation& c, int64_t firstTile, int64_t count, int64_t block, const float* products,
                int64_t stride) {
  const int64_t column = block * c.blockColumns();
  const int64_t channels = HWY_MIN(c.blockColumns(), c.grid.producedC - column);
  const int64_t tileStride = productColumns(c);
  TilePlace at(c.grid, firstTile);
  for (int64_t i = 0; i < count; ++i, at.advance(c.grid)) {
    storeTile(c.epilogue, TilePixels(c, at, column), column, channels, products + i * tileStride, stride);
  }
}

// Part `part` of the columns of a group of tiles.
void correlateGroup(const WinogradCorrelation& c, int64_t group, int64_t part, float* region) {
  const int64_t first = group * c.groupSize();
  const int64_t count = HWY_MIN(c.groupSize(), c.grid.tiles() - first);
  const int64_t stride = positionStride(c.groupSize(), productColumns(c));
  float* products = inPlace(c) ? region : region + c.sourceFloats();
  transformSource(c, first, count, region);
  const int64_t end = partStart(c.blocks(), c.columnParts(), part + 1);
  for (int64_t block = partStart(c.blocks(), c.columnParts(), part); block < end; ++block) {
    multiplyGroup(c, count, block, region, products);
    storeGroup(c, first, count, block, products, stride);
  }
}

void winogradCorrelate(const WinogradCorrelation& c) {
  for (int64_t i = 0; i < c.zeroFloats(); ++i) c.zeros[i] = 0;
  if (c.w) transformKernel(c.kernel(), c.w, c.packed, c.transforms);
  ScratchSlots slots;
  const int64_t groups = c.groups(), parts = c.columnParts(), chunks = c.chunks();
  if (c.epilogue.moments) c.epilogue.moments->expect(kTileSide, c.grid.columns());
  const auto stored = [&](int64_t first) {
    if (c.epilogue.moments) c.epilogue.moments->stored(first, HWY_MIN(first + c.groupSize(), c.grid.tiles()));
  };
  parallelFor(chunks, [&](int64_t chunk) {
    const ScratchSlots::Slot slot(slots);
    float* region = c.regions + slot.index() * c.regionFloats();
    if (parts > 1) return correlateGroup(c, 0, chunk, region);
    for (int64_t i = partStart(groups, chunks, chunk); i < partStart(groups, chunks, chunk + 1); ++i) {
      correlateGroup(c, i, 0, region);
      stored(i * c.groupSize());
    }
  });
  if (parts > 1) stored(0);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(winogradCorrelate);
HWY_EXPORT(transformKernel);

WinogradCorrelation forwardOf(const ConvShape& s) {
  WinogradCorrelation c{};
  c.grid = {s.N, s.H, s.W, s.C, s.OH, s.OW, s.O, s.padTop, s.padLeft};
  c.ready = s.transformed;
  return c;
}

WinogradCorrelation backwardInputOf(const ConvShape& s) {
  WinogradCorrelation c{};
  c.grid = {s.N, s.OH, s.OW, s.O, s.H, s.W, s.C, 2 - s.padTop, 2 - s.padLeft};
  c.flipped = true;
  return c;
}

void run(WinogradCorrelation c, const Row& row) {
  c.produced = row.buffer<float>(0);
  c.source = row.buffer<float>(1);
  c.place(row.buffer<float>(3), row.buffer<float>(2));
  HWY_DYNAMIC_DISPATCH(winogradCorrelate)(c);
}

}  // namespace

void winogradForward(const ConvShape& s, const Row& row, const ConvEpilogue& epilogue) {
  WinogradCorrelation c = forwardOf(s);
  c.epilogue = epilogue;
  run(c, row);
}

void winogradBackwardInput(const ConvShape& s, const Row& row, const uint8_t* where, const ConvEpilogue& epilogue) {
  WinogradCorrelation c = backwardInputOf(s);
  c.where = where;
  c.epilogue = epilogue;
  run(c, row);
}

int64_t winogradForwardScratch(const ConvShape& s) { return 4 * forwardOf(s).scratchFloats(); }
int64_t winogradBackwardInputScratch(const ConvShape& s) { return 4 * backwardInputOf(s).scratchFloats(); }

// [transformed, kernel [3, 3, C, O]], args [C, O]
Status winogradKernelFast(const Row& row) {
  if (!accepts(row, 2, 2, 2)) return kBadRow;
  const KeptPanels kernel = transformedKernel(row.integer(0), row.integer(1));
  HWY_DYNAMIC_DISPATCH(transformKernel)(kernel, row.buffer<float>(1), nullptr, row.buffer<float>(0));
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
