// The F1 score: the harmonic mean of precision and recall, per class or averaged, as Keras 3 computes it.
import { ShapeError, ValueError, wrongArgument } from '../errors.js'
import { alignPair } from '../nn/losses/reduction.js'
import type { Config } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula } from '../ops/elementwise.js'
import { oneHot } from '../ops/gather.js'
import { max, sum } from '../ops/reduce.js'
import { reshape } from '../ops/shape-ops.js'
import { wholeNumbers } from '../ops/whole-numbers.js'
import { full } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { elementWeights } from './confusion.js'
import { Metric, type MetricOptions, ratio } from './metric.js'

const averages = ['micro', 'macro', 'weighted', null] as const

/** Options of `f1Score`. */
export interface F1ScoreOptions extends MetricOptions {
  /** null (default): one score per class; 'micro': all classes counted together; 'macro': their mean; 'weighted': by number of true samples. */
  average?: 'micro' | 'macro' | 'weighted' | null
  /** Predictions above it are positive; null (default): the greatest of each row is. One column needs a threshold. */
  threshold?: number | null
}

// Inputs: prediction, threshold (of the row, or one for all), weight. The greatest of a row counts if it is not 0.
const positives = {
  above: formula('f1 above', 3, (p, threshold, w) => p.greater(threshold).where(w, 0)),
  greatest: formula('f1 greatest', 3, (p, top, w) => p.greaterEqual(top).logicalAnd(p.abs().greater(1e-9)).where(w, 0)),
}
const both = formula('f1 both', 2, (target, counted) => target.notEqual(0).where(counted, 0))

/** 2·precision·recall / (precision + recall). Targets are one-hot or multi-hot [samples, classes], or labels [samples]. */
export class F1Score extends Metric<number | number[]> {
  readonly className = 'f1Score'
  readonly average: 'micro' | 'macro' | 'weighted' | null
  readonly threshold: number | null

  constructor(options: F1ScoreOptions = {}) {
    super('f1Score', options)
    this.average = options.average ?? null
    this.threshold = options.threshold ?? null
    if (!averages.includes(this.average))
      throw new ValueError(wrongArgument('f1Score', 'average', "'micro', 'macro', 'weighted' or null", this.average))
    if (this.threshold !== null && !(this.threshold > 0 && this.threshold <= 1))
      throw new ValueError(wrongArgument('f1Score', 'threshold', 'a number in (0, 1] or null', this.threshold))
  }

  private align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const scores = isFloat(yPred.dtype) ? yPred : castTo(yPred, 'float32')
    const rows = scores.rank === 1 ? reshape(scores, [scores.size, 1]) : scores
    const classes = rows.shape[rows.rank - 1] as number
    const labels = rows.rank === 2 && classes > 1 && (yTrue.rank === 1 || (yTrue.rank === 2 && yTrue.shape[1] === 1))
    const target = labels ? oneHot(wholeNumbers(reshape(yTrue, [yTrue.size])), classes) : yTrue
    const pair = alignPair(this.name, target, rows)
    if (pair[1].rank !== 2 || (classes === 1 && this.threshold === null))
      throw new ShapeError(
        `${this.name}: yPred must be [samples, classes] (one column needs a threshold), got shape ${showShape(yPred.shape)}`,
      )
    return pair
  }

  protected accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void {
    const [target, prediction] = this.align(yTrue, yPred)
    if (prediction.size === 0) return
    const each = elementWeights(this.name, weights, prediction)
    const counted =
      this.threshold === null
        ? applyFormula(positives.greatest, [prediction, max(prediction, -1, true), each])
        : applyFormula(positives.above, [prediction, full([], this.threshold, prediction.dtype), each])
    this.add('truePositives', sum(applyFormula(both, [target, counted]), 0))
    this.add('predicted', sum(counted, 0))
    this.add('actual', sum(applyFormula(both, [target, each]), 0))
  }

  result(): number | number[] {
    const hits = this.values('truePositives', 0)
    const [predicted, actual] = [this.values('predicted', 0), this.values('actual', 0)]
    const score = (a: number, b: number, c: number): number => ratio(2 * a, b + c)
    const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
    if (this.average === 'micro') return score(total(hits), total(predicted), total(actual))
    const scores = hits.map((hit, k) => score(hit, predicted[k] as number, actual[k] as number))
    if (this.average === null) return scores
    if (this.average === 'macro') return ratio(total(scores), scores.length)
    return ratio(total(scores.map((value, k) => value * (actual[k] as number))), total(actual))
  }

  override getConfig(): Config {
    return { ...super.getConfig(), average: this.average, threshold: this.threshold }
  }
}
