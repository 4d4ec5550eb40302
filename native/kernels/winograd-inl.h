// The transforms of Winograd's F(4x4, 3x3) and their adjoints for one instruction set: vectors run over channels.
//
// The points of the interpolation are 0, +-sqrt(1/2), +-sqrt(2) and infinity: their transforms have no coefficient above 2.83 and
// a third of the rounding error of those of 0, +-1, +-2 (whose coefficients reach 8). Points in pairs +-p share an even and an
// odd part. Matrices, for the 1-D transforms Bᵀ (source), G (kernel) and Aᵀ (product), s = sqrt(2):
//
//   Bᵀ = 1   0  -5/2    0  1  0    G =   1     0     0     Aᵀ = 1    1     1    1     1  0
//        0  -s    -2  s/2  1  0        -2/3  -s/3  -1/3         0  s/2  -s/2    s    -s  0
//        0   s    -2 -s/2  1  0        -2/3   s/3  -1/3         0  1/2   1/2    2     2  0
//        0 -s/2 -1/2    s  1  0         1/6   s/6   1/3         0  s/4  -s/4   2s   -2s  1
//        0  s/2 -1/2   -s  1  0         1/6  -s/6   1/3
//        0   1     0 -5/2  0  1          0     0     1
//
// A 2-D transform is the 1-D one down the columns, then along the rows, with a buffer of 24 to 36 vectors between where registers
// hold one column (AVX2), and some rows at a time in the 32 registers of AVX-512. Invariant: nothing outside the channels that a
// call names is read or written.
#include "hwy/highway.h"
#include "kernels/gemm-inl.h"
#include "kernels/winograd.h"

#if defined(STEEPEST_KERNELS_WINOGRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_WINOGRAD_INL_H_
#undef STEEPEST_KERNELS_WINOGRAD_INL_H_
#else
#define STEEPEST_KERNELS_WINOGRAD_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

constexpr float kRootTwo = 1.41421356237309504880f;
constexpr float kRootHalf = 0.70710678118654752440f;

HWY_INLINE GemmVector times(float factor, GemmVector v) { return hn::Mul(hn::Set(GemmTag(), factor), v); }
HWY_INLINE GemmVector addTimes(float factor, GemmVector v, GemmVector to) {
  return hn::MulAdd(hn::Set(GemmTag(), factor), v, to);
}

// Bᵀ: 6 -> 6.
struct SourceTransform {
  static constexpr int kIn = 6, kOut = 6;
  HWY_INLINE static void apply(const GemmVector* d, GemmVector* v) {
    const GemmVector even = addTimes(-2.0f, d[2], d[4]), odd = addTimes(-2.0f, d[1], d[3]);
    const GemmVector evenHalf = addTimes(-0.5f, d[2], d[4]), oddHalf = addTimes(-0.5f, d[1], d[3]);
    v[0] = addTimes(-2.5f, d[2], hn::Add(d[0], d[4]));
    v[1] = addTimes(kRootHalf, odd, even);
    v[2] = addTimes(-kRootHalf, odd, even);
    v[3] = addTimes(kRootTwo, oddHalf, evenHalf);
    v[4] = addTimes(-kRootTwo, oddHalf, evenHalf);
    v[5] = addTimes(-2.5f, d[3], hn::Add(d[1], d[5]));
  }
};

// G: 3 -> 6.
struct KernelTransform {
  static constexpr int kIn = 3, kOut = 6;
  HWY_INLINE static void apply(const GemmVector* g, GemmVector* u) {
    const GemmVector even = addTimes(-2.0f / 3, g[0], times(-1.0f / 3, g[2]));
    const GemmVector evenTwo = addTimes(1.0f / 6, g[0], times(1.0f / 3, g[2]));
    u[0] = g[0];
    u[1] = addTimes(-kRootTwo / 3, g[1], even);
    u[2] = addTimes(kRootTwo / 3, g[1], even);
    u[3] = addTimes(kRootTwo / 6, g[1], evenTwo);
    u[4] = addTimes(-kRootTwo / 6, g[1], evenTwo);
    u[5] = g[2];
  }
};

