// Area under the ROC or precision-recall curve, from counts at evenly spaced thresholds, as Keras 3 computes it. The state is two
// histograms of predictions, of positives and of negatives; each prediction goes to the last threshold that it exceeds.
import { DTypeError, ValueError, wrongArgument } from '../errors.js'
import { oneOf, positiveInteger, truth } from '../nn/check.js'
import { alignPair } from '../nn/losses/reduction.js'
import type { Config } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula, sigmoid } from '../ops/elementwise.js'
import type { Formula } from '../ops/expression/formula.js'
import { scatterAdd } from '../ops/gather.js'
import { reshape } from '../ops/shape-ops.js'
import { isFloat } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { elementWeights } from './confusion.js'
import { Metric, type MetricOptions, ratio } from './metric.js'

/** Options of `auc`. */
export interface AucOptions extends MetricOptions {
  /** Number of thresholds, the two ends included (default 200). */
  numThresholds?: number
  /** 'ROC' (default) or 'PR'. */
  curve?: 'ROC' | 'PR'
  /** Height of the curve between two thresholds: 'interpolation' (default), the lesser ('minoring') or the greater ('majoring') of the two. */
  summationMethod?: 'interpolation' | 'minoring' | 'majoring'
  /** Predictions are logits, to be passed through a sigmoid (default false). */
  fromLogits?: boolean
}

/** Counts at each threshold. */
interface Counts {
  readonly truePositives: number[]
  readonly falsePositives: number[]
  readonly positives: number
  readonly negatives: number
}

const onlyPositive = formula('auc positives', 2, (target, weight) => target.notEqual(0).where(weight, 0))
const onlyNegative = formula('auc negatives', 2, (target, weight) => target.notEqual(0).where(0, weight))

/** Sums from the end: how much lies above each threshold. */
function reverseCumulative(histogram: readonly number[]): number[] {
  const sums = [...histogram]
  for (let i = sums.length - 2; i >= 0; i--) sums[i] = (sums[i] as number) + (sums[i + 1] as number)
  return sums
}

/** Area under the curve of a binary classifier: 1 is perfect, 0.5 (ROC) is chance. Targets 0 or 1, predictions in [0, 1]. */
export class Auc extends Metric<number> {
  readonly className = 'auc'
  readonly numThresholds: number
  readonly curve: 'ROC' | 'PR'
  readonly summationMethod: 'interpolation' | 'minoring' | 'majoring'
  readonly fromLogits: boolean
  private readonly bucket: Formula

  constructor(options: AucOptions = {}) {
    super('auc', options)
    this.numThresholds = positiveInteger('auc', 'numThresholds', options.numThresholds ?? 200)
    if (this.numThresholds < 2) throw new ValueError(wrongArgument('auc', 'numThresholds', 'at least 2', this.numThresholds))
    this.curve = oneOf('auc', 'curve', options.curve ?? 'ROC', ['ROC', 'PR'])
    this.summationMethod = oneOf('auc', 'summationMethod', options.summationMethod ?? 'interpolation', [
      'interpolation',
      'minoring',
      'majoring',
    ])
    this.fromLogits = truth('auc', 'fromLogits', options.fromLogits ?? false)
    const last = this.numThresholds - 1
    this.bucket = formula('auc bucket', 1, (p) => p.mul(last).ceil().sub(1).maximum(0).minimum(last))
  }

  protected accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void {
    if (!isFloat(yPred.dtype))
      throw new DTypeError(`${this.name}: yPred must be float32 or float64, got ${yPred.dtype}; cast first`)
    const [target, given] = alignPair(this.name, yTrue, yPred)
    const prediction = this.fromLogits ? sigmoid(given) : given
    const each = castTo(elementWeights(this.name, weights, prediction), prediction.dtype)
    const flat = (x: Tensor): Tensor => reshape(x, [x.size])
    const buckets = castTo(flat(applyFormula(this.bucket, [prediction])), 'int32')
    const histogram = (rule: Formula): Tensor =>
      scatterAdd(flat(applyFormula(rule, [target, each])), buckets, [this.numThresholds])
    this.add('positives', histogram(onlyPositive))
    this.add('negatives', histogram(onlyNegative))
  }

  private counts(): Counts {
    const truePositives = reverseCumulative(this.values('positives', this.numThresholds))
    const falsePositives = reverseCumulative(this.values('negatives', this.numThresholds))
    return { truePositives, falsePositives, positives: truePositives[0] as number, negatives: falsePositives[0] as number }
  }

  result(): number {
    const counts = this.counts()
    if (this.curve === 'PR' && this.summationMethod === 'interpolation') return interpolatedPrecisionRecall(counts)
    const recall = counts.truePositives.map((hits) => ratio(hits, counts.positives))
    const [x, y] =
      this.curve === 'ROC'
        ? [counts.falsePositives.map((misses) => ratio(misses, counts.negatives)), recall]
        : [recall, counts.truePositives.map((hits, i) => ratio(hits, hits + (counts.falsePositives[i] as number)))]
    const heightOf = {
      interpolation: (a: number, b: number): number => (a + b) / 2,
      minoring: Math.min,
      majoring: Math.max,
    }[this.summationMethod]
    let area = 0
    for (let i = 0; i + 1 < x.length; i++)
      area += ((x[i] as number) - (x[i + 1] as number)) * heightOf(y[i] as number, y[i + 1] as number)
    return area
  }

  override getConfig(): Config {
    const { numThresholds, curve, summationMethod, fromLogits } = this
    return { ...super.getConfig(), numThresholds, curve, summationMethod, fromLogits }
  }
}

/**
 * Between two thresholds true and false positives vary linearly, so precision is TP / P along a hyperbola (Davis and Goadrich 2006); the area
 * of a piece is slope · (ΔTP + intercept · log(P_A / P_B)).
 */
function interpolatedPrecisionRecall({ truePositives, falsePositives, positives }: Counts): number {
  const predicted = truePositives.map((hits, i) => hits + (falsePositives[i] as number))
  let area = 0
  for (let i = 0; i + 1 < predicted.length; i++) {
    const [p, next] = [predicted[i] as number, predicted[i + 1] as number]
    const gained = (truePositives[i] as number) - (truePositives[i + 1] as number)
    const slope = ratio(gained, Math.max(p - next, 0))
    const intercept = (truePositives[i + 1] as number) - slope * next
    const logarithm = p > 0 && next > 0 ? Math.log(p / next) : 0
    area += ratio(slope * (gained + intercept * logarithm), positives)
  }
  return area
}
