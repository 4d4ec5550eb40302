// The geometry of a 2-D convolution over NHWC images with HWIO kernels, and the cut of its axes into runs without borders.
//
// Along one axis, a run is a set of equally spaced positions of the produced tensor that all read the same taps of the kernel,
// so that every address is affine and no border is ever tested in an inner loop; padding is never materialised. The forward pass
// and the gradient to the input are the same walk with different runs: the gradient reads dy with the taps flipped.
#pragma once

#include <cstdint>

#include "kernel.h"
#include "kernels/arguments.h"

namespace steepest {

struct ConvShape {
  int64_t N, H, W, C, KH, KW, O, OH, OW, strideH, strideW, padTop, padLeft, dilationH, dilationW, groups;
  bool winograd;     // how it is computed: as winograd.h has it, or directly
  bool transformed;  // by Winograd, and w is what winogradKernel made of the kernel; the forward pass only
  int64_t groupC() const { return C / groups; }
  int64_t groupO() const { return O / groups; }
  int64_t taps() const { return KH * KW; }
  // A matrix product in disguise: one tap, every pixel once.
  bool isPointwise() const {
    return KH == 1 && KW == 1 && strideH == 1 && strideW == 1 && padTop == 0 && padLeft == 0 && groups == 1 && OH == H && OW == W;
  }
  // Every channel by itself, with one kernel.
  bool isDepthwise() const { return groups > 1 && groups == C && O == C; }
};

constexpr int64_t kConvArguments = 17;

// Whether the row is well formed; fills `shape` from args
// [N,H,W,C,KH,KW,O,OH,OW,strideH,strideW,padTop,padLeft,dilationH,dilationW,groups,algorithm], the algorithm being 0 direct,
// 1 Winograd, 2 Winograd with the kernel transformed.
bool parseConv(const Row& row, int64_t buffers, ConvShape* shape);

// Element y of the convolution by its definition, for twins.
double convolutionAt(const ConvShape& s, const double* x, const double* w, int64_t y);

// The gradient to the input by its definition, for twins; of dy at windows, with `where` beside it, as winograd.h says.
void inputGradient(const ConvShape& s, const double* dy, const uint8_t* where, const double* w, double* dx);

// Positions first, first + step, … of the produced axis. Position number j reads taps tap, tap + tapStep, … (taps of them), the
// t-th of which meets source index source + j * sourceStep + t * tapSource.
struct AxisRun {
  int64_t first, count, step;
  int64_t source, sourceStep;
  int64_t tap, taps, tapStep, tapSource;
};

struct Axis {
  int64_t produced, source, kernel, stride, pad, dilation;
};

// Fill `runs` (room for `produced` of them) and return how many there are; they cover every position once.
int64_t forwardRuns(const Axis& axis, AxisRun* runs);
// Runs of the gradient to the input: produced is the input, source is dy, taps are counted from the kernel's end.
int64_t backwardRuns(const Axis& axis, AxisRun* runs);

// The positions [*first, *last) of the output whose tap `tap` meets the input, along one axis of the forward convolution.
void tapRange(const Axis& axis, int64_t tap, int64_t* first, int64_t* last);

}  // namespace steepest
