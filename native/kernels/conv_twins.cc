// The float64 twins of the convolutions: the definition, one loop per index.
#include <cmath>

#include "kernels/conv.h"
#include "kernels/winograd.h"

namespace steepest {
namespace {

// Winograd's transform of three taps: column j of G times what follows, as winograd-inl.h has it.
double transformOf(int64_t position, const double (&taps)[3]) {
  const double s = std::sqrt(2.0);
  const double G[kPatchSide][3] = {
      {1, 0, 0}, {-2.0 / 3, -s / 3, -1.0 / 3}, {-2.0 / 3, s / 3, -1.0 / 3}, {1.0 / 6, s / 6, 1.0 / 3}, {1.0 / 6, -s / 6, 1.0 / 3},
      {0, 0, 1}};
  return G[position][0] * taps[0] + G[position][1] * taps[1] + G[position][2] * taps[2];
}

// The taps that transforms were made of: the first and the last stand there as they were.
double tapOf(int64_t tap, const double (&transforms)[kPatchSide]) {
  if (tap == 1) return (transforms[2] - transforms[1]) * 3 / (2 * std::sqrt(2.0));
  return transforms[tap == 0 ? 0 : kPatchSide - 1];
}

// Element i of a kernel that may be transformed.
double kernelAt(const ConvShape& s, const double* w, int64_t i) {
  if (!s.transformed) return w[i];
  const KeptPanels kernel = transformedKernel(s.C, s.O);
  const int64_t o = i % s.O, c = i / s.O % s.C, tap = i / s.O / s.C;
  double down[kPatchSide];
  for (int64_t column = 0; column < kPatchSide; ++column) {
    double transforms[kPatchSide];
    for (int64_t row = 0; row < kPatchSide; ++row)
      transforms[row] = w[kernel.at(row * kPatchSide + column, o) + c * kernel.row(o)];
    down[column] = tapOf(tap / 3, transforms);
  }
  return tapOf(tap % 3, down);
}

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

// Element i of dy, which lies at windows of 2x2 pixels side by side, spread over the pixels.
double spreadAt(const ConvShape& s, const double* dy, const uint8_t* where, int64_t i) {
  const int64_t o = i % s.O, w = i / s.O % s.OW, h = i / s.O / s.OW % s.OH, n = i / s.O / s.OW / s.OH;
  if (h / 2 >= s.OH / 2 || w / 2 >= s.OW / 2) return 0;
  const int64_t window = ((n * (s.OH / 2) + h / 2) * (s.OW / 2) + w / 2) * s.O + o;
  return where[window] == h % 2 * 2 + w % 2 ? dy[window] : 0;
}

}  // namespace

double convolutionAt(const ConvShape& s, const double* x, const double* w, int64_t y) {
  double sum = 0;
  visitTaps(s, y, [&](int64_t i, int64_t j) { sum += x[i] * kernelAt(s, w, j); });
  return sum;
}

void inputGradient(const ConvShape& s, const double* dy, const uint8_t* where, const double* w, double* dx) {
  clear(dx, s.N * s.H * s.W * s.C);
  visitProducts(s, [&](int64_t i, int64_t j, int64_t k) { dx[j] += (where ? spreadAt(s, dy, where, i) : dy[i]) * w[k]; });
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

// Buffers and arguments are those of winogradKernelFast.
Status winogradKernelTwin(const Row& row) {
  if (!accepts(row, 2, 2, 2)) return kBadRow;
  const KeptPanels kernel = transformedKernel(row.integer(0), row.integer(1));
  double* u = row.buffer<double>(0);
  const double* w = row.buffer<double>(1);
  const int64_t C = kernel.depth, O = kernel.columns;
  clear(u, kernel.floats());
  for (int64_t i = 0; i < kPositions * C * O; ++i) {
    const int64_t o = i % O, c = i / O % C, position = i / O / C;
    double down[3];
    for (int64_t j = 0; j < 3; ++j) {
      const auto tap = [&](int64_t h) { return w[((3 * h + j) * C + c) * O + o]; };
      down[j] = transformOf(position / kPatchSide, {tap(0), tap(1), tap(2)});
    }
    u[kernel.at(position, o) + c * kernel.row(o)] = transformOf(position % kPatchSide, down);
  }
  return {};
}

Status conv2dBackwardInputTwin(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return kBadRow;
  inputGradient(s, row.buffer<double>(1), nullptr, row.buffer<double>(2), row.buffer<double>(0));
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

// Buffers and arguments are those of conv2dBackwardKernelPooledFast; scratch may be missing.
Status conv2dBackwardKernelPooledTwin(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s) || row.bufferCount < 4) return kBadRow;
  double* dw = row.buffer<double>(0);
  const double* x = row.buffer<double>(1);
  const double* dy = row.buffer<double>(2);
  const uint8_t* where = row.buffer<uint8_t>(3);
  clear(dw, s.taps() * s.groupC() * s.O);
  visitProducts(s, [&](int64_t i, int64_t j, int64_t k) { dw[k] += x[j] * spreadAt(s, dy, where, i); });
  return {};
}

}  // namespace steepest
