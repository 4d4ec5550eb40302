// All operations, gathered once: the package exports them as functions, methods.ts hangs them on Tensor.
export * from './activations.js'
export { affineSample } from './affine.js'
export { broadcastTo } from './broadcast.js'
export { cast, clone } from './cast.js'
export { type Conv2dOptions, conv2d } from './conv.js'
export type { ConvAlgorithm } from './conv-algorithm.js'
export {
  abs,
  acos,
  add,
  asin,
  atan,
  atan2,
  ceil,
  clip,
  cos,
  cosh,
  div,
  equal,
  erf,
  exp,
  expm1,
  floor,
  floorDiv,
  greater,
  greaterEqual,
  isFinite,
  isNaN,
  less,
  lessEqual,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  notEqual,
  pointwise,
  pow,
  reciprocal,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  softplus,
  sqrt,
  square,
  sub,
  tan,
  tanh,
  trunc,
  where,
} from './elementwise.js'
export { gather, gatherElements, oneHot, scatterAdd } from './gather.js'
export { matMul } from './matmul.js'
export { averagePool2d, maxPool2d, type PoolOptions } from './pool.js'
export { argMax, argMin, max, mean, min, sum, variance } from './reduce.js'
export { concatenate, expandDims, flatten, reshape, split, squeeze, stack, transpose } from './shape-ops.js'
export { flip, pad, slice } from './slice.js'
export { logSoftmax, softmax, sparseCrossEntropy } from './softmax.js'
export type { Padding, Pair } from './window.js'
