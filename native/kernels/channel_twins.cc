// The float64 twins of the statistics of channels: the definition, channel by channel.
#include "kernels/channels.h"

namespace steepest {

Status channelMomentsTwin(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 4)) return kBadRow;
  const double* const x = row.buffer<double>(2);
  for (int64_t c = 0; c < plan.channels; ++c) {
    double mean = 0, squares = 0;
    for (int64_t r = 0; r < plan.rows; ++r) mean += x[r * plan.channels + c] / static_cast<double>(plan.rows);
    for (int64_t r = 0; r < plan.rows; ++r) {
      const double difference = x[r * plan.channels + c] - mean;
      squares += difference * difference;
    }
    row.buffer<double>(0)[c] = mean;
    row.buffer<double>(1)[c] = squares / static_cast<double>(plan.rows);
  }
  return {};
}

Status channelGradientsTwin(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 7)) return kBadRow;
  for (int64_t c = 0; c < plan.channels; ++c) {
    double dGamma = 0, dBeta = 0;
    for (int64_t r = 0; r < plan.rows; ++r) {
      const double dy = row.buffer<double>(2)[r * plan.channels + c];
      dBeta += dy;
      dGamma += dy * (row.buffer<double>(3)[r * plan.channels + c] - row.buffer<double>(4)[c]) * row.buffer<double>(5)[c];
    }
    row.buffer<double>(0)[c] = dGamma;
    row.buffer<double>(1)[c] = dBeta;
  }
  return {};
}

}  // namespace steepest
