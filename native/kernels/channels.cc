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

HWY_INLINE V loadColumns(D d, const float* from, int64_t count) {
  return count == static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, from) : LoadTail(d, from, count);
}
HWY_INLINE void storeColumns(D d, V v, float* to, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, to);
  } else {
    StoreTail(v, d, to, count);
  }
}

// first[j] = sum of a(row) and second[j] = sum of b(row) over the rows of kVectors vectors of columns, where `terms` gives a and
// b of one vector. Even and odd rows are added up apart: additions take four cycles, and two vectors alone would wait for them.
template <int kVectors, typename Terms>
HWY_INLINE void sumStrip(int64_t rows, int64_t last, float* first, float* second, const Terms& terms) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[2][2][kVectors];
  for (auto& parity : sums) {
    for (auto& sum : parity) {
      for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
    }
  }
  const auto addRow = [&](int64_t r, V(&to)[2][kVectors]) HWY_ATTR {
    for (int v = 0; v < kVectors; ++v) terms(r, v, to[0][v], to[1][v]);
  };
  int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    addRow(r, sums[0]);
    addRow(r + 1, sums[1]);
  }
  if (r < rows) addRow(r, sums[0]);
  for (int v = 0; v < kVectors; ++v) {
    const int64_t count = v + 1 == kVectors ? last : lanes;
    storeColumns(d, hn::Add(sums[0][0][v], sums[1][0][v]), first + v * lanes, count);
    storeColumns(d, hn::Add(sums[0][1][v], sums[1][1][v]), second + v * lanes, count);
  }
}

// sum(x - x[0]) and sum((x - x[0])^2) of columns; the last vector has `last` of them.
template <int kVectors>
void momentStrip(const float* x, int64_t rows, int64_t stride, int64_t last, float* first, float* second) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](int64_t r, int v) HWY_ATTR {
    return v + 1 == kVectors ? loadColumns(d, x + r * stride + v * lanes, last) : hn::LoadU(d, x + r * stride + v * lanes);
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
    return v + 1 == kVectors ? loadColumns(d, from + v * lanes, last) : hn::LoadU(d, from + v * lanes);
  };
  V centre[kVectors];
  for (int v = 0; v < kVectors; ++v) centre[v] = load(mean, v);
  sumStrip<kVectors>(rows, last, first, second, [&](int64_t r, int v, V& sum, V& products) HWY_ATTR {
    const V gradient = load(dy + r * stride, v);
    sum = hn::Add(sum, gradient);
    products = hn::MulAdd(gradient, hn::Sub(load(x + r * stride, v), centre[v]), products);
  });
}

// strip2(j, last) or strip1(j, last) over `width` columns: two vectors at a time, a cache line with AVX2.
template <typename Strip2, typename Strip1>
HWY_INLINE void overStrips(int64_t width, const Strip2& strip2, const Strip1& strip1) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t j = 0;
  for (; j + 2 * lanes <= width; j += 2 * lanes) strip2(j, lanes);
  for (; j < width; j += lanes) strip1(j, std::min(lanes, width - j));
}

// Calls body(row, rows, column, width, index of the partial results) for every task of the plan.
template <typename F>
void overBlocks(const ChannelPlan& plan, const F& body) {
  parallelFor(plan.blocks * plan.tiles, [&](int64_t task) HWY_ATTR {
    const int64_t block = task / plan.tiles, column = task % plan.tiles * plan.tileWidth, row = block * plan.rowsPerBlock;
    body(row, plan.rowsOf(block), column, std::min(plan.tileWidth, plan.channels - column), 2 * block * plan.channels + column);
  });
}

void momentBlocks(const ChannelPlan& plan, const float* x, float* partials) {
  const int64_t channels = plan.channels;
  overBlocks(plan, [&](int64_t row, int64_t rows, int64_t column, int64_t width, int64_t at) HWY_ATTR {
    const float* const source = x + row * channels + column;
    float *const first = partials + at, *const second = first + channels;
    overStrips(
        width, [&](int64_t j, int64_t last) HWY_ATTR { momentStrip<2>(source + j, rows, channels, last, first + j, second + j); },
        [&](int64_t j, int64_t last) HWY_ATTR { momentStrip<1>(source + j, rows, channels, last, first + j, second + j); });
  });
}

