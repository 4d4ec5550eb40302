// Geometry of convolutions: parsing of rows and the runs of each axis. Plain integer code, run once per kernel call.
#include "kernels/conv.h"

#include <algorithm>
#include <numeric>

#include "kernels/winograd.h"

namespace steepest {
namespace {

void appendRun(const AxisRun& run, AxisRun* runs, int64_t* count, bool sameResidue) {
  if (*count > 0 && sameResidue) {
    AxisRun& last = runs[*count - 1];
    const bool empty = last.taps == 0 && run.taps == 0;
    if (empty || (last.tap == run.tap && last.taps == run.taps)) {
      ++last.count;
      return;
    }
  }
  runs[(*count)++] = run;
}

}  // namespace

bool parseConv(const Row& row, int64_t buffers, ConvShape* shape) {
  if (!accepts(row, buffers, kConvArguments, kConvArguments)) return false;
  int64_t* const fields[] = {&shape->N,       &shape->H,         &shape->W,         &shape->C,
                             &shape->KH,      &shape->KW,        &shape->O,         &shape->OH,
                             &shape->OW,      &shape->strideH,   &shape->strideW,   &shape->padTop,
                             &shape->padLeft, &shape->dilationH, &shape->dilationW, &shape->groups};
  for (int64_t i = 0; i < kConvArguments - 1; ++i) *fields[i] = row.integer(i);
  const int64_t algorithm = row.integer(kConvArguments - 1);
  shape->winograd = algorithm > 0;
  shape->transformed = algorithm == 2;
  const bool positive =
      shape->strideH > 0 && shape->strideW > 0 && shape->dilationH > 0 && shape->dilationW > 0 && shape->groups > 0;
  if (shape->winograd && !fitsWinograd(*shape)) return false;
  return positive && algorithm <= 2 && shape->C % shape->groups == 0 && shape->O % shape->groups == 0;
}

int64_t forwardRuns(const Axis& axis, AxisRun* runs) {
  int64_t count = 0;
  for (int64_t position = 0; position < axis.produced; ++position) {
    const int64_t start = position * axis.stride - axis.pad;  // source index of tap 0
    const int64_t tap = start >= 0 ? 0 : ceilDivide(-start, axis.dilation);
    const int64_t end = start >= axis.source ? 0 : std::min(axis.kernel, (axis.source - 1 - start) / axis.dilation + 1);
    const int64_t taps = std::max<int64_t>(0, end - tap);
    AxisRun run{position, 1, 1, start + tap * axis.dilation, axis.stride, tap, taps, 1, axis.dilation};
    if (taps == 0) run.tap = run.source = 0;
    appendRun(run, runs, &count, true);
  }
  return count;
}

int64_t backwardRuns(const Axis& axis, AxisRun* runs) {
  int64_t count = 0;
  const int64_t common = std::gcd(axis.stride, axis.dilation);
  const int64_t tapStep = axis.stride / common;
  for (int64_t residue = 0; residue < std::min(axis.stride, axis.produced); ++residue) {
    for (int64_t position = residue; position < axis.produced; position += axis.stride) {
      AxisRun run{position, 1, axis.stride, 0, 1, 0, 0, tapStep, axis.dilation / common};
      for (int64_t tap = 0; tap < axis.kernel; ++tap) {
        const int64_t scaled = position + tap * axis.dilation - ((axis.kernel - 1) * axis.dilation - axis.pad);
        if (scaled < 0 || scaled % axis.stride != 0 || scaled / axis.stride >= axis.source) continue;
        if (run.taps++ == 0) {
          run.tap = tap;
          run.source = scaled / axis.stride;
        }
      }
      appendRun(run, runs, &count, position != residue);
    }
  }
  return count;
}

void tapRange(const Axis& axis, int64_t tap, int64_t* first, int64_t* last) {
  const int64_t offset = tap * axis.dilation - axis.pad;  // source index of position 0
  *first = offset >= 0 ? 0 : std::min(axis.produced, ceilDivide(-offset, axis.stride));
  *last = offset >= axis.source ? *first : std::min(axis.produced, (axis.source - 1 - offset) / axis.stride + 1);
  *last = std::max(*first, *last);
}

}  // namespace steepest
