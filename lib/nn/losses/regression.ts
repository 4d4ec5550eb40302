// Losses of regression: formulas of the difference between target and prediction, averaged over the last axis.
import { applyFormula, formula } from '../../ops/elementwise.js'
import type { Formula } from '../../ops/expression/formula.js'
import { mean } from '../../ops/reduce.js'
import type { TensorLike } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import { positive } from '../check.js'
import { alignPair, checkLossOptions, type LossOptions, perSample, reduceLosses } from './reduction.js'

/** Options of `huber`. */
export interface HuberOptions extends LossOptions {
  /** Where the loss turns from quadratic to linear (default 1). */
  delta?: number
}

const squared = formula('squaredError', 2, (target, prediction) => prediction.sub(target).square())
const absolute = formula('absoluteError', 2, (target, prediction) => prediction.sub(target).abs())
const hubers = new Map<number, Formula>()

function huberFormula(delta: number): Formula {
  let found = hubers.get(delta)
  if (!found) {
    found = formula('huberError', 2, (target, prediction) => {
      const error = prediction.sub(target)
      const size = error.abs()
      return size.lessEqual(delta).where(error.square().mul(0.5), size.mul(delta).sub(0.5 * delta * delta))
    })
    hubers.set(delta, found)
  }
  return found
}

function pointwiseLoss(fn: string, rule: Formula, yTrue: TensorLike, yPred: TensorLike, options: LossOptions): Tensor {
  const errors = applyFormula(rule, alignPair(fn, yTrue, yPred))
  const { sampleWeight, reduction = 'sumOverBatchSize' } = options
  // All samples weigh the same: one reduction does for both averages.
  const plain =
    (sampleWeight === undefined || sampleWeight === null) && (reduction === 'mean' || reduction === 'sumOverBatchSize')
  return plain && errors.size > 0 ? mean(errors) : reduceLosses(fn, perSample(errors), options)
}

/** mean((yPred − yTrue)²) over the last axis, then over the batch. [batch, …] both. */
export function meanSquaredError(yTrue: TensorLike, yPred: TensorLike, options: LossOptions = {}): Tensor {
  checkLossOptions('meanSquaredError', options)
  return pointwiseLoss('meanSquaredError', squared, yTrue, yPred, options)
}

/** mean(|yPred − yTrue|) over the last axis, then over the batch. */
export function meanAbsoluteError(yTrue: TensorLike, yPred: TensorLike, options: LossOptions = {}): Tensor {
  checkLossOptions('meanAbsoluteError', options)
  return pointwiseLoss('meanAbsoluteError', absolute, yTrue, yPred, options)
}

/** ½e² for |e| ≤ delta, delta·|e| − ½delta² beyond (Huber 1964), averaged over the last axis, then over the batch. */
export function huber(yTrue: TensorLike, yPred: TensorLike, options: HuberOptions = {}): Tensor {
  checkLossOptions('huber', options, ['delta'])
  const delta = positive('huber', 'delta', options.delta ?? 1)
  return pointwiseLoss('huber', huberFormula(delta), yTrue, yPred, options)
}
