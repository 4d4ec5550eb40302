// Statistics of channels, for batch normalization: mean and variance of every column of x [rows, channels], and the sums that the
// gradients need, each in one pass over its operands.
//
// Rows are cut into blocks from the shape alone; a block leaves two partial results per channel in scratch, which are combined in
// order, in double. Sums of x are taken about the block's first row, so a large mean costs no digits (Chan, Golub and LeVeque
// 1983). Invariant: a channel's result is the same fixed tree for any number of threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/channels.cc"

#include "kernels/channels.h"

#include <algorithm>
#include <cstdint>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Loads, and asks ahead for what comes later: the processor's own prefetching ends at every page.
HWY_INLINE V loadAhead(D d, const float* from) {
  __builtin_prefetch(from + 512);
  return hn::LoadU(d, from);
}

HWY_INLINE V loadColumns(D d, const float* from, int64_t count) {
  return count == static_cast<int64_t>(hn::Lanes(d)) ? loadAhead(d, from) : LoadTail(d, from, count);
}
HWY_INLINE void storeColumns(D d, V v, float* to, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, to);
  } else {
    StoreTail(v, d, to, count);
  }
}

// first[j] = sum of a(row) and second[j] = sum of b(row) over the rows of kVectors vectors of columns, where `terms` gives a and
// b of one vector. Rows are added up in turn, so that there are four vectors of each sum: additions take four cycles, and fewer
// would wait for them.
template <int kVectors, typename Terms>
HWY_INLINE void sumStrip(int64_t rows, int64_t last, float* first, float* second, const Terms& terms) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr int kTurns = 4 / kVectors;
  V sums[kTurns][2][kVectors];
  for (auto& turn : sums) {
    for (auto& sum : turn) {
      for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
    }
  }
  const auto addRow = [&](int64_t r, V(&to)[2][kVectors]) HWY_ATTR {
    for (int v = 0; v < kVectors; ++v) terms(r, v, to[0][v], to[1][v]);
  };
  int64_t r = 0;
  for (; r + kTurns <= rows; r += kTurns) {
#pragma GCC unroll 4
    for (int turn = 0; turn < kTurns; ++turn) addRow(r + turn, sums[turn]);
  }
  for (; r < rows; ++r) addRow(r, sums[0]);
  for (int v = 0; v < kVectors; ++v) {
    for (int which = 0; which < 2; ++which) {
      V sum = sums[0][which][v];
      if constexpr (kTurns > 1) sum = hn::Add(sum, sums[1][which][v]);
      if constexpr (kTurns > 2) sum = hn::Add(sum, hn::Add(sums[2][which][v], sums[3][which][v]));
      storeColumns(d, sum, (which == 0 ? first : second) + v * lanes, kVectors == 1 ? last : lanes);
    }
  }
}

// sum(x - x[0]) and sum((x - x[0])^2) of columns; a strip of one vector has `last` of them, others are whole.
template <int kVectors>
void momentStrip(const float* x, int64_t rows, int64_t stride, int64_t last, float* first, float* second) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](int64_t r, int v) HWY_ATTR {
    const float* const from = x + r * stride + v * lanes;
    return kVectors == 1 ? loadColumns(d, from, last) : loadAhead(d, from);
  };
  V centre[kVectors];
  for (int v = 0; v < kVectors; ++v) centre[v] = load(0, v);
  sumStrip<kVectors>(rows, last, first, second, [&](int64_t r, int v, V& sum, V& squares) HWY_ATTR {
    const V difference = hn::Sub(load(r, v), centre[v]);
    sum = hn::Add(sum, difference);
    squares = hn::MulAdd(difference, difference, squares);
  });
}

// sum(dy) and sum(dy (x - mean)) of columns.
template <int kVectors>
void gradientStrip(const float* dy, const float* x, const float* mean, int64_t rows, int64_t stride, int64_t last, float* first,
                   float* second) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](const float* from, int v) HWY_ATTR {
    return kVectors == 1 ? loadColumns(d, from + v * lanes, last) : loadAhead(d, from + v * lanes);
  };
  V centre[kVectors];
  for (int v = 0; v < kVectors; ++v) centre[v] = load(mean, v);
  sumStrip<kVectors>(rows, last, first, second, [&](int64_t r, int v, V& sum, V& products) HWY_ATTR {
    const V gradient = load(dy + r * stride, v);
    sum = hn::Add(sum, gradient);
    products = hn::MulAdd(gradient, hn::Sub(load(x + r * stride, v), centre[v]), products);
  });
}