void gradientBlocks(const ChannelPlan& plan, const float* dy, const float* x, const float* mean, float* partials) {
  const int64_t channels = plan.channels;
  overBlocks(plan, [&](int64_t row, int64_t rows, int64_t column, int64_t width, int64_t at) HWY_ATTR {
    const float *const g = dy + row * channels + column, *const source = x + row * channels + column;
    float *const first = partials + at, *const second = first + channels;
    overStrips(
        width,
        [&](int64_t j, int64_t last)
            HWY_ATTR { gradientStrip<2>(g + j, source + j, mean + column + j, rows, channels, last, first + j, second + j); },
        [&](int64_t j, int64_t last)
            HWY_ATTR { gradientStrip<1>(g + j, source + j, mean + column + j, rows, channels, last, first + j, second + j); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(momentBlocks);
HWY_EXPORT(gradientBlocks);

}  // namespace

// [mean, variance, x, scratch] args [rows, channels]: mean and biased variance of each column; rows >= 1 unless there are no
// channels.
Status channelMomentsFast(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 4)) return kBadRow;
  const float* const x = row.buffer<float>(2);
  float* const partials = row.buffer<float>(3);
  HWY_DYNAMIC_DISPATCH(momentBlocks)(plan, x, partials);
  const int64_t channels = plan.channels;
  const double rows = static_cast<double>(plan.rows);
  for (int64_t c = 0; c < channels; ++c) {
    double mean = 0, squares = 0;
    const auto sumOf = [&](int64_t block) { return static_cast<double>(partials[2 * block * channels + c]); };
    const auto centreOf = [&](int64_t block) { return static_cast<double>(x[block * plan.rowsPerBlock * channels + c]); };
    for (int64_t b = 0; b < plan.blocks; ++b) mean += centreOf(b) * static_cast<double>(plan.rowsOf(b)) + sumOf(b);
    mean /= rows;
    for (int64_t b = 0; b < plan.blocks; ++b) {  // sum (x - mean)^2 = sum (x - k)^2 + 2 (k - mean) sum (x - k) + n (k - mean)^2
      const double offset = centreOf(b) - mean;
      squares += static_cast<double>(partials[(2 * b + 1) * channels + c]) +
                 offset * (2 * sumOf(b) + static_cast<double>(plan.rowsOf(b)) * offset);
    }
    row.buffer<float>(0)[c] = static_cast<float>(mean);
    row.buffer<float>(1)[c] = static_cast<float>(squares < 0 ? 0 : squares / rows);
  }
  return {};
}

// [dGamma, dBeta, dy, x, mean, rstd, scratch] args [rows, channels]: sum(dy (x - mean) rstd) and sum(dy) of each column.
Status channelGradientsFast(const Row& row) {
  ChannelPlan plan;
  if (!plan.read(row, 7)) return kBadRow;
  float* const partials = row.buffer<float>(6);
  HWY_DYNAMIC_DISPATCH(gradientBlocks)(plan, row.buffer<float>(2), row.buffer<float>(3), row.buffer<float>(4), partials);
  for (int64_t c = 0; c < plan.channels; ++c) {
    double sum = 0, products = 0;
    for (int64_t b = 0; b < plan.blocks; ++b) {
      sum += static_cast<double>(partials[2 * b * plan.channels + c]);
      products += static_cast<double>(partials[(2 * b + 1) * plan.channels + c]);
    }
    row.buffer<float>(0)[c] = static_cast<float>(products * static_cast<double>(row.buffer<float>(5)[c]));
    row.buffer<float>(1)[c] = static_cast<float>(sum);
  }
  return {};
}

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

// Two partial results per block and channel.
int64_t channelMomentsScratch(const Row& row) {
  ChannelPlan plan;
  return plan.read(row, 4) ? plan.blocks * plan.channels * 8 : 0;
}

int64_t channelGradientsScratch(const Row& row) {
  ChannelPlan plan;
  return plan.read(row, 7) ? plan.blocks * plan.channels * 8 : 0;
}

}  // namespace steepest
#endif  // HWY_ONCE
