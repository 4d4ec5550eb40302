// Reductions of the rows of a matrix for one instruction set, the leaves of the trees that reduce.h cuts calls into.
//
// Invariant: a column's result is the same fixed tree whatever the columns beside it.
#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/reduce.h"
#include "kernels/tail-inl.h"

#if defined(STEEPEST_KERNELS_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_REDUCE_INL_H_
#undef STEEPEST_KERNELS_REDUCE_INL_H_
#else
#define STEEPEST_KERNELS_REDUCE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Op, class D>
HWY_INLINE hn::Vec<D> combine(D, hn::Vec<D> acc, hn::Vec<D> v) {
  using T = hn::TFromD<D>;
  if constexpr (Op::kind == Reduction::sum)
    return hn::Add(acc, v);
  else if constexpr (Op::kind == Reduction::product)
    return hn::Mul(acc, v);
  else if constexpr (!hwy::IsFloat<T>())
    return Op::kind == Reduction::maximum ? hn::Max(acc, v) : hn::Min(acc, v);
  else
    return hn::IfThenElse(hn::Or(Op::kind == Reduction::maximum ? hn::Gt(v, acc) : hn::Lt(v, acc), hn::IsNaN(v)), v, acc);
}

// Halves the vector until one lane is left.
template <class Op, class D>
HWY_INLINE hn::TFromD<D> acrossLanes(D d, hn::Vec<D> v) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = Op::template apply<T>(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

// Folds as many vectors as each has lanes, out[i] = acrossLanes(v[i]): a level of that tree halves two vectors in one operation
// and leaves both halves in one vector, v[i] beside v[i + half], so that the last level leaves the results in order.
// For 16 lanes that is 15 combinations and 40 shuffles and blends instead of 16 chains of four levels through memory, which took
// three quarters of the time of rows of 64.
template <class Op, class D>
HWY_INLINE void acrossLanesTogether(D d, hn::Vec<D>* v, hn::TFromD<D>* out) {
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
  if constexpr (kLanes == 4 || kLanes == 8 || kLanes == 16) {
    if constexpr (kLanes == 16) {
      for (int i = 0; i < 8; ++i)
        v[i] = combine<Op>(d, hn::ConcatLowerLower(d, v[i + 8], v[i]), hn::ConcatUpperUpper(d, v[i + 8], v[i]));
    }
    if constexpr (kLanes >= 8) {
      for (int i = 0; i < 4; ++i) {
        const auto even = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(v[i + 4]), v[i]);
        const auto odd = hn::OddEvenBlocks(v[i + 4], hn::SwapAdjacentBlocks(v[i]));
        v[i] = combine<Op>(d, even, odd);
      }
    }
    const hn::RepartitionToWide<D> pairs;
    for (int i = 0; i < 2; ++i) {
      const auto a = hn::BitCast(pairs, v[i]), b = hn::BitCast(pairs, v[i + 2]);
      v[i] = combine<Op>(d, hn::BitCast(d, hn::InterleaveLower(pairs, a, b)), hn::BitCast(d, hn::InterleaveUpper(pairs, a, b)));
    }
    const auto even = hn::OddEven(hn::Shuffle2301(v[1]), v[0]), odd = hn::OddEven(v[1], hn::Shuffle2301(v[0]));
    hn::StoreU(combine<Op>(d, even, odd), d, out);
  } else {
    for (int i = 0; i < kLanes; ++i) out[i] = acrossLanes<Op>(d, v[i]);
  }
}

// kRows contiguous rows one after another but for their last levels, those across lanes. Together they share loops and branches:
// of 64 elements each, rows in fours take a third less time than one by one.
template <class Op, int kRows, class D, typename T>
HWY_INLINE void reduceRowsToVectors(D d, const T* x, int64_t count, hn::Vec<D>* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::template identity<T>());
  hn::Vec<D> total[kRows];
  for (int r = 0; r < kRows; ++r) total[r] = identity;
  int64_t i = 0;
  while (count - i >= 4 * lanes) {
    hn::Vec<D> acc[kRows][4];
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < 4; ++v) acc[r][v] = hn::LoadU(d, x + r * count + i + v * lanes);
    }
    const int64_t end = i + std::min(kLeaf, (count - i) / lanes & ~int64_t{3}) * lanes;
    for (i += 4 * lanes; i < end; i += 4 * lanes) {
      for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < 4; ++v) acc[r][v] = combine<Op>(d, acc[r][v], hn::LoadU(d, x + r * count + i + v * lanes));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const auto* const a = acc[r];
      total[r] = combine<Op>(d, total[r], combine<Op>(d, combine<Op>(d, a[0], a[1]), combine<Op>(d, a[2], a[3])));
    }
  }
  for (; count - i >= lanes; i += lanes) {
    for (int r = 0; r < kRows; ++r) total[r] = combine<Op>(d, total[r], hn::LoadU(d, x + r * count + i));
  }
  if (i < count) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(count - i));
    for (int r = 0; r < kRows; ++r) {
      const auto tail = hn::IfThenElse(mask, LoadTail(d, x + r * count + i, count - i), identity);
      total[r] = combine<Op>(d, total[r], tail);
    }
  }
  for (int r = 0; r < kRows; ++r) out[r] = total[r];
}