// strip<vectors>(j, last) over `width` columns: four vectors at a time, so that a row is read as it lies, then two, then one.
template <typename Strip>
HWY_INLINE void overStrips(int64_t width, const Strip& strip) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t j = 0;
  for (; j + 4 * lanes <= width; j += 4 * lanes) strip.template operator()<4>(j, lanes);
  for (; j + 2 * lanes <= width; j += 2 * lanes) strip.template operator()<2>(j, lanes);
  for (; j < width; j += lanes) strip.template operator()<1>(j, std::min(lanes, width - j));
}

// A task of the plan: its rows and columns, and where its partial results lie.
struct ChannelTask {
  int64_t row, rows, column, width, at;

  ChannelTask(const ChannelPlan& plan, int64_t task) {
    const int64_t block = task / plan.tiles;
    row = block * plan.rowsPerBlock;
    rows = plan.rowsOf(block);
    column = task % plan.tiles * plan.tileWidth;
    width = std::min(plan.tileWidth, plan.channels - column);
    at = 2 * block * plan.channels + column;
  }
};

void momentTask(const ChannelPlan& plan, const float* x, int64_t number, float* partials) {
  const ChannelTask task(plan, number);
  const int64_t channels = plan.channels;
  const float* const source = x + task.row * channels + task.column;
  float *const first = partials + task.at, *const second = first + channels;
  overStrips(task.width, [&]<int kVectors>(int64_t j, int64_t last)
                             HWY_ATTR { momentStrip<kVectors>(source + j, task.rows, channels, last, first + j, second + j); });
}

void gradientTask(const ChannelPlan& plan, const float* dy, const float* x, const float* mean, int64_t number, float* partials) {
  const ChannelTask task(plan, number);
  const int64_t channels = plan.channels, from = task.row * channels + task.column;
  float *const first = partials + task.at, *const second = first + channels;
  overStrips(task.width, [&]<int kVectors>(int64_t j, int64_t last) HWY_ATTR {
    gradientStrip<kVectors>(dy + from + j, x + from + j, mean + task.column + j, task.rows, channels, last, first + j,
                            second + j);
  });
}

// Mean and variance of kCount channels from `first` on: side by side, since one by one each addition would wait for the one
// before.
template <int64_t kCount>
void combineMoments(const ChannelPlan& plan, const float* x, const float* partials, int64_t first, float* mean, float* variance) {
  const int64_t channels = plan.channels;
  const double rows = static_cast<double>(plan.rows);
  double means[kCount] = {}, squares[kCount] = {};
  for (int64_t b = 0; b < plan.blocks; ++b) {
    const float *const centre = x + b * plan.rowsPerBlock * channels + first, *const sum = partials + 2 * b * channels + first;
    const double size = static_cast<double>(plan.rowsOf(b));
    for (int64_t c = 0; c < kCount; ++c) means[c] += static_cast<double>(centre[c]) * size + static_cast<double>(sum[c]);
  }
  for (double& value : means) value /= rows;
  for (int64_t b = 0; b < plan.blocks; ++b) {  // sum (x - mean)^2 = sum (x - k)^2 + 2 (k - mean) sum (x - k) + n (k - mean)^2
    const float *const centre = x + b * plan.rowsPerBlock * channels + first, *const sum = partials + 2 * b * channels + first;
    const double size = static_cast<double>(plan.rowsOf(b));
    for (int64_t c = 0; c < kCount; ++c) {
      const double offset = static_cast<double>(centre[c]) - means[c];
      squares[c] += static_cast<double>(sum[channels + c]) + offset * (2 * static_cast<double>(sum[c]) + size * offset);
    }
  }
  for (int64_t c = 0; c < kCount; ++c) {
    mean[first + c] = static_cast<float>(means[c]);
    variance[first + c] = static_cast<float>(squares[c] < 0 ? 0 : squares[c] / rows);
  }
}

