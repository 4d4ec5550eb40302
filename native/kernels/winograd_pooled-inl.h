// The gradient of a convolution that max-pooling of 2x2 stands behind, for one instruction set: read where it lies, one value per
// window, and spread over the pixels of a tile while they are loaded.
//
// Neighbouring rows of pixels share a row of windows, so whether the first one is odd is known at compilation: then what a window
// holds is loaded once. Invariant: pixels are those that maxPool2dBackward makes, so every transform has the same bits.
#include <string.h>

#include "hwy/highway.h"
#include "kernels/winograd-inl.h"

#if defined(STEEPEST_KERNELS_WINOGRAD_POOLED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_WINOGRAD_POOLED_INL_H_
#undef STEEPEST_KERNELS_WINOGRAD_POOLED_INL_H_
#else
#define STEEPEST_KERNELS_WINOGRAD_POOLED_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// Windows side by side over one image, H and W of them: their values, and which of its four pixels each belongs to. All other
// pixels are zeros, also those of a last odd row or column, which are in no window.
struct PooledImage {
  const float* values;
  const uint8_t* where;
  int64_t H, W, C;
};

// A square of pixels: where the windows lie that its rows and columns are in, and which of them exist.
template <int kSide, int kOddRow>
struct WindowSquare {
  static constexpr int kRows = (kSide + kOddRow + 1) / 2;  // of windows
  const float* values;
  const uint8_t* where;
  int64_t rows[kRows], columns[kSide];  // from the beginning of the image; those that do not exist lie at one that does
  uint32_t existingRows = 0, existingColumns = 0;
  bool oddColumn;

  // Whose first pixel is (h, w); h is odd if kOddRow is 1.
  HWY_INLINE WindowSquare(const PooledImage& image, int64_t h, int64_t w)
      : values(image.values), where(image.where), oddColumn((w & 1) != 0) {
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const int64_t row = (h >> 1) + i;
      existingRows |= static_cast<uint32_t>(row >= 0 && row < image.H) << i;
      rows[i] = std::clamp<int64_t>(row, 0, HWY_MAX(image.H - 1, int64_t{0})) * image.W * image.C;
    }
#pragma GCC unroll 6
    for (int j = 0; j < kSide; ++j) {
      const int64_t column = (w + j) >> 1;
      existingColumns |= static_cast<uint32_t>(column >= 0 && column < image.W) << j;
      columns[j] = std::clamp<int64_t>(column, 0, HWY_MAX(image.W - 1, int64_t{0})) * image.C;
    }
  }
  HWY_INLINE bool isWhole() const { return existingRows == (1u << kRows) - 1 && existingColumns == (1u << kSide) - 1; }
};

using WindowBytes = hn::Rebind<uint8_t, GemmTag>;

HWY_INLINE hn::Vec<WindowBytes> loadTaps(const uint8_t* from, int64_t lanes) {
  if (lanes >= kLanes) return hn::LoadU(WindowBytes(), from);
  HWY_ALIGN uint8_t taps[kLanes] = {};
  memcpy(taps, from, static_cast<size_t>(lanes));
  return hn::Load(WindowBytes(), taps);
}

// Loads columns of a square, one vector of channels. A whole square has all its pixels and all channels of the vector.
template <int kSide, int kOddRow, bool kWhole>
struct WindowLanes {
  using Square = WindowSquare<kSide, kOddRow>;
  const Square& square;
  const int64_t lanes;
#if HWY_TARGET <= HWY_AVX3
  // Bytes are compared as they are, and their mask is that of the floats.
  using Taps = WindowBytes;
  HWY_INLINE static hn::Vec<Taps> widen(hn::Vec<WindowBytes> taps) { return taps; }
#else
  using Taps = hn::RebindToSigned<GemmTag>;
  HWY_INLINE static hn::Vec<Taps> widen(hn::Vec<WindowBytes> taps) { return hn::PromoteTo(Taps(), taps); }
#endif
  hn::Vec<Taps> tapAt[2][2];  // of a pixel, by whether its row and column in the square are odd

