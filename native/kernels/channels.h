// How the statistics of channels cut up x [rows, channels]; shared by the kernels and their scratch functions.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/arguments.h"

namespace steepest {

struct ChannelPlan {
  int64_t rows, channels;
  int64_t tileWidth, tiles;      // channels of a task
  int64_t rowsPerBlock, blocks;  // rows of a task

  // From [rows, channels]; false if malformed.
  bool read(const Row& row, int64_t buffers) { return accepts(row, buffers, 2, 2) && cut(row.integer(0), row.integer(1)); }

  bool cut(int64_t allRows, int64_t allChannels) {
    rows = allRows;
    channels = allChannels;
    if (rows == 0 && channels > 0) return false;
    tileWidth = std::clamp<int64_t>(channels, 1, 256);
    tiles = ceilDivide(channels, tileWidth);
    rowsPerBlock = std::max<int64_t>(64, kChunkElements / tileWidth);
    blocks = ceilDivide(rows, rowsPerBlock);
    return true;
  }

  int64_t tasks() const { return blocks * tiles; }
  int64_t partialBytes() const { return blocks * channels * 8; }  // two results per block and channel
  int64_t rowsOf(int64_t block) const { return std::min(rowsPerBlock, rows - block * rowsPerBlock); }
};

// The partial results of a block of rows of x, and what all of them make: channelMoments in its two steps.
void momentBlock(const ChannelPlan& plan, const float* x, int64_t block, float* partials);
void finishMoments(const ChannelPlan& plan, const float* x, const float* partials, float* mean, float* variance);
Status channelMomentsTwin(const Row& row);

}  // namespace steepest
