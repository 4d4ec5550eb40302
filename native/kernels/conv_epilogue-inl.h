// The epilogue of convolutions for one instruction set: a vector of channels of one pixel at a time.
#include "hwy/highway.h"
#include "kernels/conv_epilogue.h"
#include "kernels/gemm-inl.h"

#if defined(STEEPEST_KERNELS_CONV_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_CONV_EPILOGUE_INL_H_
#undef STEEPEST_KERNELS_CONV_EPILOGUE_INL_H_
#else
#define STEEPEST_KERNELS_CONV_EPILOGUE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

HWY_INLINE GemmVector loadChannels(const float* from, int64_t lanes) {
  return lanes >= kLanes ? hn::LoadU(GemmTag(), from) : loadFirst(from, lanes);
}

// The epilogue for the channels [c, c + lanes). What is missing is an operand that changes no bit of any number.
struct ChannelEpilogue {
  GemmVector bias, centre, factor, offset;
  bool relu;

  HWY_INLINE ChannelEpilogue(const ConvEpilogue& e, int64_t c, int64_t lanes) : relu(e.relu) {
    const GemmTag d;
    bias = e.bias ? loadChannels(e.bias + c, lanes) : hn::Set(d, -0.0f);
    centre = e.centre ? loadChannels(e.centre + c, lanes) : hn::Zero(d);
    factor = e.centre ? loadChannels(e.factor + c, lanes) : hn::Set(d, 1.0f);
    offset = e.centre ? loadChannels(e.offset + c, lanes) : hn::Set(d, -0.0f);
  }
  // `residual` and `mask`: the same channels of the same pixel, null for none.
  HWY_INLINE GemmVector finish(GemmVector v, const float* residual, const float* mask, int64_t lanes) const {
    v = hn::MulAdd(hn::Sub(hn::Add(v, bias), centre), factor, offset);
    if (residual) v = hn::Add(v, loadChannels(residual, lanes));
    if (relu) v = reluOf(v);
    return mask ? hn::IfThenElseZero(hn::Gt(loadChannels(mask, lanes), hn::Zero(GemmTag())), v) : v;
  }
};

// y = epilogue(y) for pixels that are in the L1 cache, `first` floats from the beginning of y and `step` from one to the next:
// for `channels` channels from `channel` on. Not inlined into tiles, whose sums need all registers.
inline HWY_NOINLINE void finishRun(const ConvEpilogue& e, float* y, int64_t first, int64_t pixels, int64_t step, int64_t channel,
                                   int64_t channels) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t lanes = HWY_MIN(kLanes, channels - c);
    const ChannelEpilogue epilogue(e, channel + c, lanes);
    for (int64_t at = first + c; at < first + pixels * step; at += step) {
      const GemmVector v = epilogue.finish(loadChannels(y + at, lanes), e.residual ? e.residual + at : nullptr,
                                           e.mask ? e.mask + at : nullptr, lanes);
      storeColumns(v, y + at, lanes, false);
    }
  }
}

// The same for rows [first, first + rows) of `width` pixels, from the beginning of y, which then are as they stay.
HWY_INLINE void finishBand(const ConvEpilogue& e, float* y, int64_t first, int64_t rows, int64_t width, int64_t channels) {
  for (int64_t row = first; e.changesPixels() && row < first + rows; ++row)
    finishRun(e, y, row * width * channels, width, channels, 0, channels);
  if (e.moments) e.moments->stored(first, first + rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#endif  // STEEPEST_KERNELS_CONV_EPILOGUE_INL_H_
