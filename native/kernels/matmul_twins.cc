// The matrix products by definition, in float64: the oracle of the tests, and what float64 tensors run on.
#include <algorithm>
#include <cmath>

#include "kernels/arguments.h"
#include "kernels/matmul.h"
#include "kernels/scalar_math.h"

namespace steepest {
namespace {

double activated(double x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return scalar::maximum(x, 0.0);
    case Activation::sigmoid:
      return scalar::sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

int64_t placeInB(const MatMulShape& s, int64_t k, int64_t j) {
  const KeptPanels panels{1, s.K, s.N};
  return s.kept ? panels.at(0, j) + k * panels.row(j) : s.transposeB ? j * s.K + k : k * s.N + j;
}

}  // namespace

// Buffers and arguments are those of matmulFast; scratch may be missing.
Status matmulTwin(const Row& row) {
  if (!accepts(row, row.bufferCount, 8, 8) || row.bufferCount < 3) return kBadRow;
  const MatMulShape s = matmulShape(row);
  for (int64_t item = 0; item < s.batch; ++item) {
    double* c = row.buffer<double>(0) + item * s.M * s.N;
    const double* a = row.buffer<double>(1) + item * s.strideA;
    const double* b = row.buffer<double>(2) + item * s.strideB;
    for (int64_t i = 0; i < s.M; ++i) {
      for (int64_t j = 0; j < s.N; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < s.K; ++k) {
          sum += a[s.transposeA ? k * s.M + i : i * s.K + k] * b[placeInB(s, k, j)];
        }
        c[i * s.N + j] = sum;
      }
    }
  }
  return {};
}

// Those of matmulPanelsFast.
Status matmulPanelsTwin(const Row& row) {
  if (!accepts(row, 2, 2, 2)) return kBadRow;
  const KeptPanels panels{1, row.integer(0), row.integer(1)};
  double* to = row.buffer<double>(0);
  std::fill_n(to, panels.floats(), 0.0);
  for (int64_t i = 0; i < panels.depth * panels.columns; ++i) {
    const int64_t k = i / panels.columns, column = i % panels.columns;
    to[panels.at(0, column) + k * panels.row(column)] = row.buffer<double>(1)[i];
  }
  return {};
}

// Those of matmulFusedFast; scratch may be missing.
Status matmulFusedTwin(const Row& row) {
  if (!accepts(row, row.bufferCount, 9, 9) || row.bufferCount < 4 || row.integer(8) >= kActivations) return kBadRow;
  const Status status = matmulTwin(row);
  const MatMulShape s = matmulShape(row);
  double* c = row.buffer<double>(0);
  for (int64_t i = 0; i < s.batch * s.M * s.N; ++i) {
    c[i] = activated(c[i] + row.buffer<double>(3)[i % s.N], static_cast<Activation>(row.integer(8)));
  }
  return status;
}

}  // namespace steepest