  HWY_INLINE WindowLanes(const Square& square, int64_t lanes) : square(square), lanes(lanes) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const int tap = ((i / 2 + kOddRow) & 1) * 2 + ((i ^ static_cast<int>(square.oddColumn)) & 1);
      tapAt[i / 2][i % 2] = hn::Set(Taps(), static_cast<hn::TFromD<Taps>>(tap));
    }
  }

  HWY_INLINE GemmVector pixel(const float* from, hn::Vec<Taps> taps, hn::Vec<Taps> wanted) const {
    const GemmTag d;
    const auto match = hn::Eq(taps, wanted);
#if HWY_TARGET <= HWY_AVX3
    hn::Mask<GemmTag> mask;
    mask.raw = static_cast<__mmask16>(match.raw);
    if (!kWhole && lanes < kLanes) mask.raw = static_cast<__mmask16>(mask.raw & ((1u << lanes) - 1));
    return hn::MaskedLoad(mask, d, from);
#else
    return hn::IfThenElseZero(hn::RebindMask(d, match), !kWhole && lanes < kLanes ? loadFirst(from, lanes) : hn::LoadU(d, from));
#endif
  }

  HWY_INLINE void load(int64_t channel, int column, GemmVector* in) const {
    const GemmTag d;
    const bool exists = kWhole || (square.existingColumns >> column & 1) != 0;
#pragma GCC unroll 4
    for (int i = 0; i < Square::kRows; ++i) {
      const int64_t at = square.rows[i] + square.columns[column] + channel;
      const bool inside = kWhole || (exists && (square.existingRows >> i & 1) != 0);
      const auto taps = widen(inside ? loadTaps(square.where + at, kWhole ? kLanes : lanes) : hn::Zero(WindowBytes()));
#pragma GCC unroll 2
      for (int row = 2 * i - kOddRow; row < 2 * i - kOddRow + 2; ++row) {
        if (row < 0 || row >= kSide) continue;
        in[row] = inside ? pixel(square.values + at, taps, tapAt[row & 1][column & 1]) : hn::Zero(d);
      }
    }
  }
};

template <class Transform, int kOddRow, bool kWhole>
HWY_NOINLINE void transformSomeWindows(const WindowSquare<Transform::kIn, kOddRow>& square, int64_t firstChannel,
                                       int64_t channels, float* to, int64_t stride) {
  for (int64_t c = firstChannel; c < channels; c += kLanes) {
    const WindowLanes<Transform::kIn, kOddRow, kWhole> lanes(square, channels - c);
    const auto load = [&](int column, GemmVector* in) HWY_ATTR { lanes.load(c, column, in); };
    transformTo<Transform>(load, to + c, stride);
  }
}

template <class Transform, int kOddRow>
HWY_INLINE void transformWindowsFrom(const PooledImage& image, int64_t h, int64_t w, int64_t channels, float* to,
                                     int64_t stride) {
  const WindowSquare<Transform::kIn, kOddRow> square(image, h, w);
  const int64_t whole = square.isWhole() ? channels / kLanes * kLanes : 0;
  transformSomeWindows<Transform, kOddRow, true>(square, 0, whole, to, stride);
  transformSomeWindows<Transform, kOddRow, false>(square, whole, channels, to, stride);
}

// As transformPixels, of the square whose first pixel is (h, w).
template <class Transform>
HWY_INLINE void transformWindows(const PooledImage& image, int64_t h, int64_t w, int64_t channels, float* to, int64_t stride) {
  if ((h & 1) == 0) return transformWindowsFrom<Transform, 0>(image, h, w, channels, to, stride);
  // The tiles of what is produced begin at even pixels.
  if constexpr (Transform::kIn == kPatchSide) transformWindowsFrom<Transform, 1>(image, h, w, channels, to, stride);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_WINOGRAD_POOLED_INL_H_
