// What a reduction does to two numbers, and how a call is cut up. Shared by reduce, its twin and its scratch function.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/arguments.h"

namespace steepest {

constexpr int64_t kLeaf = 64;  // rows, or vectors of a row, between two levels of the tree
constexpr int64_t kWide = 64;  // narrower rows are taken several at a time, so that vectors are full

enum class Reduction { sum = 0, mean = 1, maximum = 2, minimum = 3, product = 4 };

// Integers wrap around; maximum and minimum propagate NaN.
template <Reduction K>
struct ReduceOp {
  static constexpr Reduction kind = K;

  template <typename T>
  static constexpr T identity() {
    using Limits = std::numeric_limits<T>;
    if constexpr (K == Reduction::sum)
      return 0;
    else if constexpr (K == Reduction::product)
      return 1;
    else if constexpr (K == Reduction::maximum)
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    else
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }

  template <typename T>
  static T apply(T a, T b) {
    if constexpr (K == Reduction::maximum)
      return b > a || isNan(b) ? b : a;
    else if constexpr (K == Reduction::minimum)
      return b < a || isNan(b) ? b : a;
    else if constexpr (std::is_integral_v<T>) {
      const auto u = static_cast<uint32_t>(a), v = static_cast<uint32_t>(b);
      return static_cast<T>(K == Reduction::sum ? u + v : u * v);
    } else {
      return K == Reduction::sum ? a + b : a * b;
    }
  }
};

// The partition of one call: tasks (outer, column tile, row block), from the shape alone.
struct ReducePlan {
  Reduction kind;
  bool mean;
  DType dtype;
  int64_t outer, reduce, inner;
  int64_t tileWidth, tiles;      // columns of the inner axis per task
  int64_t rowsPerBlock, blocks;  // rows of the reduced axis per task; several blocks leave partial results in scratch
  int64_t tasksPerChunk;

  // From [kind, outer, reduce, inner, dtype]; false if malformed.
  bool read(const Row& row) {
    if (!accepts(row, 3, 5, 5) || row.integer(0) > 4) return false;
    mean = row.integer(0) == 1;
    kind = mean ? Reduction::sum : static_cast<Reduction>(row.integer(0));
    outer = row.integer(1);
    reduce = row.integer(2);
    inner = row.integer(3);
    dtype = static_cast<DType>(row.integer(4));
    const bool integer = dtype == DType::int32;
    if ((!integer && dtype != DType::float32 && dtype != DType::float64) || (integer && mean)) return false;
    cut();
    return true;
  }

 private:
  void cut() {
    // Narrow rows cannot be tiled (they are read as one wide matrix), others are cut every 4 KiB.
    tileWidth = inner < 1024 ? std::max<int64_t>(1, inner) : 1024;
    tiles = ceilDivide(inner, tileWidth);
    rowsPerBlock = std::max<int64_t>(64, kChunkElements / tileWidth);
    // Enough tasks without cutting the reduced axis: cut it only where that keeps the tree flat.
    if (outer * tiles >= 64) rowsPerBlock = std::max<int64_t>(rowsPerBlock, 4096);
    blocks = std::max<int64_t>(1, ceilDivide(reduce, rowsPerBlock));
    const int64_t work = std::max<int64_t>(1, std::min(reduce, rowsPerBlock) * tileWidth);
    tasksPerChunk = std::max<int64_t>(1, kChunkElements / work);
  }
};

}  // namespace steepest
