// affineSample: each image of a batch sampled along an affine map of its pixel grid, bilinearly. Shifts, flips, rotations and
// zooms of augmentation are this kernel.
//
// Invariant: coordinates are computed in double in both versions, so fast and twin take the same four neighbours; a neighbour
// outside the image, or a coordinate that is not finite, counts as the fill value.
#include <cmath>
#include <cstdint>

#include "kernels/indices.h"

namespace steepest {
namespace {

struct Images {
  int64_t N, H, W, C;
  double fill;
};

bool readImages(const Row& row, Images* images) {
  if (!accepts(row, 3, 5, 4)) return false;
  *images = {row.integer(0), row.integer(1), row.integer(2), row.integer(3), row.number(4)};
  return true;
}

// The upper left of four neighbours and the weights of the lower and right ones.
struct Point {
  int64_t row, column;
  double down, right;
  bool anyInside;
};

Point locate(const Images& images, double row, double column) {
  // Also false for NaN: then no neighbour is inside.
  const bool near = row > -1 && row < static_cast<double>(images.H) && column > -1 && column < static_cast<double>(images.W);
  if (!near) return {0, 0, 0, 0, false};
  const double top = std::floor(row), left = std::floor(column);
  return {static_cast<int64_t>(top), static_cast<int64_t>(left), row - top, column - left, true};
}

// One output row: pixels (n, i, 0..W-1).
void sampleRow(const Images& images, const float* x, const float* m, int64_t i, float* y) {
  const int64_t H = images.H, W = images.W, C = images.C;
  const auto fill = static_cast<float>(images.fill);
  for (int64_t j = 0; j < W; ++j, y += C) {
    const double u = static_cast<double>(i), v = static_cast<double>(j);
    const Point p = locate(images, m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]);
    const bool top = p.anyInside && p.row >= 0, bottom = p.anyInside && p.row + 1 < H;
    const bool left = p.column >= 0, right = p.column + 1 < W;
    const auto down = static_cast<float>(p.down), across = static_cast<float>(p.right);
    const float* const corner = x + (p.row * W + p.column) * C;
    for (int64_t c = 0; c < C; ++c) {
      const float a = top && left ? corner[c] : fill, b = top && right ? corner[C + c] : fill;
      const float d = bottom && left ? corner[W * C + c] : fill, e = bottom && right ? corner[W * C + C + c] : fill;
      const float upper = a + (b - a) * across, lower = d + (e - d) * across;
      y[c] = upper + (lower - upper) * down;
    }
  }
}

}  // namespace

// [y, x, matrices [N,6]] args [N, H, W, C, fillValue]: y[n,i,j] = x[n] at (m0*i + m1*j + m2, m3*i + m4*j + m5)
Status affineSampleFast(const Row& row) {
  Images images;
  if (!readImages(row, &images)) return kBadRow;
  const int64_t image = images.H * images.W * images.C, line = images.W * images.C;
  overRows(images.N * images.H, line, [&](int64_t r) {
    const int64_t n = r / images.H, i = r % images.H;
    sampleRow(images, row.buffer<const float>(1) + n * image, row.buffer<const float>(2) + n * 6, i,
              row.buffer<float>(0) + r * line);
  });
  return {};
}

Status affineSampleTwin(const Row& row) {
  Images images;
  if (!readImages(row, &images)) return kBadRow;
  const int64_t N = images.N, H = images.H, W = images.W, C = images.C;
  const double fill = images.fill;
  const auto* const x = row.buffer<const double>(1);
  const auto pixel = [&](int64_t n, int64_t i, int64_t j, int64_t c) {
    return i < 0 || i >= H || j < 0 || j >= W ? fill : x[((n * H + i) * W + j) * C + c];
  };
  for (int64_t at = 0; at < N * H * W * C; ++at) {
    const int64_t c = at % C, j = at / C % W, i = at / C / W % H, n = at / C / W / H;
    const double* const m = row.buffer<const double>(2) + n * 6;
    const double u = static_cast<double>(i), v = static_cast<double>(j);
    const double y = m[0] * u + m[1] * v + m[2], z = m[3] * u + m[4] * v + m[5];
    double sum = fill;
    if (std::abs(y) < 1e15 && std::abs(z) < 1e15) {
      const auto top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(z));
      const double down = y - std::floor(y), right = z - std::floor(z);
      sum = (1 - down) * ((1 - right) * pixel(n, top, left, c) + right * pixel(n, top, left + 1, c)) +
            down * ((1 - right) * pixel(n, top + 1, left, c) + right * pixel(n, top + 1, left + 1, c));
    }
    row.buffer<double>(0)[at] = sum;
  }
  return {};
}

}  // namespace steepest
