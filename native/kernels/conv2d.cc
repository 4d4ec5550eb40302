// conv2d and conv2dBackwardInput: which algorithm a convolution takes, and what each is given.
//
// A direct walk packs the kernel once into panels of output channels (for the gradient: flipped and transposed, panels of input
// channels); a 1x1 convolution is a matrix product. Invariant: every algorithm leaves what the epilogue says.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d.cc"

#include "kernels/conv2d.h"

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_epilogue-inl.h"
#include "kernels/conv_walk-inl.h"
#include "kernels/depthwise.h"
#include "kernels/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {

// All of a stored image of `pixels` pixels as the epilogue leaves it.
void finishImage(const ConvEpilogue& e, float* y, int64_t pixels, int64_t channels) {
  const int64_t chunks = ceilDivide(pixels * channels, kChunkElements);
  parallelFor(chunks, [&](int64_t chunk) {
    const int64_t first = partStart(pixels, chunks, chunk);
    finishBand(e, y, first, partStart(pixels, chunks, chunk + 1) - first, 1, channels);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(correlate);
HWY_EXPORT(finishImage);

// The row of the matrix product that a 1x1 convolution is. c, a, b are the row's buffers in order.
struct PointwiseRow {
  double arguments[8];
  Row row;
  PointwiseRow(const Row& conv, int64_t M, int64_t N, int64_t K, bool transposeA, bool transposeB)
      : arguments{1,
                  static_cast<double>(M),
                  static_cast<double>(N),
                  static_cast<double>(K),
                  static_cast<double>(transposeA),
                  static_cast<double>(transposeB),
                  0,
                  0},
        row{conv.buffers, arguments, conv.bufferCount, 8} {}
};

PointwiseRow forwardProduct(const Row& row, const ConvShape& s) { return {row, s.N * s.H * s.W, s.O, s.C, false, false}; }
PointwiseRow inputProduct(const Row& row, const ConvShape& s) { return {row, s.N * s.H * s.W, s.C, s.O, false, true}; }

// A 1x1 convolution: bias and relu in the store of the product, all else after it.
Status multiplyPixels(const ConvShape& s, const Row& row, const ConvEpilogue& e) {
  const PointwiseRow product = forwardProduct(row, s);
  if (e.bias && !e.centre && !e.residual) {
    void* buffers[] = {row.buffers[0], row.buffers[1], row.buffers[2], const_cast<float*>(e.bias), row.buffers[3]};
    double arguments[9];
    std::copy_n(product.arguments, 8, arguments);
    arguments[8] = static_cast<double>(e.relu ? 1 : 0);
    return matmulFusedFast({buffers, arguments, 5, 9});
  }
  const Status status = matmulFast(product.row);
  if (e.changesPixels()) HWY_DYNAMIC_DISPATCH(finishImage)(e, row.buffer<float>(0), s.N * s.H * s.W, s.O);
  return status;
}

void run(const Correlation& c, const ConvShape& s, const float* w) {
  if (s.isDepthwise()) return correlateDepthwise(c, w);
  HWY_DYNAMIC_DISPATCH(correlate)(c, w);
}

int64_t packedFloats(int64_t groups, int64_t groupColumns, int64_t depth, int64_t taps) {
  return groups * roundUp(groupColumns, kWidestPanel) * depth * taps;
}

int64_t runBytes(int64_t rows, int64_t columns) { return roundUp((rows + columns) * static_cast<int64_t>(sizeof(AxisRun)), 64); }

Correlation forwardCorrelation(const ConvShape& s, const Row& row) {
  Correlation c{};
  c.images = s.N;
  c.sourceH = s.H, c.sourceW = s.W, c.sourceC = s.C;
  c.producedH = s.OH, c.producedW = s.OW, c.producedC = s.O;
  c.KH = s.KH, c.KW = s.KW, c.O = s.O, c.groups = s.groups;
  c.depth = s.groupC(), c.producedGroup = s.groupO();
  c.flipped = false;
  c.produced = row.buffer<float>(0);
  c.source = row.buffer<float>(1);
  c.vertical = row.buffer<AxisRun>(3);
  c.horizontal = c.vertical + s.OH;
  c.packed = reinterpret_cast<float*>(row.buffer<char>(3) + runBytes(s.OH, s.OW));
  c.verticalRuns = forwardRuns({s.OH, s.H, s.KH, s.strideH, s.padTop, s.dilationH}, c.vertical);
  c.horizontalRuns = forwardRuns({s.OW, s.W, s.KW, s.strideW, s.padLeft, s.dilationW}, c.horizontal);
  return c;
}

Correlation inputCorrelation(const ConvShape& s, const Row& row) {
  Correlation c{};
  c.images = s.N;
  c.sourceH = s.OH, c.sourceW = s.OW, c.sourceC = s.O;
  c.producedH = s.H, c.producedW = s.W, c.producedC = s.C;
  c.KH = s.KH, c.KW = s.KW, c.O = s.O, c.groups = s.groups;
  c.depth = s.groupO(), c.producedGroup = s.groupC();
  c.flipped = true;
  c.produced = row.buffer<float>(0);
  c.source = row.buffer<float>(1);
  c.vertical = row.buffer<AxisRun>(3);
  c.horizontal = c.vertical + s.H;
  c.packed = reinterpret_cast<float*>(row.buffer<char>(3) + runBytes(s.H, s.W));
  c.verticalRuns = backwardRuns({s.H, s.OH, s.KH, s.strideH, s.padTop, s.dilationH}, c.vertical);
  c.horizontalRuns = backwardRuns({s.W, s.OW, s.KW, s.strideW, s.padLeft, s.dilationW}, c.horizontal);
  return c;
}

}  // namespace

Status convForward(const ConvShape& s, const Row& row, const ConvEpilogue& epilogue) {
  if (s.isPointwise()) return multiplyPixels(s, row, epilogue);
  if (s.N * s.OH * s.OW * s.O == 0) return {};
  if (s.winograd) return winogradForward(s, row, epilogue), Status{};
  Correlation c = forwardCorrelation(s, row);
  c.epilogue = epilogue;
  run(c, s, row.buffer<float>(2));
  return {};
}

int64_t convForwardScratch(const ConvShape& s, const Row& row) {
  if (s.isPointwise()) return matmulScratch(forwardProduct(row, s).row);
  if (s.winograd) return winogradForwardScratch(s);
  if (s.isDepthwise()) return runBytes(s.OH, s.OW) + 4 * s.taps() * s.C;
  return runBytes(s.OH, s.OW) + 4 * packedFloats(s.groups, s.groupO(), s.groupC(), s.taps());
}

// [y, x, w, scratch]
Status conv2dFast(const Row& row) {
  ConvShape s;
  if (!parseConv(row, 4, &s)) return kBadRow;
  return convForward(s, row, {});
}

int64_t conv2dScratch(const Row& row) {
  ConvShape s;
  return parseConv(row, row.bufferCount, &s) ? convForwardScratch(s, row) : 0;
}

// [dx, dy, w, scratch]
Status conv2dBackwardInputFast(const Row& row) {
  ConvShape s;
  if (!parseConv(row, 4, &s) || s.transformed) return kBadRow;
  if (s.isPointwise()) return matmulFast(inputProduct(row, s).row);
  if (s.N * s.H * s.W * s.C == 0) return {};
  if (s.winograd) return winogradBackwardInput(s, row, nullptr, {}), Status{};
  run(inputCorrelation(s, row), s, row.buffer<float>(2));
  return {};
}

int64_t conv2dBackwardInputScratch(const Row& row) {
  ConvShape s;
  if (!parseConv(row, row.bufferCount, &s)) return 0;
  if (s.isPointwise()) return matmulScratch(inputProduct(row, s).row);
  if (s.winograd) return winogradBackwardInputScratch(s);
  if (s.isDepthwise()) return runBytes(s.H, s.W) + 4 * s.taps() * s.C;
  return runBytes(s.H, s.W) + 4 * packedFloats(s.groups, s.groupC(), s.groupO(), s.taps());
}

}  // namespace steepest
#endif  // HWY_ONCE