// Contiguous rows one after another: out[r] is the same, to the bit, whatever the rows beside it.
template <class Op, typename T>
void reduceRows(const T* x, int64_t rows, int64_t count, T* out) {
  if (count < 32) {  // neighbouring rows overlap in the processor; adding up lanes would cost more
    for (int64_t r = 0; r < rows; ++r) {
      T total = Op::template identity<T>();
      for (int64_t i = 0; i < count; ++i) total = Op::template apply<T>(total, x[r * count + i]);
      out[r] = total;
    }
    return;
  }
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  constexpr int64_t kShort = 512;                                   // elements of rows that are read together
  constexpr int kTogether = kLanes >= 16 ? 4 : kLanes > 1 ? 2 : 1;  // four accumulators each, of 32 or 16 registers
  int64_t r = 0;
  for (; r + kLanes <= rows; r += kLanes) {
    hn::Vec<decltype(d)> totals[kLanes];
    if (count <= kShort) {
      for (int64_t i = 0; i < kLanes; i += kTogether)
        reduceRowsToVectors<Op, kTogether>(d, x + (r + i) * count, count, totals + i);
    } else {
      for (int64_t i = 0; i < kLanes; ++i) reduceRowsToVectors<Op, 1>(d, x + (r + i) * count, count, totals + i);
    }
    acrossLanesTogether<Op>(d, totals, out + r);
  }
  for (; r < rows; ++r) {
    hn::Vec<decltype(d)> total[1];
    reduceRowsToVectors<Op, 1>(d, x + r * count, count, total);
    out[r] = acrossLanes<Op>(d, total[0]);
  }
}

// Four vectors' worth of columns (or one: kVectors), rows in leaves of kLeaf.
template <class Op, int kVectors, typename T>
HWY_INLINE void reduceStrip(const T* x, int64_t rows, int64_t stride, T* out) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::template identity<T>());
  hn::Vec<decltype(d)> total[kVectors];
  for (int v = 0; v < kVectors; ++v) total[v] = identity;
  for (int64_t first = 0; first < rows; first += kLeaf) {
    const int64_t last = std::min(first + kLeaf, rows);
    hn::Vec<decltype(d)> even[kVectors], odd[kVectors];
    for (int v = 0; v < kVectors; ++v) even[v] = odd[v] = identity;
    int64_t r = first;
    for (; r + 2 <= last; r += 2) {
      for (int v = 0; v < kVectors; ++v) {
        even[v] = combine<Op>(d, even[v], hn::LoadU(d, x + r * stride + v * lanes));
        odd[v] = combine<Op>(d, odd[v], hn::LoadU(d, x + (r + 1) * stride + v * lanes));
      }
    }
    if (r < last) {
      for (int v = 0; v < kVectors; ++v) even[v] = combine<Op>(d, even[v], hn::LoadU(d, x + r * stride + v * lanes));
    }
    for (int v = 0; v < kVectors; ++v) total[v] = combine<Op>(d, total[v], combine<Op>(d, even[v], odd[v]));
  }
  for (int v = 0; v < kVectors; ++v) hn::StoreU(total[v], d, out + v * lanes);
}

// out[j] = the reduction of column j of `rows` rows of `width` elements, `stride` apart.
template <class Op, typename T>
void reduceColumns(const T* x, int64_t rows, int64_t width, int64_t stride, T* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  int64_t j = 0;
  for (; j + 4 * lanes <= width; j += 4 * lanes) reduceStrip<Op, 4>(x + j, rows, stride, out + j);
  for (; j + lanes <= width; j += lanes) reduceStrip<Op, 1>(x + j, rows, stride, out + j);
  if (j < width && width >= lanes) {  // the last vector overlaps its neighbour: the shared columns come out the same
    reduceStrip<Op, 1>(x + width - lanes, rows, stride, out + width - lanes);
    return;
  }
  for (; j < width; ++j) {
    T total = Op::template identity<T>();
    for (int64_t r = 0; r < rows; ++r) total = Op::template apply<T>(total, x[r * stride + j]);
    out[j] = total;
  }
}

// Folds the columns of `together` rows side by side, to which the last `rows` rows at x are added first.
template <class Op, typename T>
void foldTogether(const T* x, int64_t rows, int64_t together, int64_t inner, T* sums, T* out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < inner; ++i) sums[i] = Op::template apply<T>(sums[i], x[r * inner + i]);
  }
  for (int64_t half = together; half > 1;) {
    const int64_t upper = half / 2, lower = half - upper;
    for (int64_t i = 0; i < upper * inner; ++i) sums[i] = Op::template apply<T>(sums[i], sums[lower * inner + i]);
    half = lower;
  }
  std::copy_n(sums, inner, out);
}

// Narrow contiguous rows: so many of them as are one row of a wider matrix.
HWY_INLINE int64_t rowsTogether(int64_t inner) { return inner < kWide ? ceilDivide(kWide, inner) : 1; }

template <class Op, typename T>
void reduceNarrow(const T* x, int64_t rows, int64_t inner, T* out) {
  const int64_t together = rowsTogether(inner), width = together * inner, wideRows = rows / together;
  T sums[2 * kWide];
  reduceColumns<Op>(x, wideRows, width, width, sums);
  foldTogether<Op>(x + wideRows * width, rows - wideRows * together, together, inner, sums, out);
}

// Columns first..first+width-1 of a [rows, inner] matrix.
template <class Op, typename T>
void reduceMatrix(const T* x, int64_t rows, int64_t inner, int64_t first, int64_t width, T* out) {
  if (inner == 1)
    reduceRows<Op>(x, 1, rows, out);
  else if (inner < kWide)
    reduceNarrow<Op>(x, rows, inner, out);
  else
    reduceColumns<Op>(x + first, rows, width, inner, out + first);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_REDUCE_INL_H_
