// How often predictions are right, for each form of target, and means of anything else.

import { finite, positiveInteger } from '../nn/check.js'
import { toLabels } from '../nn/losses/crossentropy.js'
import { getLoss, type LossFunction, type LossLike, lossConfig, lossName } from '../nn/losses/index.js'
import { alignPair, perSample } from '../nn/losses/reduction.js'
import type { Config, Serialized } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, equal, formula } from '../ops/elementwise.js'
import { gatherElements } from '../ops/gather.js'
import { argMax, sum } from '../ops/reduce.js'
import { expandDims } from '../ops/shape-ops.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { MeanOfValues, type MetricOptions } from './metric.js'

const hit = formula('binaryHit', 3, (target, prediction, threshold) => target.equal(prediction.greater(threshold)))

/** Options of `binaryAccuracy`. */
export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above it count as 1 (default 0.5). */
  threshold?: number
}

/** Fraction of predictions on the right side of the threshold, targets 0 or 1. */
export class BinaryAccuracy extends MeanOfValues {
  readonly className = 'binaryAccuracy'
  readonly threshold: number

  constructor(options: BinaryAccuracyOptions = {}) {
    super('binaryAccuracy', options)
    this.threshold = finite('binaryAccuracy', 'threshold', options.threshold ?? 0.5)
  }

  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = alignPair(this.name, yTrue, yPred)
    return perSample(castTo(applyFormula(hit, [target, prediction, this.threshold]), prediction.dtype))
  }

  override getConfig(): Config {
    return { ...super.getConfig(), threshold: this.threshold }
  }
}

/** Fraction of samples whose greatest prediction is at the greatest target (one-hot), along the last axis. */
export class CategoricalAccuracy extends MeanOfValues {
  readonly className = 'categoricalAccuracy'
  constructor(options: MetricOptions = {}) {
    super('categoricalAccuracy', options)
  }
  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = alignPair(this.name, yTrue, yPred)
    return equal(argMax(target), argMax(prediction))
  }
}

/** Fraction of samples whose greatest prediction is at the label (an integer). */
export class SparseCategoricalAccuracy extends MeanOfValues {
  readonly className = 'sparseCategoricalAccuracy'
  constructor(options: MetricOptions = {}) {
    super('sparseCategoricalAccuracy', options)
  }
  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    return equal(toLabels(this.name, yTrue, yPred), argMax(yPred))
  }
}

/** Options of the top-k accuracies. */
export interface TopKOptions extends MetricOptions {
  /** Default 5. */
  k?: number
}

/** Whether fewer than k predictions of a row exceed that of its label. */
function inTopK(prediction: Tensor, labels: Tensor, k: number): Tensor {
  const own = expandDims(gatherElements(prediction, labels), -1)
  return applyFormula(below, [sum(castTo(applyFormula(exceeds, [prediction, own]), 'float32'), -1), k])
}
const exceeds = formula('exceeds', 2, (prediction, own) => prediction.greater(own))
const below = formula('below', 2, (count, k) => count.less(k))

/** Fraction of samples whose label (an integer) is among the k greatest predictions. */
export class SparseTopKCategoricalAccuracy extends MeanOfValues {
  readonly className = 'sparseTopKCategoricalAccuracy'
  readonly k: number
  constructor(options: TopKOptions = {}) {
    super('sparseTopKCategoricalAccuracy', options)
    this.k = positiveInteger(this.className, 'k', options.k ?? 5)
  }
  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    return inTopK(yPred, toLabels(this.name, yTrue, yPred), this.k)
  }
  override getConfig(): Config {
    return { ...super.getConfig(), k: this.k }
  }
}

/** Fraction of samples whose class (one-hot) is among the k greatest predictions. */
export class TopKCategoricalAccuracy extends MeanOfValues {
  readonly className = 'topKCategoricalAccuracy'
  readonly k: number
  constructor(options: TopKOptions = {}) {
    super('topKCategoricalAccuracy', options)
    this.k = positiveInteger(this.className, 'k', options.k ?? 5)
  }
  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = alignPair(this.name, yTrue, yPred)
    return inTopK(prediction, argMax(target), this.k)
  }
  override getConfig(): Config {
    return { ...super.getConfig(), k: this.k }
  }
}

/** The mean of the predictions; targets are ignored. `updateValues` takes values alone. */
export class Mean extends MeanOfValues {
  readonly className = 'mean'
  constructor(options: MetricOptions = {}) {
    super('mean', options)
  }
  protected valuesOf(_yTrue: Tensor, yPred: Tensor): Tensor {
    return yPred
  }
  /** Takes values into account, with weights that broadcast to them. */
  updateValues(values: TensorLike, sampleWeight?: TensorLike | null): void {
    const given = toTensor(this.name, values, undefined, 'values')
    this.update(given, given, sampleWeight)
  }
}

/** Options of a metric that averages a loss. */
export interface MeanLossOptions extends MetricOptions {
  /** The loss whose values per sample are averaged. */
  loss: LossLike
}

/** The mean of a loss over samples. */
export class MeanLoss extends MeanOfValues {
  readonly className = 'meanLoss'
  private readonly loss: LossFunction

  /** @param kind what messages call it */
  constructor(options: MeanLossOptions, kind = 'meanLoss') {
    const loss = getLoss(options.loss, kind)
    super(kind, { name: options.name ?? lossName(loss) })
    this.loss = loss
  }

  protected valuesOf(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.loss(yTrue, yPred, { reduction: 'none' })
  }

  override getConfig(): Config {
    const loss: Serialized | LossFunction = lossConfig(this.loss) ?? this.loss
    return { ...super.getConfig(), loss }
  }
}