// Aᵀ: 6 -> 4.
struct ProductTransform {
  static constexpr int kIn = 6, kOut = 4;
  HWY_INLINE static void apply(const GemmVector* m, GemmVector* y) {
    const GemmVector even = hn::Add(m[1], m[2]), odd = hn::Sub(m[1], m[2]);
    const GemmVector evenTwo = hn::Add(m[3], m[4]), oddTwo = hn::Sub(m[3], m[4]);
    y[0] = hn::Add(hn::Add(m[0], even), evenTwo);
    y[1] = times(kRootHalf, addTimes(2.0f, oddTwo, odd));
    y[2] = addTimes(2.0f, evenTwo, times(0.5f, even));
    y[3] = addTimes(kRootHalf / 2, addTimes(8.0f, oddTwo, odd), m[5]);
  }
};

// A, the adjoint of Aᵀ: 4 -> 6.
struct ProductAdjoint {
  static constexpr int kIn = 4, kOut = 6;
  HWY_INLINE static void apply(const GemmVector* y, GemmVector* m) {
    const GemmVector even = addTimes(0.5f, y[2], y[0]), odd = addTimes(0.5f, y[3], y[1]);
    const GemmVector evenTwo = addTimes(2.0f, y[2], y[0]), oddTwo = addTimes(2.0f, y[3], y[1]);
    m[0] = y[0];
    m[1] = addTimes(kRootHalf, odd, even);
    m[2] = addTimes(-kRootHalf, odd, even);
    m[3] = addTimes(kRootTwo, oddTwo, evenTwo);
    m[4] = addTimes(-kRootTwo, oddTwo, evenTwo);
    m[5] = y[3];
  }
};

// Gᵀ, the adjoint of G: 6 -> 3.
struct KernelAdjoint {
  static constexpr int kIn = 6, kOut = 3;
  HWY_INLINE static void apply(const GemmVector* u, GemmVector* g) {
    const GemmVector even = hn::Add(u[1], u[2]), odd = hn::Sub(u[1], u[2]);
    const GemmVector evenTwo = hn::Add(u[3], u[4]), oddTwo = hn::Sub(u[3], u[4]);
    g[0] = addTimes(-2.0f / 3, even, addTimes(1.0f / 6, evenTwo, u[0]));
    g[1] = times(kRootTwo / 6, addTimes(-2.0f, odd, oddTwo));
    g[2] = addTimes(1.0f / 3, hn::Sub(evenTwo, even), u[5]);
  }
};

// The 2-D transform of one vector of channels: load(column, in) reads a column of the input, store(row, out) writes a row of the
// output.
#if HWY_TARGET <= HWY_AVX3
// Rows kFirst, kFirst + kStep, … of the output, from columns of the input that are read anew for them, so that all values between
// stay in registers. Which rows go together is chosen so that hardly anything is computed twice.
template <class Transform, int kFirst, int kStep, int kRows, class Load, class Store>
HWY_INLINE void transformSomeRows(const Load& load, const Store& store) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  GemmVector between[kRows][kIn];
#pragma GCC unroll 6
  for (int column = 0; column < kIn; ++column) {
    GemmVector in[kIn], out[kOut];
    load(column, in);
    Transform::apply(in, out);
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row) between[row][column] = out[kFirst + row * kStep];
  }
#pragma GCC unroll 6
  for (int row = 0; row < kRows; ++row) {
    GemmVector out[kOut];
    Transform::apply(between[row], out);
    store(kFirst + row * kStep, out);
  }
}

template <class Transform, class Load, class Store>
HWY_INLINE void transformSquare(const Load& load, const Store& store) {
  if constexpr (Transform::kOut == 4) {
    transformSomeRows<Transform, 0, 2, 2>(load, store);
    transformSomeRows<Transform, 1, 2, 2>(load, store);
  } else {
    transformSomeRows<Transform, 0, 1, 3>(load, store);
    if constexpr (Transform::kOut == 6) transformSomeRows<Transform, 3, 1, 3>(load, store);
  }
}
#else
// The outer loops stay loops: unrolled, their addresses alone would fill the registers.
template <class Transform, class Load, class Store>
HWY_INLINE void transformSquare(const Load& load, const Store& store) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  const GemmTag d;
  HWY_ALIGN float between[kOut * kIn * kLanes];
