// sumPooled: the sum of every channel of a gradient that max-pooling of 2x2 has not spread over the pixels yet, as the gradient
// of a bias needs it.
//
// Leaf by leaf of the tree that reduce makes, the gradient is spread into scratch that stays in the first-level cache, and summed
// there: in half the time of whole blocks, which take the second level. Invariant: the sum is that of the spread gradient,
// to the bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sum_pooled.cc"

#include <algorithm>
#include <cstdint>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/reduce-inl.h"
#include "kernels/reduce.h"
#include "kernels/scratch_slots.h"

#ifndef STEEPEST_KERNELS_SUM_POOLED_CC_
#define STEEPEST_KERNELS_SUM_POOLED_CC_
namespace steepest {

constexpr int64_t kPooledChunks = 32;  // also the number of leaves that scratch holds

struct PooledSum {
  int64_t N, H, W, C;  // of the pixels
  ReducePlan plan;
  const float* dy;
  const uint8_t* where;
  float* y;
  float* regions;   // one per running chunk: a leaf of pixels, its sums, and those of the block
  float* partials;  // [block][channel]

  // From [N, H, W, C]; false if malformed, or if reduce does not sum whole pixels side by side.
  bool read(const Row& row, int64_t buffers) {
    if (!accepts(row, buffers, 4, 4)) return false;
    N = row.integer(0), H = row.integer(1), W = row.integer(2), C = row.integer(3);
    const double words[] = {0, 1, static_cast<double>(N * H * W), static_cast<double>(C), 0};
    return plan.read({nullptr, words, 3, 5}) && plan.tiles <= 1 && C > 1;
  }
  int64_t chunks() const { return std::min(plan.blocks, kPooledChunks); }
  int64_t regionFloats() const { return (kLeaf + 2) * std::max(C, 2 * kWide); }
};

}  // namespace steepest
#endif  // STEEPEST_KERNELS_SUM_POOLED_CC_

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

using PooledTag = hn::ScalableTag<float>;
using PooledBytes = hn::Rebind<uint8_t, PooledTag>;

// Spreads windows that lie side by side over `count` pixels of one of their rows, the first of which is pixel `w` of it.
HWY_INLINE void spreadRow(const PooledSum& s, const float* dy, const uint8_t* where, bool lower, int64_t w, int64_t count,
                          float* to) {
  const PooledTag d;
  const hn::RebindToSigned<PooledTag> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), channels = s.C;
  const int firstTap = lower ? 2 : 0;
  const auto left = hn::Set(di, firstTap), right = hn::Set(di, firstTap + 1);
  const auto share = [&](auto taps, auto values, auto tap)
                         HWY_ATTR { return hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(taps, tap)), values); };
  // One window over its pixels of this row, or over the only one that is wanted.
  const auto spread = [&](bool wantsLeft, bool wantsRight) HWY_ATTR {
    float* const second = to + (wantsLeft ? channels : 0);
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      const auto taps = hn::PromoteTo(di, hn::LoadU(PooledBytes(), where + c));
      const auto values = hn::LoadU(d, dy + c);
      if (wantsLeft) hn::StoreU(share(taps, values, left), d, to + c);
      if (wantsRight) hn::StoreU(share(taps, values, right), d, second + c);
    }
    for (; c < channels; ++c) {
      if (wantsLeft) to[c] = where[c] == firstTap ? dy[c] : 0.0f;
      if (wantsRight) second[c] = where[c] == firstTap + 1 ? dy[c] : 0.0f;
    }
    dy += channels, where += channels;
    to = second + (wantsRight ? channels : 0);
  };
  dy += w / 2 * channels, where += w / 2 * channels;
  const int64_t odd = HWY_MIN(count, w & 1);
  if (odd == 1) spread(false, true);
  for (int64_t i = odd; i + 2 <= count; i += 2) spread(true, true);
  if (((count - odd) & 1) == 1) spread(true, false);
}

