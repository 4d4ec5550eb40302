// conv2dFused: a convolution and what stands behind it in one row, which programs put in place of several.
#include <algorithm>
#include <cmath>

#include "kernels/conv_epilogue.h"
#include "kernels/gemm.h"
#include "kernels/scalar_math.h"

namespace steepest {

namespace {

constexpr int64_t kFusedArguments = kConvArguments + 6;

enum class Pooling : int64_t { none = 0, maxima = 1, maximaAndTaps = 2 };

// A row taken apart: the convolution, and which of the buffers stands for what (-1: the row has none).
struct FusedRow {
  ConvShape shape;
  double arguments[kConvArguments];
  Pooling pooling;
  bool relu;
  ChannelPlan pixels;                                          // of y, if its statistics are asked for
  int64_t mean, where, x, w, bias, centre, residual, scratch;  // after mean: variance; after centre: factor, offset

  int64_t elements() const { return shape.N * shape.OH * shape.OW * shape.O; }
  bool pools() const { return pooling != Pooling::none; }
};

bool parseFused(const Row& row, FusedRow* f) {
  if (!accepts(row, row.bufferCount, kFusedArguments, kFusedArguments)) return false;
  std::copy_n(row.arguments, kConvArguments, f->arguments);
  if (!parseConv({row.buffers, f->arguments, row.bufferCount, kConvArguments}, row.bufferCount, &f->shape)) return false;
  const int64_t pooling = row.integer(kConvArguments + 4);
  f->pooling = static_cast<Pooling>(pooling);
  f->relu = row.flag(kConvArguments + 3);
  int64_t next = 1;
  const auto take = [&](bool present, int64_t buffers) {
    const int64_t first = present ? next : -1;
    if (present) next += buffers;
    return first;
  };
  f->mean = take(row.flag(kConvArguments + 5), 2);
  f->where = take(f->pooling == Pooling::maximaAndTaps, 1);
  f->x = take(true, 1);
  f->w = take(true, 1);
  f->bias = take(row.flag(kConvArguments), 1);
  f->centre = take(row.flag(kConvArguments + 1), 3);
  f->residual = take(row.flag(kConvArguments + 2), 1);
  f->scratch = next;
  const ConvShape& s = f->shape;
  if (f->mean >= 0 && (f->pools() || s.isPointwise() || !f->pixels.cut(s.N * s.OH * s.OW, s.O))) return false;
  return pooling <= 2 && (!f->pools() || (s.winograd && f->residual < 0));
}

template <typename T>
T* bufferOrNull(const Row& row, int64_t i) {
  return i < 0 ? nullptr : row.buffer<T>(i);
}

ConvEpilogue epilogueOf(const FusedRow& f, const Row& row) {
  ConvEpilogue e;
  e.bias = bufferOrNull<float>(row, f.bias);
  e.centre = bufferOrNull<float>(row, f.centre);
  e.factor = bufferOrNull<float>(row, f.centre < 0 ? -1 : f.centre + 1);
  e.offset = bufferOrNull<float>(row, f.centre < 0 ? -1 : f.centre + 2);
  e.residual = bufferOrNull<float>(row, f.residual);
  e.relu = f.relu;
  e.pooled = f.pools();
  e.where = bufferOrNull<uint8_t>(row, f.where);
  return e;
}

// Element i of the convolution after all steps but pooling.
double finishedAt(const FusedRow& f, const Row& row, int64_t i) {
  const int64_t channel = i % f.shape.O;
  double v = convolutionAt(f.shape, row.buffer<double>(f.x), row.buffer<double>(f.w), i);
  if (f.bias >= 0) v += row.buffer<double>(f.bias)[channel];
  if (f.centre >= 0) {
    const double* centre = row.buffer<double>(f.centre);
    v = (v - centre[channel]) * row.buffer<double>(f.centre + 1)[channel] + row.buffer<double>(f.centre + 2)[channel];
  }
  if (f.residual >= 0) v += row.buffer<double>(f.residual)[i];
  return f.relu ? scalar::maximum(v, 0.0) : v;
}

// Element i of the pooled result, and the tap where it was.
double maximumAt(const FusedRow& f, const Row& row, int64_t i, uint8_t* tap) {
  const ConvShape& s = f.shape;
  const int64_t pixel = i / s.O, w = pixel % (s.OW / 2), h = pixel / (s.OW / 2) % (s.OH / 2), n = pixel / (s.OW / 2) / (s.OH / 2);
  double best = 0;
  for (uint8_t t = 0; t < 4; ++t) {
    const double v = finishedAt(f, row, ((n * s.OH + 2 * h + t / 2) * s.OW + 2 * w + t % 2) * s.O + i % s.O);
    if (t > 0 && (std::isnan(best) || v <= best)) continue;
    best = v;
    *tap = t;
  }
  return best;
}

Status momentsTwin(const FusedRow& f, const Row& row) {
  void* buffers[] = {row.buffers[f.mean], row.buffers[f.mean + 1], row.buffers[0], nullptr};
  const double arguments[] = {static_cast<double>(f.pixels.rows), static_cast<double>(f.pixels.channels)};
  return channelMomentsTwin({buffers, arguments, 4, 2});
}

// Bytes of the convolution itself, whose scratch comes first.
int64_t convolutionScratch(const FusedRow& f, const Row& row) {
  return roundUp(convForwardScratch(f.shape, {row.buffers, f.arguments, 4, kConvArguments}), 64);
}

}  // namespace

// [y, mean and variance of its channels if they are asked for, where if taps are, x, w, and as the flags say bias; centre,
// factor, offset; residual; scratch]
// args [those of conv2d, bias, normalization, residual, relu: flags; pooling, for Winograd without residual: 0 none,
// 1 maxima, 2 maxima and taps; a flag for statistics, of an image that is not pooled nor a matrix product]
Status conv2dFusedFast(const Row& row) {
  FusedRow f;
  if (!parseFused(row, &f) || row.bufferCount != f.scratch + 1) return kBadRow;
  void* buffers[] = {row.buffers[0], row.buffers[f.x], row.buffers[f.w], row.buffers[f.scratch]};
  const Row convolution{buffers, f.arguments, 4, kConvArguments};
  ConvEpilogue epilogue = epilogueOf(f, row);
  if (f.mean < 0) return convForward(f.shape, convolution, epilogue);
  char* const scratch = row.buffer<char>(f.scratch) + convolutionScratch(f, row);
  StoredMoments moments(f.pixels, f.shape.OH, f.shape.OW, row.buffer<float>(0), scratch);
  epilogue.moments = &moments;
  const Status status = convForward(f.shape, convolution, epilogue);
  moments.combine(row.buffer<float>(f.mean), row.buffer<float>(f.mean + 1));
  return status;
}

int64_t conv2dFusedScratch(const Row& row) {
  FusedRow f;
  if (!parseFused(row, &f)) return 0;
  return convolutionScratch(f, row) + (f.mean < 0 ? 0 : StoredMoments::bytes(f.pixels));
}

// Buffers and arguments are those of conv2dFusedFast; scratch may be missing.
Status conv2dFusedTwin(const Row& row) {
  FusedRow f;
  if (!parseFused(row, &f) || row.bufferCount < f.scratch) return kBadRow;
  double* y = row.buffer<double>(0);
  const ConvShape& s = f.shape;
  if (!f.pools()) {
    for (int64_t i = 0; i < f.elements(); ++i) y[i] = finishedAt(f, row, i);
    return f.mean < 0 ? Status{} : momentsTwin(f, row);
  }
  for (int64_t i = 0; i < s.N * (s.OH / 2) * (s.OW / 2) * s.O; ++i) {
    uint8_t tap = 0;
    y[i] = maximumAt(f, row, i, &tap);
    if (f.where >= 0) row.buffer<uint8_t>(f.where)[i] = tap;
  }
  return {};
}

}  // namespace steepest
