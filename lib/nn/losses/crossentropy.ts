// Cross-entropies from probabilities (clipped as Keras 3 clips them) or from logits (stable). Probabilities that a softmax or sigmoid has
// just made are taken back to their logits, as Keras does: clipping would leave a confident mistake without gradient.

import { inTheNameOf } from '../../dispatch.js'
import { DTypeError, ShapeError } from '../../errors.js'
import { applyFormula, div, formula, neg } from '../../ops/elementwise.js'
import type { Expression } from '../../ops/expression/expression.js'
import type { Formula } from '../../ops/expression/formula.js'
import { gatherElements } from '../../ops/gather.js'
import { sum } from '../../ops/reduce.js'
import { reshape } from '../../ops/shape-ops.js'
import { logSoftmax, sparseCrossEntropy } from '../../ops/softmax.js'
import { wholeNumbers } from '../../ops/whole-numbers.js'
import { type TensorLike, toTensor } from '../../tensor/creation.js'
import { isFloat } from '../../tensor/dtype.js'
import { sameShape, showShape } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { logitsOf } from '../activations.js'
import { fraction, truth } from '../check.js'
import { alignPair, checkLossOptions, type LossOptions, perSample, reduceLosses } from './reduction.js'

/** Probabilities are kept this far from 0 and 1. Keras' epsilon. */
const epsilon = 1e-7
const clipped = (p: Expression): Expression => p.clip(epsilon, 1 - epsilon)

/** Options of the cross-entropies. */
export interface CrossentropyOptions extends LossOptions {
  /** yPred holds logits instead of probabilities (default false). */
  fromLogits?: boolean
}

/** Options of the cross-entropies whose targets are probabilities. */
export interface SmoothedCrossentropyOptions extends CrossentropyOptions {
  /** Targets are moved towards the uniform distribution by this fraction (default 0). */
  labelSmoothing?: number
}

const formulas = new Map<string, Formula>()

function cached(key: string, build: (target: Expression, prediction: Expression) => Expression): Formula {
  let found = formulas.get(key)
  if (!found) {
    found = formula(key, 2, build)
    formulas.set(key, found)
  }
  return found
}

const smooth = (target: Expression, smoothing: number, classes: number): Expression =>
  smoothing === 0 ? target : target.mul(1 - smoothing).add(smoothing / classes)

/** −t·log p − (1 − t)·log(1 − p); from logits t·log(1 + e⁻ˣ) + (1 − t)·log(1 + eˣ), each term without cancellation. */
function binaryFormula(fromLogits: boolean, smoothing: number): Formula {
  return cached(`binaryCrossentropy ${fromLogits ? 'logits' : 'probabilities'} ${smoothing}`, (target, prediction) => {
    const t = smooth(target, smoothing, 2)
    const rest = t.neg().add(1)
    if (fromLogits) return t.mul(prediction.neg().softplus()).add(rest.mul(prediction.softplus()))
    const p = clipped(prediction)
    return t
      .mul(p.log())
      .add(rest.mul(p.neg().add(1).log()))
      .neg()
  })
}

/**
 * −t·log p − (1 − t)·log(1 − p), averaged over the last axis, then over the batch. Targets in [0, 1], of the shape of yPred [batch, …].
 * Probabilities are clipped to [1e-7, 1 − 1e-7].
 */
export function binaryCrossentropy(yTrue: TensorLike, yPred: TensorLike, options: SmoothedCrossentropyOptions = {}): Tensor {
  const fn = 'binaryCrossentropy'
  checkLossOptions(fn, options, ['fromLogits', 'labelSmoothing'])
  const smoothing = fraction(fn, 'labelSmoothing', options.labelSmoothing ?? 0)
  const given = toTensor(fn, yPred, undefined, 'yPred')
  const logits = truth(fn, 'fromLogits', options.fromLogits ?? false) ? given : logitsOf(given, 'sigmoid')
  const losses = applyFormula(binaryFormula(logits !== undefined, smoothing), alignPair(fn, yTrue, logits ?? given))
  return reduceLosses(fn, perSample(losses), options)
}

/**
 * −Σ t·log p over the classes, averaged over the batch. Targets are distributions (one-hot, as a rule) of the shape of yPred [batch, …, classes].
 * Probabilities are divided by their sum and clipped to [1e-7, 1 − 1e-7].
 */
