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
  bool read(const Row& row, int64_t buffers) {
    if (!accepts(row, buffers, 2, 2)) return false;
    rows = row.integer(0);
    channels = row.integer(1);
    if (rows == 0 && channels > 0) return false;
    tileWidth = std::clamp<int64_t>(channels, 1, 256);
    tiles = ceilDivide(channels, tileWidth);
    rowsPerBlock = std::max<int64_t>(64, kChunkElements / tileWidth);
    blocks = ceilDivide(rows, rowsPerBlock);
    return true;
  }

  int64_t rowsOf(int64_t block) const { return std::min(rowsPerBlock, rows - block * rowsPerBlock); }
};

}  // namespace steepest
