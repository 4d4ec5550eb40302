// The float64 twins of the convolutions: the definition, one loop per index.
#include "kernels/conv.h"

namespace steepest {
namespace {

// Calls visit(x index, w index) for every product of the sum that is element y of the convolution.
template <typename F>
void visitTaps(const ConvShape& s, int64_t y, const F& visit) {
  const int64_t groupC = s.groupC(), o = y % s.O, pixel = y / s.O;
  const int64_t ow = pixel % s.OW, oh = pixel / s.OW % s.OH, n = pixel / s.OW / s.OH;
  for (int64_t kh = 0; kh < s.KH; ++kh) {
    for (int64_t kw = 0; kw < s.KW; ++kw) {
      const int64_t h = oh * s.strideH + kh * s.dilationH - s.padTop;
      const int64_t w = ow * s.strideW + kw * s.dilationW - s.padLeft;
      if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
      for (int64_t c = 0; c < groupC; ++c) {
        visit(((n * s.H + h) * s.W + w) * s.C + o / s.groupO() * groupC + c, ((kh * s.KW + kw) * groupC + c) * s.O + o);
      }
    }
  }
}

// Calls visit(y index, x index, w index) for every product y += x * w of the convolution.
template <typename F>
void visitProducts(const ConvShape& s, const F& visit) {
  for (int64_t y = 0; y < s.N * s.OH * s.OW * s.O; ++y) {
    visitTaps(s, y, [&](int64_t x, int64_t w) { visit(y, x, w); });
  }
}

void clear(double* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = 0;
}

}  // namespace

double convolutionAt(const ConvShape& s, const double* x, const double* w, int64_t y) {
  double sum = 0;
  visitTaps(s, y, [&](int64_t i, int64_t j) { sum += x[i] * w[j]; });
  return sum;
}

Status conv2dTwin(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return kBadRow;
  double* y = row.buffer<double>(0);
  const double* x = row.buffer<double>(1);
  const double* w = row.buffer<double>(2);
  for (int64_t i = 0; i < s.N * s.OH * s.OW * s.O; ++i) y[i] = convolutionAt(s, x, w, i);
  return {};
}

Status conv2dBackwardInputTwin(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return kBadRow;
  double* dx = row.buffer<double>(0);
  const double* dy = row.buffer<double>(1);
  const double* w = row.buffer<double>(2);
  clear(dx, s.N * s.H * s.W * s.C);
  visitProducts(s, [&](int64_t i, int64_t j, int64_t k) { dx[j] += dy[i] * w[k]; });
  return {};
}

Status conv2dBackwardKernelTwin(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return kBadRow;
  double* dw = row.buffer<double>(0);
  const double* x = row.buffer<double>(1);
  const double* dy = row.buffer<double>(2);
  clear(dw, s.taps() * s.groupC() * s.O);
  visitProducts(s, [&](int64_t i, int64_t j, int64_t k) { dw[k] += x[j] * dy[i]; });
  return {};
}

}  // namespace steepest
