// What Winograd's forward pass and gradient to the input walk over: two tensors, a kernel, and their places in scratch.
//
// Invariant: groups of tiles and blocks of columns follow from the shape alone.
#pragma once

#include "kernels/conv_epilogue.h"
#include "kernels/winograd.h"

namespace steepest {

constexpr int64_t kFewestGroups = 4;   // of a small batch, to share out
constexpr int64_t kSharedGroup = 8;    // tiles: smaller groups are not worth a thread of their own
constexpr int64_t kPageFloats = 1024;  // loads wait for stores before them whose address differs by a multiple of so much
constexpr int64_t kBlockColumns = 64;  // of the produced tensor whose products are in scratch at a time

struct WinogradCorrelation {
  TileGrid grid;
  bool flipped;  // the gradient to the input
  bool ready;    // the kernel comes transformed
  const float* source;
  const uint8_t* where;  // beside the source, which lies at windows of 2x2 pixels: which of them has it; else null
  const float* w;        // null if the kernel comes transformed
  float* produced;
  ConvEpilogue epilogue;     // of what is produced
  float* packed;             // [panel][tap][depth][columns of a panel], if flipped, else null
  float* transforms;         // of the kernel
  const float* transformed;  // the same, or what came transformed
  float* zeros;              // a row of pixels of the source
  float* regions;            // one per running chunk: transforms of the source, then products

  // Whether the transforms of a group of few channels are to stay in the L1 cache.
  bool staysNear() const { return paddedChannels(std::max(grid.sourceC, grid.producedC)) == kLineFloats; }
  int64_t groupSize() const {
    if (staysNear()) return std::clamp<int64_t>(grid.tiles(), 1, kSmallestGroup);
    const int64_t columns = std::min(kBlockColumns, paddedChannels(grid.producedC));
    const int64_t share = std::max(kSharedGroup, ceilDivide(grid.tiles(), kFewestGroups));
    return std::min(share, groupTiles(paddedChannels(grid.sourceC) + columns, grid.tiles()));
  }
  int64_t groups() const { return ceilDivide(grid.tiles(), groupSize()); }
  // Parts of the columns that a group which is the only one is shared out by: reading the kernel's transforms is most of its
  // work.
  int64_t columnParts() const { return groups() == 1 ? std::clamp<int64_t>(grid.producedC / kWidestPanel, 1, kFewestGroups) : 1; }
  int64_t blockColumns() const { return columnParts() > 1 ? kWidestPanel : kBlockColumns; }
  int64_t blocks() const { return ceilDivide(grid.producedC, blockColumns()); }
  int64_t chunks() const { return columnParts() * std::min(groups(), kWinogradChunks); }
  int64_t sourceFloats() const { return transformFloats(groupSize(), grid.sourceC); }
  int64_t regionFloats() const {
    return roundUp(sourceFloats() + transformFloats(groupSize(), std::min(kBlockColumns, grid.producedC)), kPageFloats);
  }
  KeptPanels kernel() const { return transformedKernel(grid.sourceC, grid.producedC); }
  int64_t packedFloats() const { return flipped ? kPatchTaps * grid.sourceC * roundUp(grid.producedC, kWidestPanel) : 0; }
  int64_t zeroFloats() const { return kPatchSide * paddedChannels(grid.sourceC); }
  int64_t transformedFloats() const { return ready ? 0 : kernel().floats(); }
  int64_t scratchFloats() const {
    return packedFloats() + transformedFloats() + zeroFloats() + chunks() * regionFloats() + kPageFloats;
  }
  void place(float* scratch, const float* kernel) {
    w = ready ? nullptr : kernel;
    packed = flipped ? scratch : nullptr;
    transforms = scratch + packedFloats();
    transformed = ready ? kernel : transforms;
    zeros = transforms + transformedFloats();
    regions = zeros + zeroFloats();
    const int64_t distance = (reinterpret_cast<intptr_t>(regions) - reinterpret_cast<intptr_t>(transformed)) / 4;
    regions += (kPageFloats / 2 - distance) & (kPageFloats - 1);
  }
};

}  // namespace steepest
