// The register tiles of matmul for one instruction set: one block of rows of A times panels of B, and what happens in the store.
//
// Each sum runs over k in order and is rounded once per step, so a tile's bits do not depend on which tile computes them.
// Invariant: nothing is read or written outside the operands that BlockProduct names, whatever the width.
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/matmul.h"

#if defined(STEEPEST_KERNELS_MATMUL_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_MATMUL_TILE_INL_H_
#undef STEEPEST_KERNELS_MATMUL_TILE_INL_H_
#else
#define STEEPEST_KERNELS_MATMUL_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Whether a partial panel of B can be read where it lies: masked loads are an instruction there, a detour elsewhere.
constexpr bool kMaskedLoads = HWY_TARGET <= HWY_AVX2;
// From here on a tile lasts long enough for its rows of C to arrive in L1 before the store.
constexpr int64_t kPrefetchLength = 48;
// What is called into L1 kPanelAhead steps before its use. Rows of a B that is read where it lies are a whole row of B apart,
// where no prefetcher of the processor follows: without it the multipliers wait for L2 one cycle in ten to five. So are rows of a
// transposed A that is read where it lies, from 1 KiB on (an eighth for 512x64x2048; shorter ones win nothing). A B that is in L1
// is multiplied 2 to 4 % faster without it: loads compete with multiply-adds.
enum class Calls { none, panels, both };
constexpr int64_t kPanelAhead = 16;

// A rectangle of an operand that will be needed soon, in cache lines.
struct Ahead {
  static constexpr int64_t kLine = 16;  // floats

  const float* from = nullptr;
  int64_t stride = 0, rows = 0, lines = 0;
};

// Fetches up to two rectangles into L2, a few lines every kSteps of k while a block is multiplied: in one go they would fill the
// queue of outstanding misses, and left to the loads themselves a third of the time goes by waiting where operands come from L3
// or memory.
struct Fetch {
  static constexpr int64_t kSteps = 16;

  Ahead now, later;
  int64_t line = 0;
  int64_t atOnce = 0;

  Fetch(const Ahead& first, const Ahead& second, int64_t times) : now(first), later(second) {
    atOnce = ceilDivide(first.rows * first.lines + second.rows * second.lines, times);
  }

  HWY_INLINE void next() {
    for (int64_t i = 0; i < atOnce; ++i) {
      if (now.rows == 0) {
        now = later;
        later.rows = 0;
        if (now.rows == 0) return;
      }
      __builtin_prefetch(now.from + line * Ahead::kLine, 0, 2);
      if (++line < now.lines) continue;
      line = 0;
      now.from += now.stride;
      --now.rows;
    }
  }
};

// C[rows, width] (+)= A[rows, length] * B[length, width], B as panels of kPanel columns.
struct BlockProduct {
  const float* a = nullptr;
  int64_t rowStride = 0;     // from one row of A to the next; 1 if `rowsContiguous`
  int64_t columnStride = 1;  // from one k to the next
  bool rowsContiguous = false;
  const float* b = nullptr;
  int64_t bStride = 0;  // from one k to the next
  Calls calls = Calls::none;
  int64_t panelStep = 0;         // from one panel to the next
  const float* tailB = nullptr;  // the last, partial panel, if there is one
  int64_t tailStride = 0;
  float* c = nullptr;
  int64_t cStride = 0;
  int64_t width = 0;
  int64_t length = 0;
  bool accumulate = false;      // add to C rather than overwrite it
  const float* bias = nullptr;  // added to each row of the finished sums if not null
  bool relu = false;            // then max(0, ·)
  Fetch* fetch = nullptr;       // what to bring nearer meanwhile; null for nothing
};

// Adds `count` (up to kLanes) finished or partial sums to C, or stores them.
HWY_INLINE void storeSums(const BlockProduct& t, GemmVector v, float* c, GemmVector bias, int64_t count) {
  const GemmTag d;
  if (t.accumulate) v = hn::Add(count >= kLanes ? hn::LoadU(d, c) : loadFirst(c, count), v);
  if (t.bias) v = hn::Add(v, bias);
  if (t.relu) v = reluOf(v);
  count >= kLanes ? hn::StoreU(v, d, c) : storeFirst(v, c, count);
}