// The pixels [first, first + count).
void spreadPixels(const PooledSum& s, int64_t first, int64_t count, float* to) {
  const int64_t windowRows = s.H / 2, windowColumns = s.W / 2;
  for (int64_t i = 0; i < count;) {
    const int64_t w = (first + i) % s.W, row = (first + i) / s.W, h = row % s.H;
    const int64_t window = (row / s.H * windowRows + h / 2) * windowColumns * s.C, pixels = HWY_MIN(s.W - w, count - i);
    const int64_t inside = h / 2 < windowRows ? std::clamp<int64_t>(2 * windowColumns - w, 0, pixels) : 0;
    spreadRow(s, s.dy + window, s.where + window, h % 2 == 1, w, inside, to);
    std::fill_n(to + inside * s.C, (pixels - inside) * s.C, 0.0f);
    i += pixels;
    to += pixels * s.C;
  }
}

using Sum = ReduceOp<Reduction::sum>;

// y = the sum of the pixels [first, first + count), as reduceMatrix has it: a leaf of rows, which may be several pixels, at a
// time.
void sumPixels(const PooledSum& s, int64_t first, int64_t count, float* leaf, float* y) {
  const int64_t together = rowsTogether(s.C), width = together * s.C, rows = count / together;
  float *const sums = leaf + kLeaf * width, *const leafSums = sums + width;
  std::fill_n(sums, width, 0.0f);
  for (int64_t row = 0; row < rows; row += kLeaf) {
    const int64_t height = HWY_MIN(kLeaf, rows - row);
    spreadPixels(s, first + row * together, height * together, leaf);
    reduceColumns<Sum>(leaf, height, width, width, leafSums);
    for (int64_t i = 0; i < width; ++i) sums[i] += leafSums[i];
  }
  const int64_t rest = count - rows * together;
  spreadPixels(s, first + count - rest, rest, leaf);
  foldTogether<Sum>(leaf, rest, together, s.C, sums, y);
}

void sumPooled(const PooledSum& s) {
  const ReducePlan& plan = s.plan;
  ScratchSlots slots;
  const int64_t chunks = s.chunks();
  parallelFor(chunks, [&](int64_t chunk) HWY_ATTR {
    const ScratchSlots::Slot slot(slots);
    float* region = s.regions + slot.index() * s.regionFloats();
    for (int64_t block = plan.blocks * chunk / chunks; block < plan.blocks * (chunk + 1) / chunks; ++block) {
      const int64_t row = block * plan.rowsPerBlock, rows = HWY_MIN(plan.rowsPerBlock, plan.reduce - row);
      sumPixels(s, row, rows, region, plan.blocks > 1 ? s.partials + block * s.C : s.y);
    }
  });
  if (plan.blocks > 1) reduceMatrix<Sum>(s.partials, plan.blocks, s.C, 0, s.C, s.y);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(sumPooled);

}  // namespace

// [y, dy, where, scratch] args [N, H, W, C], 2 to 1024 channels. dy and where, bytes, are [N, H / 2, W / 2, C]: windows of 2x2
// pixels side by side, and which of its pixels, 0 to 3, has the value.
Status sumPooledFast(const Row& row) {
  PooledSum s;
  if (!s.read(row, 4)) return kBadRow;
  s.y = row.buffer<float>(0);
  s.dy = row.buffer<float>(1);
  s.where = row.buffer<uint8_t>(2);
  s.regions = row.buffer<float>(3);
  s.partials = s.regions + s.chunks() * s.regionFloats();
  HWY_DYNAMIC_DISPATCH(sumPooled)(s);
  return {};
}

int64_t sumPooledScratch(const Row& row) {
  PooledSum s;
  return s.read(row, row.bufferCount) ? 4 * (s.chunks() * s.regionFloats() + s.plan.blocks * s.C) : 0;
}

// Buffers and arguments are those of sumPooledFast; scratch may be missing.
Status sumPooledTwin(const Row& row) {
  PooledSum s;
  if (!s.read(row, row.bufferCount) || row.bufferCount < 3) return kBadRow;
  double* y = row.buffer<double>(0);
  const double* dy = row.buffer<double>(1);
  const uint8_t* where = row.buffer<uint8_t>(2);
  std::fill_n(y, s.C, 0.0);
  for (int64_t i = 0; i < s.N * (s.H / 2) * (s.W / 2) * s.C; ++i) y[i % s.C] += where[i] < 4 ? dy[i] : 0;
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
