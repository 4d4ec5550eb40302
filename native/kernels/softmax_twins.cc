// Twins of the softmax family: the textbook formulas in double precision, one row and one element at a time.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/arguments.h"
#include "kernels/indices.h"

namespace steepest {
namespace {

// A row's logarithms of probabilities: x - maximum - log(sum(e^(x - maximum))).
class LogProbabilities {
 public:
  LogProbabilities(const double* x, int64_t cols) : x_(x), maximum_(cols > 0 ? *std::max_element(x, x + cols) : 0) {
    double sum = 0;
    for (int64_t i = 0; i < cols; ++i) sum += std::exp(x[i] - maximum_);
    logSum_ = std::log(sum);
  }
  double operator[](int64_t i) const { return x_[i] - maximum_ - logSum_; }

 private:
  const double* x_;
  double maximum_, logSum_;
};

}  // namespace

Status softmaxTwin(const Row& row) {
  if (!accepts(row, 2, 3, 3)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  for (int64_t r = 0; r < rows; ++r) {
    const LogProbabilities logs(row.buffer<double>(1) + r * cols, cols);
    double* y = row.buffer<double>(0) + r * cols;
    for (int64_t i = 0; i < cols; ++i) y[i] = row.flag(2) ? logs[i] : std::exp(logs[i]);
  }
  return {};
}

Status softmaxBackwardTwin(const Row& row) {
  if (!accepts(row, 3, 3, 3)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  for (int64_t r = 0; r < rows; ++r) {
    const double* dy = row.buffer<double>(1) + r * cols;
    const double* y = row.buffer<double>(2) + r * cols;
    double* dx = row.buffer<double>(0) + r * cols;
    double sum = 0;
    for (int64_t i = 0; i < cols; ++i) sum += row.flag(2) ? dy[i] : dy[i] * y[i];
    for (int64_t i = 0; i < cols; ++i) dx[i] = row.flag(2) ? dy[i] - std::exp(y[i]) * sum : y[i] * (dy[i] - sum);
  }
  return {};
}

Status sparseCrossEntropyTwin(const Row& row) {
  if (!accepts(row, 3, 2, 2)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const int32_t* labels = row.buffer<int32_t>(2);
  const Status status = checkIndicesNaive(labels, rows, cols);
  if (status.code != StatusCode::ok) return status;
  for (int64_t r = 0; r < rows; ++r) {
    row.buffer<double>(0)[r] = -LogProbabilities(row.buffer<double>(1) + r * cols, cols)[labels[r]];
  }
  return {};
}

Status sparseCrossEntropyBackwardTwin(const Row& row) {
  if (!accepts(row, 4, 2, 2)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const int32_t* labels = row.buffer<int32_t>(2);
  const Status status = checkIndicesNaive(labels, rows, cols);
  if (status.code != StatusCode::ok) return status;
  for (int64_t r = 0; r < rows; ++r) {
    const LogProbabilities logs(row.buffer<double>(1) + r * cols, cols);
    double* dx = row.buffer<double>(0) + r * cols;
    const double dLoss = row.buffer<double>(3)[r];
    for (int64_t i = 0; i < cols; ++i) dx[i] = (std::exp(logs[i]) - (i == labels[r] ? 1 : 0)) * dLoss;
  }
  return {};
}

}  // namespace steepest
