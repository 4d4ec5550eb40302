// The float64 twins of pooling: the definition, window by window.
#include <cmath>
#include <limits>

#include "kernels/pool2d.h"

namespace steepest {
namespace {

// Calls begin(y index) for every output, then visit(y index, x index, tap) for every input of its window inside the image.
template <typename Begin, typename Visit>
void visitWindows(const PoolShape& s, const Begin& begin, const Visit& visit) {
  for (int64_t y = 0; y < s.N * s.OH * s.OW * s.C; ++y) {
    const int64_t c = y % s.C, ow = y / s.C % s.OW, oh = y / s.C / s.OW % s.OH, n = y / s.C / s.OW / s.OH;
    begin(y);
    for (int64_t tap = 0; tap < s.KH * s.KW; ++tap) {
      const int64_t h = oh * s.strideH - s.padTop + tap / s.KW;
      const int64_t w = ow * s.strideW - s.padLeft + tap % s.KW;
      if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
      visit(y, ((n * s.H + h) * s.W + w) * s.C + c, tap);
    }
  }
}

void clear(double* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = 0;
}

}  // namespace

bool parsePool(const Row& row, int64_t buffers, PoolShape* shape) {
  if (!accepts(row, buffers, 12, 12)) return false;
  int64_t* const fields[] = {&shape->N,  &shape->H,  &shape->W,       &shape->C,       &shape->KH,     &shape->KW,
                             &shape->OH, &shape->OW, &shape->strideH, &shape->strideW, &shape->padTop, &shape->padLeft};
  for (int64_t i = 0; i < 12; ++i) *fields[i] = row.integer(i);
  return shape->strideH > 0 && shape->strideW > 0;
}

Status maxPool2dTwin(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  double* y = row.buffer<double>(0);
  uint8_t* where = row.buffer<uint8_t>(1);
  const double* x = row.buffer<double>(2);
  bool first = true;
  const auto begin = [&](int64_t i) {
    y[i] = -std::numeric_limits<double>::infinity();
    where[i] = 0;
    first = true;
  };
  visitWindows(s, begin, [&](int64_t i, int64_t j, int64_t tap) {
    if (first || x[j] > y[i] || (std::isnan(x[j]) && !std::isnan(y[i]))) {
      y[i] = x[j];
      where[i] = static_cast<uint8_t>(tap);
    }
    first = false;
  });
  return {};
}

Status maxPool2dBackwardTwin(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 3, &s) || !s.tapFitsByte()) return kBadRow;
  double* dx = row.buffer<double>(0);
  const double* dy = row.buffer<double>(1);
  const uint8_t* where = row.buffer<uint8_t>(2);
  clear(dx, s.N * s.H * s.W * s.C);
  visitWindows(
      s, [](int64_t) {},
      [&](int64_t i, int64_t j, int64_t tap) {
        if (where[i] == tap) dx[j] += dy[i];
      });
  return {};
}

Status averagePool2dTwin(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 2, &s)) return kBadRow;
  double* y = row.buffer<double>(0);
  const double* x = row.buffer<double>(1);
  int64_t count = 0;
  double sum = 0;
  const auto begin = [&](int64_t i) { y[i] = sum = 0, count = 0; };
  visitWindows(s, begin, [&](int64_t i, int64_t j, int64_t) {
    sum += x[j];
    y[i] = sum / static_cast<double>(++count);
  });
  return {};
}

Status averagePool2dBackwardTwin(const Row& row) {
  PoolShape s;
  if (!parsePool(row, 2, &s)) return kBadRow;
  double* dx = row.buffer<double>(0);
  const double* dy = row.buffer<double>(1);
  clear(dx, s.N * s.H * s.W * s.C);
  int64_t count = 0;
  const auto begin = [&](int64_t y) {
    const int64_t ow = y / s.C % s.OW, oh = y / s.C / s.OW % s.OH;
    count = 0;
    for (int64_t tap = 0; tap < s.KH * s.KW; ++tap) {
      const int64_t h = oh * s.strideH - s.padTop + tap / s.KW;
      const int64_t w = ow * s.strideW - s.padLeft + tap % s.KW;
      count += h >= 0 && h < s.H && w >= 0 && w < s.W;
    }
  };
  visitWindows(s, begin, [&](int64_t i, int64_t j, int64_t) { dx[j] += dy[i] / static_cast<double>(count); });
  return {};
}

}  // namespace steepest
