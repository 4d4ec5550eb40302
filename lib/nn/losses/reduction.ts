// From losses per sample to one number, with sample weights, as Keras 3 reduces; and how targets and predictions are brought to one shape.

import { checkOptions, DTypeError, ShapeError } from '../../errors.js'
import { castTo } from '../../ops/cast.js'
import { div, mul, notEqual, where } from '../../ops/elementwise.js'
import { mean, sum } from '../../ops/reduce.js'
import { expandDims, reshape } from '../../ops/shape-ops.js'
import { type TensorLike, toTensor } from '../../tensor/creation.js'
import { isFloat } from '../../tensor/dtype.js'
import { broadcastShapes, sameShape, showShape } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { oneOf } from '../check.js'

const reductions = ['sumOverBatchSize', 'mean', 'sum', 'none', 'meanWithSampleWeight'] as const

/**
 * 'sumOverBatchSize' or 'mean' (one and the same, the default): the sum of the weighted losses over their number; 'meanWithSampleWeight': over
 * the sum of the weights; 'sum'; 'none': the losses themselves.
 */
export type Reduction = (typeof reductions)[number]

/** Options that every loss takes. */
export interface LossOptions {
  /** A weight per sample (or per loss, where a sample has several), multiplied onto the losses. */
  sampleWeight?: TensorLike | null
  /** Default 'sumOverBatchSize'. */
  reduction?: Reduction
}

/** Refuses options that a loss does not take; `own` are those that it has beside the common ones. */
export function checkLossOptions(fn: string, options: LossOptions, own: readonly string[] = []): void {
  checkOptions(fn, options, ['sampleWeight', 'reduction', ...own])
}

/** Both operands as float tensors of one shape: a last axis of size 1 that only one of them has is dropped or added. */
export function alignPair(fn: string, yTrue: TensorLike, yPred: TensorLike): [target: Tensor, prediction: Tensor] {
  const prediction = toTensor(fn, yPred, undefined, 'yPred')
  let target = toTensor(fn, yTrue, undefined, 'yTrue')
  if (!isFloat(prediction.dtype))
    throw new DTypeError(`${fn}: yPred must be float32 or float64, got ${prediction.dtype}; cast first`)
  if (target.dtype !== prediction.dtype) target = castTo(target, prediction.dtype)
  const last = (x: Tensor): number | undefined => x.shape[x.rank - 1]
  if (target.rank === prediction.rank + 1 && last(target) === 1) target = reshape(target, target.shape.slice(0, -1))
  else if (prediction.rank === target.rank + 1 && last(prediction) === 1) target = expandDims(target, -1)
  if (!sameShape(target.shape, prediction.shape)) {
    throw new ShapeError(
      `${fn}: yTrue and yPred must have one shape, got ${showShape(target.shape)} and ${showShape(prediction.shape)}`,
    )
  }
  return target.rank === 0 ? [reshape(target, [1]), reshape(prediction, [1])] : [target, prediction]
}

/** Losses per sample: the mean over the last axis; a single axis holds samples. */
export function perSample(errors: Tensor): Tensor {
  return errors.rank > 1 ? mean(errors, -1) : errors
}

/** Sample weights as a tensor that broadcasts to losses of `shape`. */
export function alignWeights(fn: string, sampleWeight: TensorLike, losses: Tensor): Tensor {
  let weights = toTensor(fn, sampleWeight, undefined, 'sampleWeight')
  if (weights.dtype !== losses.dtype) weights = castTo(weights, losses.dtype)
  if (weights.rank === losses.rank + 1 && weights.shape[weights.rank - 1] === 1)
    weights = reshape(weights, weights.shape.slice(0, -1))
  while (weights.rank > 0 && weights.rank < losses.rank) weights = expandDims(weights, -1)
  if (!sameShape(broadcastShapes(`${fn}: sampleWeight`, losses.shape, weights.shape), losses.shape))
    throw new ShapeError(
      `${fn}: sampleWeight of shape ${showShape(weights.shape)} does not fit losses of shape ${showShape(losses.shape)}`,
    )
  return weights
}

/** a / b, 0 where b is 0. */
function divideNoNaN(a: Tensor, b: Tensor): Tensor {
  return where(notEqual(b, 0), div(a, where(notEqual(b, 0), b, 1)), 0)
}

/** Weights and reduces losses per sample. */
export function reduceLosses(fn: string, losses: Tensor, { sampleWeight, reduction = 'sumOverBatchSize' }: LossOptions): Tensor {
  oneOf(fn, 'reduction', reduction, reductions)
  const weights = sampleWeight === undefined || sampleWeight === null ? null : alignWeights(fn, sampleWeight, losses)
  const weighted = weights ? mul(losses, weights) : losses
  if (reduction === 'none') return weighted
  if (losses.size === 0 || reduction === 'sum') return sum(weighted)
  if (!weights || reduction !== 'meanWithSampleWeight') return mean(weighted)
  return divideNoNaN(sum(weighted), sum(weights))
}