export function categoricalCrossentropy(yTrue: TensorLike, yPred: TensorLike, options: SmoothedCrossentropyOptions = {}): Tensor {
  const fn = 'categoricalCrossentropy'
  checkLossOptions(fn, options, ['fromLogits', 'labelSmoothing'])
  const smoothing = fraction(fn, 'labelSmoothing', options.labelSmoothing ?? 0)
  const given = toTensor(fn, yPred, undefined, 'yPred')
  const logits = truth(fn, 'fromLogits', options.fromLogits ?? false) ? given : logitsOf(given, 'softmax')
  const [target, prediction] = alignPair(fn, yTrue, logits ?? given)
  const classes = prediction.shape[prediction.rank - 1] as number
  const terms = logits
    ? applyFormula(
        cached(`categoricalCrossentropy logits ${smoothing} ${classes}`, (t, logP) =>
          smooth(t, smoothing, classes).mul(logP).neg(),
        ),
        [target, logSoftmax(prediction)],
      )
    : applyFormula(
        cached(`categoricalCrossentropy probabilities ${smoothing} ${classes}`, (t, p) =>
          smooth(t, smoothing, classes).mul(clipped(p).log()).neg(),
        ),
        [target, div(prediction, sum(prediction, -1, true))],
      )
  return reduceLosses(fn, sum(terms, -1), options)
}

/** Integer labels [batch, …] for predictions [batch, …, classes]; a last axis of size 1 is dropped, floats must be whole numbers. */
export function toLabels(fn: string, yTrue: TensorLike, prediction: Tensor): Tensor {
  let labels = wholeNumbers(toTensor(fn, yTrue, 'int32', 'yTrue'))
  const wanted = prediction.shape.slice(0, -1)
  if (labels.rank === prediction.rank && labels.shape[labels.rank - 1] === 1) labels = reshape(labels, labels.shape.slice(0, -1))
  if (prediction.rank < 1 || !sameShape(labels.shape, wanted)) {
    throw new ShapeError(
      `${fn}: yTrue must hold one label per row, of shape ${showShape(wanted)} for yPred ${showShape(prediction.shape)}, got ${showShape(labels.shape)}${
        sameShape(labels.shape, prediction.shape) ? '; for one-hot targets use categoricalCrossentropy' : ''
      }`,
    )
  }
  return labels
}

function toPrediction(fn: string, yPred: TensorLike): Tensor {
  const prediction = toTensor(fn, yPred, undefined, 'yPred')
  if (!isFloat(prediction.dtype))
    throw new DTypeError(`${fn}: yPred must be float32 or float64, got ${prediction.dtype}; cast first`)
  return prediction
}

const logClipped = formula('logClipped', 1, (p) => clipped(p).log())

/**
 * −log of the probability of the true class, averaged over the batch. Labels are integers [batch, …] for yPred [batch, …, classes].
 * Probabilities are clipped to [1e-7, 1 − 1e-7] and normalized.
 *
 * @throws ValueError for a label that is no whole number in [0, classes)
 */
export function sparseCategoricalCrossentropy(yTrue: TensorLike, yPred: TensorLike, options: CrossentropyOptions = {}): Tensor {
  const fn = 'sparseCategoricalCrossentropy'
  checkLossOptions(fn, options, ['fromLogits'])
  const given = toPrediction(fn, yPred)
  const labels = toLabels(fn, yTrue, given)
  const logits = truth(fn, 'fromLogits', options.fromLogits ?? false) ? given : logitsOf(given, 'softmax')
  const scores = logits ?? applyFormula(logClipped, [given])
  return reduceLosses(
    fn,
    inTheNameOf(fn, 'sparseCrossEntropy', () => sparseCrossEntropy(scores, labels)),
    options,
  )
}

/**
 * −yPred[label] for log-probabilities yPred [batch, …, classes], such as logSoftmax gives, averaged over the batch (PyTorch's nll_loss).
 *
 * @throws ValueError for a label outside [0, classes)
 */
export function negativeLogLikelihood(yTrue: TensorLike, yPred: TensorLike, options: LossOptions = {}): Tensor {
  const fn = 'negativeLogLikelihood'
  checkLossOptions(fn, options)
  const given = toPrediction(fn, yPred)
  const labels = toLabels(fn, yTrue, given)
  const likelihoods = inTheNameOf(fn, 'gatherElements', () => gatherElements(given, labels))
  return reduceLosses(fn, neg(likelihoods), options)
}
