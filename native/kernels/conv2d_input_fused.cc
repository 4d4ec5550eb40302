// conv2dBackwardInputFused: the gradient to the input of a convolution by Winograd with what stands before and behind it, which
// programs put in place of several rows: the gradient of max-pooling spread over the pixels; another gradient of the same image
// added, then 0 where relu, of which the image is the result, was 0.
//
// Invariant: the result is that of the rows by themselves, to the bit.
#include "kernels/winograd.h"

namespace steepest {

namespace {

constexpr int64_t kFusedArguments = kConvArguments + 3;

// A row taken apart: the convolution, and which of the buffers stands for what (-1: the row has none).
struct FusedGradient {
  ConvShape shape;
  int64_t where, residual, mask, scratch;

  int64_t elements() const { return shape.N * shape.H * shape.W * shape.C; }
};

bool parseFused(const Row& row, FusedGradient* f) {
  if (!accepts(row, row.bufferCount, kFusedArguments, kFusedArguments)) return false;
  if (!parseConv({row.buffers, row.arguments, row.bufferCount, kConvArguments}, row.bufferCount, &f->shape)) return false;
  int64_t next = 3;
  f->where = row.flag(kConvArguments) ? next++ : -1;
  f->residual = row.flag(kConvArguments + 1) ? next++ : -1;
  f->mask = row.flag(kConvArguments + 2) ? next++ : -1;
  f->scratch = next;
  return f->shape.winograd && !f->shape.transformed;
}

template <typename T>
const T* bufferOrNull(const Row& row, int64_t i) {
  return i < 0 ? nullptr : row.buffer<T>(i);
}

}  // namespace

// [dx, dy, w, and as the flags say where, residual, mask; scratch] args [those of conv2d, by Winograd; where, residual, mask:
// flags]; dy and where as winograd.h says, residual and mask as dx.
Status conv2dBackwardInputFusedFast(const Row& row) {
  FusedGradient f;
  if (!parseFused(row, &f) || row.bufferCount != f.scratch + 1) return kBadRow;
  if (f.elements() == 0) return {};
  ConvEpilogue e;
  e.residual = bufferOrNull<float>(row, f.residual);
  e.mask = bufferOrNull<float>(row, f.mask);
  void* buffers[] = {row.buffers[0], row.buffers[1], row.buffers[2], row.buffers[f.scratch]};
  winogradBackwardInput(f.shape, {buffers, row.arguments, 4, kConvArguments}, bufferOrNull<uint8_t>(row, f.where), e);
  return {};
}

int64_t conv2dBackwardInputFusedScratch(const Row& row) {
  FusedGradient f;
  return parseFused(row, &f) ? winogradBackwardInputScratch(f.shape) : 0;
}

// Buffers and arguments are those of conv2dBackwardInputFusedFast; scratch may be missing.
Status conv2dBackwardInputFusedTwin(const Row& row) {
  FusedGradient f;
  if (!parseFused(row, &f) || row.bufferCount < f.scratch) return kBadRow;
  double* dx = row.buffer<double>(0);
  inputGradient(f.shape, row.buffer<double>(1), bufferOrNull<uint8_t>(row, f.where), row.buffer<double>(2), dx);
  const double* residual = bufferOrNull<double>(row, f.residual);
  const double* mask = bufferOrNull<double>(row, f.mask);
  for (int64_t i = 0; i < f.elements(); ++i) {
    if (residual) dx[i] += residual[i];
    if (mask && !(mask[i] > 0)) dx[i] = 0;
  }
  return {};
}

}  // namespace steepest