#pragma GCC unroll 1
  for (int column = 0; column < kIn; ++column) {
    GemmVector in[kIn], out[kOut];
    load(column, in);
    Transform::apply(in, out);
#pragma GCC unroll 6
    for (int row = 0; row < kOut; ++row) hn::Store(out[row], d, between + (row * kIn + column) * kLanes);
  }
#pragma GCC unroll 1
  for (int row = 0; row < kOut; ++row) {
    GemmVector in[kIn], out[kOut];
#pragma GCC unroll 6
    for (int column = 0; column < kIn; ++column) in[column] = hn::Load(d, between + (row * kIn + column) * kLanes);
    Transform::apply(in, out);
    store(row, out);
  }
}
#endif

// Which lanes of the columns of a square exist: those of a column outside the image are zeros. Where loads can be masked no
// column takes a branch.
template <int kSide>
struct ColumnLanes {
#if HWY_TARGET <= HWY_AVX3
  hn::Mask<GemmTag> masks[kSide];

  HWY_INLINE ColumnLanes(const PixelSquare<kSide>& square, int64_t lanes) {
    const uint32_t channels = lanes >= kLanes ? 0xFFFF : (1u << lanes) - 1;
    const uint32_t columns = ((1u << square.lastColumn) - 1) >> square.firstColumn << square.firstColumn;
#pragma GCC unroll 6
    for (int column = 0; column < kSide; ++column) {
      masks[column].raw = static_cast<__mmask16>(channels & (0 - (columns >> column & 1)));
    }
  }
  HWY_INLINE void load(const float* const* rows, int64_t at, int column, GemmVector* in) const {
#pragma GCC unroll 6
    for (int row = 0; row < kSide; ++row) in[row] = hn::MaskedLoad(masks[column], GemmTag(), rows[row] + at);
  }
#else
  int64_t lanes, firstColumn, lastColumn;

  HWY_INLINE ColumnLanes(const PixelSquare<kSide>& square, int64_t lanes)
      : lanes(lanes), firstColumn(square.firstColumn), lastColumn(square.lastColumn) {}
  HWY_INLINE void load(const float* const* rows, int64_t at, int column, GemmVector* in) const {
    const GemmTag d;
    const bool exists = column >= firstColumn && column < lastColumn;
#pragma GCC unroll 6
    for (int row = 0; row < kSide; ++row) {
      const float* from = rows[row] + at;
      in[row] = !exists ? hn::Zero(d) : lanes >= kLanes ? hn::LoadU(d, from) : loadFirst(from, lanes);
    }
  }
#endif
};

// The transform of one vector of channels; position p goes to to[p * stride].
template <class Transform, class Load>
HWY_INLINE void transformTo(const Load& load, float* to, int64_t stride) {
  const auto store = [&](int row, const GemmVector* out) HWY_ATTR {
    float* position = to + row * kPatchSide * stride;
    keepInRegister(position);
#pragma GCC unroll 6
    for (int column = 0; column < Transform::kOut; ++column) hn::StoreU(out[column], GemmTag(), position + column * stride);
  };
  transformSquare<Transform>(load, store);
}

// Transforms a square of pixels for channels [0, channels); position p goes to to[p * stride], padded to whole vectors.
template <class Transform>
HWY_NOINLINE void transformPixels(const PixelSquare<Transform::kIn>& square, int64_t channels, float* to, int64_t stride) {
  constexpr int kIn = Transform::kIn;
  const float* rows[kIn];
#pragma GCC unroll 6
  for (int row = 0; row < kIn; ++row) rows[row] = square.rows[row];
  for (int64_t c = 0; c < channels; c += kLanes) {
    const ColumnLanes<kIn> lanes(square, channels - c);
    const auto load = [&](int column, GemmVector* in) HWY_ATTR { lanes.load(rows, column * square.step + c, column, in); };
    transformTo<Transform>(load, to + c, stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_WINOGRAD_INL_H_
