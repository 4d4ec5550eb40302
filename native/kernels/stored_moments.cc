// Which pieces of an image each block of pixels waits for. Their numbers follow from the shape; who brings the last one does not
// matter.
#include "kernels/stored_moments.h"

#include <algorithm>
#include <memory>

namespace steepest {

StoredMoments::StoredMoments(const ChannelPlan& plan, int64_t H, int64_t W, const float* y, void* scratch)
    : plan_(plan),
      H_(H),
      W_(W),
      y_(y),
      partials_(static_cast<float*>(scratch)),
      blocks_(reinterpret_cast<Block*>(static_cast<char*>(scratch) + plan.partialBytes())) {}

int64_t StoredMoments::bytes(const ChannelPlan& plan) {
  return plan.partialBytes() + plan.blocks * static_cast<int64_t>(sizeof(Block));
}

int64_t StoredMoments::bandOf(int64_t pixel) const {
  const int64_t row = pixel / W_;
  return row / H_ * bands_ + row % H_ / height_;
}

void StoredMoments::expect(int64_t height, int64_t pieces) {
  height_ = height;
  bands_ = ceilDivide(H_, height);
  pieces_ = pieces;
  for (int64_t b = 0; b < plan_.blocks; ++b) {
    const int64_t pixel = b * plan_.rowsPerBlock;
    Block* const block = std::construct_at(blocks_ + b);
    block->first = bandOf(pixel) * pieces;
    block->last = (bandOf(pixel + plan_.rowsOf(b) - 1) + 1) * pieces;
    block->missing.store(block->last - block->first, std::memory_order_relaxed);
  }
}

void StoredMoments::stored(int64_t first, int64_t last) const {
  const int64_t band = first / pieces_;
  const int64_t pixel = (band / bands_ * H_ + band % bands_ * height_) * W_;
  for (int64_t b = pixel / plan_.rowsPerBlock; b < plan_.blocks && blocks_[b].first < last; ++b) {
    Block& block = blocks_[b];
    const int64_t count = std::min(last, block.last) - std::max(first, block.first);
    if (count > 0 && block.missing.fetch_sub(count, std::memory_order_acq_rel) == count) momentBlock(plan_, y_, b, partials_);
  }
}

}  // namespace steepest