template <int64_t kCount>
void combineGradients(const ChannelPlan& plan, const float* partials, const float* rstd, int64_t first, float* dGamma,
                      float* dBeta) {
  const int64_t channels = plan.channels;
  double sums[kCount] = {}, products[kCount] = {};
  for (int64_t b = 0; b < plan.blocks; ++b) {
    const float* const sum = partials + 2 * b * channels + first;
    for (int64_t c = 0; c < kCount; ++c) {
      sums[c] += static_cast<double>(sum[c]);
      products[c] += static_cast<double>(sum[channels + c]);
    }
  }
  for (int64_t c = 0; c < kCount; ++c) {
    dGamma[first + c] = static_cast<float>(products[c] * static_cast<double>(rstd[first + c]));
    dBeta[first + c] = static_cast<float>(sums[c]);
  }
}

// combine<count>(first) for groups of channels.
template <typename Combine>
void overGroups(int64_t channels, const Combine& combine) {
  int64_t c = 0;
  for (; c + 16 <= channels; c += 16) combine.template operator()<16>(c);
  for (; c + 4 <= channels; c += 4) combine.template operator()<4>(c);
  for (; c < channels; ++c) combine.template operator()<1>(c);
}

void moments(const ChannelPlan& plan, const float* x, const float* partials, float* mean, float* variance) {
  overGroups(plan.channels,
             [&]<int64_t kCount>(int64_t first) { combineMoments<kCount>(plan, x, partials, first, mean, variance); });
}

void gradients(const ChannelPlan& plan, const float* dy, const float* x, const float* mean, const float* rstd, float* partials,
               float* dGamma, float* dBeta) {
  parallelFor(plan.tasks(), [&](int64_t task) { gradientTask(plan, dy, x, mean, task, partials); });
  overGroups(plan.channels,
             [&]<int64_t kCount>(int64_t first) { combineGradients<kCount>(plan, partials, rstd, first, dGamma, dBeta); });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(momentTask);
HWY_EXPORT(moments);
HWY_EXPORT(gradients);

}  // namespace

void momentBlock(const ChannelPlan& plan, const float* x, int64_t block, float* partials) {
  for (int64_t tile = 0; tile < plan.tiles; ++tile)
    HWY_DYNAMIC_DISPATCH(momentTask)(plan, x, block * plan.tiles + tile, partials);
}

void finishMoments(const ChannelPlan& plan, const float* x, const float* partials, float* mean, float* variance) {
  HWY_DYNAMIC_DISPATCH(moments)(plan, x, partials, mean, variance);
}

// [mean, variance, x, scratch] args [rows, channels]: mean and biased variance of each column; rows >= 1 unless there are no
// channels.
Status channelMomentsFast(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 4)) return kBadRow;
  const float* const x = row.buffer<float>(2);
  float* const partials = row.buffer<float>(3);
  parallelFor(plan.tasks(), [&](int64_t task) { HWY_DYNAMIC_DISPATCH(momentTask)(plan, x, task, partials); });
  finishMoments(plan, x, partials, row.buffer<float>(0), row.buffer<float>(1));
  return {};
}

// [dGamma, dBeta, dy, x, mean, rstd, scratch] args [rows, channels]: sum(dy (x - mean) rstd) and sum(dy) of each column.
Status channelGradientsFast(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 7)) return kBadRow;
  HWY_DYNAMIC_DISPATCH(gradients)
  (plan, row.buffer<float>(2), row.buffer<float>(3), row.buffer<float>(4), row.buffer<float>(5), row.buffer<float>(6),
   row.buffer<float>(0), row.buffer<float>(1));
  return {};
}

int64_t channelMomentsScratch(const Row& row) {
  ChannelPlan plan;
  return plan.read(row, 4) ? plan.partialBytes() : 0;
}

int64_t channelGradientsScratch(const Row& row) {
  ChannelPlan plan;
  return plan.read(row, 7) ? plan.partialBytes() : 0;
}

}  // namespace steepest
#endif  // HWY_ONCE
