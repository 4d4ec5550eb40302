// Mean and variance of the channels of an image while it is stored: whoever stores the last pixels of a block of them sums the
// block up, while it is in cache.
//
// Invariant: the blocks and their sums are those of channelMoments, so the bits are the same whoever stores what, and when.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernels/channels.h"

namespace steepest {

class StoredMoments {
 public:
  // For y of the plan's rows and channels, images of H x W pixels.
  StoredMoments(const ChannelPlan& plan, int64_t H, int64_t W, const float* y, void* scratch);
  static int64_t bytes(const ChannelPlan& plan);

  // Before anything is stored: the images come in bands of `height` rows of pixels, and these in `pieces` pieces.
  void expect(int64_t height, int64_t pieces);
  // Pieces [first, last) are stored, in which pieces are counted through all bands of all images.
  void stored(int64_t first, int64_t last) const;
  // When everything is stored.
  void combine(float* mean, float* variance) const { finishMoments(plan_, y_, partials_, mean, variance); }

 private:
  struct Block {
    std::atomic<int64_t> missing;  // pieces
    int64_t first, last;           // the pieces [first, last) have pixels of it
  };
  int64_t bandOf(int64_t pixel) const;

  const ChannelPlan plan_;
  const int64_t H_, W_;
  const float* const y_;
  float* const partials_;
  Block* const blocks_;
  int64_t height_ = 1, bands_ = 1, pieces_ = 1;  // rows of a band, bands of an image, pieces of a band
};

}  // namespace steepest