// One tile: MR rows by `width` columns, which fill NV vectors but perhaps the last. Full unrolling keeps the accumulators in
// registers; without it compilers put the array on the stack and lose half the rate.
template <int MR, int NV, bool kRowsContiguous, bool kFull, Calls kCalls>
HWY_INLINE void multiplyOneTile(const BlockProduct& t, const float* HWY_RESTRICT b, int64_t bStride, int64_t column,
                                int64_t width) {
  const GemmTag d;
  const int64_t last = width - (NV - 1) * kLanes;
  float* const c = t.c + column;
  if (t.length >= kPrefetchLength) {
    for (int i = 0; i < MR; ++i) {
      hwy::Prefetch(c + i * t.cStride);
      hwy::Prefetch(c + i * t.cStride + (NV - 1) * kLanes);
    }
  }
  GemmVector sums[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) sums[i][j] = hn::Zero(d);
  }
  RowPointers<MR, kRowsContiguous> a(t.a, t.rowStride);
  const int64_t aStep = kRowsContiguous ? t.columnStride : 1;
  const int64_t rowStep = t.rowStride;
  const auto mask = hn::FirstN(d, static_cast<size_t>(last));
  const int64_t steps = t.fetch ? Fetch::kSteps : t.length;
  for (int64_t left = t.length; left > 0; left -= steps) {
    if (t.fetch) t.fetch->next();
#pragma GCC unroll kStepsAtOnce
    for (int64_t k = HWY_MIN(left, steps); k > 0; --k, a.advance(aStep), b += bStride) {
#pragma GCC unroll 4
      for (int64_t j = 0; kCalls != Calls::none && j < NV * kLanes; j += Ahead::kLine) {
        __builtin_prefetch(b + kPanelAhead * bStride + j);
      }
      if (kCalls == Calls::both) __builtin_prefetch(a.first[0] + kPanelAhead * aStep);
      GemmVector columns[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) {
        columns[j] =
            kFull || !kMaskedLoads || j < NV - 1 ? hn::LoadU(d, b + j * kLanes) : hn::MaskedLoad(mask, d, b + j * kLanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const GemmVector x = hn::Set(d, a.element(i, rowStep));
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) sums[i][j] = hn::MulAdd(x, columns[j], sums[i][j]);
      }
    }
  }
  if (kFull && !t.accumulate && !t.bias && !t.relu) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) hn::StoreU(sums[i][j], d, c + i * t.cStride + j * kLanes);
    }
    return;
  }
  GemmVector bias[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    bias[j] = !t.bias               ? hn::Zero(d)
              : kFull || j < NV - 1 ? hn::LoadU(d, t.bias + column + j * kLanes)
                                    : loadFirst(t.bias + column + j * kLanes, last);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      storeSums(t, sums[i][j], c + i * t.cStride + j * kLanes, bias[j], kFull || j < NV - 1 ? kLanes : last);
    }
  }
}

// Every panel of one block of MR rows. A partial panel of up to one vector uses the one-vector tile.
template <int MR, bool kRowsContiguous, Calls kCalls>
HWY_NOINLINE void multiplyPanels(const BlockProduct& t) {
  const float* b = t.b;
  int64_t column = 0;
  for (; column + kPanel <= t.width; column += kPanel, b += t.panelStep) {
    multiplyOneTile<MR, 2, kRowsContiguous, true, kCalls>(t, b, t.bStride, column, kPanel);
  }
  const int64_t rest = t.width - column;
  if (rest > kLanes) {
    multiplyOneTile<MR, 2, kRowsContiguous, false, kCalls>(t, t.tailB, t.tailStride, column, rest);
  } else if (rest > 0) {
    multiplyOneTile<MR, 1, kRowsContiguous, false, kCalls>(t, t.tailB, t.tailStride, column, rest);
  }
}

using PanelsFunction = void (*)(const BlockProduct&);

template <bool kRowsContiguous, Calls kCalls, int... kRows>
HWY_INLINE PanelsFunction panelsFunction(int64_t rows, std::integer_sequence<int, kRows...>) {
  static constexpr PanelsFunction table[] = {multiplyPanels<kRows + 1, kRowsContiguous, kCalls>...};
  return table[rows - 1];
}

template <Calls kCalls>
HWY_INLINE void runCalling(const BlockProduct& t, int64_t rows) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  constexpr Calls kInRows = kCalls == Calls::both ? Calls::panels : kCalls;  // only a transposed A is called
  (t.rowsContiguous ? panelsFunction<true, kCalls>(rows, Rows()) : panelsFunction<false, kInRows>(rows, Rows()))(t);
}

// Runs `t` for a block of 1..kTileRows rows.
HWY_INLINE void runBlock(const BlockProduct& t, int64_t rows) {
  switch (t.calls) {
    case Calls::none:
      return runCalling<Calls::none>(t, rows);
    case Calls::panels:
      return runCalling<Calls::panels>(t, rows);
    case Calls::both:
      return runCalling<Calls::both>(t, rows);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_MATMUL_TILE_INL_H_
