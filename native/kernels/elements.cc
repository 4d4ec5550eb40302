// One element per row, chosen by an int32 index: gatherElements, its gradient scatterElements, and oneHot.
//
// Invariant: every index is checked before the first write.
#include <cstdint>
#include <cstring>

#include "kernels/indices.h"

namespace steepest {

// [y, x, indices] args [rows, cols, elementSize]: y[r] = x[r, indices[r]]
Status gatherElementsFast(const Row& row) {
  if (!accepts(row, 3, 3, 3)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndices(indices, rows, cols);
  if (status.code != StatusCode::ok) return status;
  withSize(row.integer(2), [&](auto element) {
    using T = decltype(element);
    overRows(rows, 1, [&](int64_t r) { row.buffer<T>(0)[r] = row.buffer<const T>(1)[r * cols + indices[r]]; });
  });
  return {};
}

Status gatherElementsTwin(const Row& row) {
  if (!accepts(row, 3, 3, 3)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndicesNaive(indices, rows, cols);
  if (status.code != StatusCode::ok) return status;
  const bool known = withSize(row.integer(2), [&](auto element) {
    using T = decltype(element);
    for (int64_t r = 0; r < rows; ++r) row.buffer<T>(0)[r] = row.buffer<const T>(1)[r * cols + indices[r]];
  });
  return known ? Status{} : kBadRow;
}

// [dx, dy, indices] args [rows, cols, dtype]: dx[r, indices[r]] = dy[r], zero elsewhere
Status scatterElementsFast(const Row& row) {
  if (!accepts(row, 3, 3, 3) || !elementSize(row.integer(2))) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndices(indices, rows, cols);
  if (status.code != StatusCode::ok) return status;
  withType(row.integer(2), false, [&](auto element) {
    using T = decltype(element);
    overRows(rows, cols, [&](int64_t r) {
      T* const dx = row.buffer<T>(0) + r * cols;
      std::memset(dx, 0, static_cast<size_t>(cols) * sizeof(T));
      dx[indices[r]] = row.buffer<const T>(1)[r];
    });
  });
  return {};
}

Status scatterElementsTwin(const Row& row) {
  if (!accepts(row, 3, 3, 3)) return kBadRow;
  const int64_t rows = row.integer(0), cols = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(2);
  const Status status = checkIndicesNaive(indices, rows, cols);
  if (status.code != StatusCode::ok) return status;
  const bool known = withType(row.integer(2), true, [&](auto element) {
    using T = decltype(element);
    for (int64_t i = 0; i < rows * cols; ++i)
      row.buffer<T>(0)[i] = i % cols == indices[i / cols] ? row.buffer<const T>(1)[i / cols] : T{0};
  });
  return known ? Status{} : kBadRow;
}

// [dst, indices] args [count, depth, dtype]: dst[n, indices[n]] = 1, zero elsewhere
Status oneHotFast(const Row& row) {
  if (!accepts(row, 2, 3, 3) || !elementSize(row.integer(2))) return kBadRow;
  const int64_t count = row.integer(0), depth = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(1);
  const Status status = checkIndices(indices, count, depth);
  if (status.code != StatusCode::ok) return status;
  withType(row.integer(2), false, [&](auto element) {
    using T = decltype(element);
    overRows(count, depth, [&](int64_t n) {
      T* const dst = row.buffer<T>(0) + n * depth;
      std::memset(dst, 0, static_cast<size_t>(depth) * sizeof(T));
      dst[indices[n]] = 1;
    });
  });
  return {};
}

Status oneHotTwin(const Row& row) {
  if (!accepts(row, 2, 3, 3)) return kBadRow;
  const int64_t count = row.integer(0), depth = row.integer(1);
  const auto* const indices = row.buffer<const int32_t>(1);
  const Status status = checkIndicesNaive(indices, count, depth);
  if (status.code != StatusCode::ok) return status;
  const bool known = withType(row.integer(2), true, [&](auto element) {
    using T = decltype(element);
    for (int64_t i = 0; i < count * depth; ++i) row.buffer<T>(0)[i] = i % depth == indices[i / depth];
  });
  return known ? Status{} : kBadRow;
}

}  // namespace steepest
