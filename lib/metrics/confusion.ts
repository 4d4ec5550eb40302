// Counts of true and false positives and negatives, and what is made of them: precision, recall, F1, the confusion matrix.
import { inTheNameOf } from '../dispatch.js'
import { ShapeError, ValueError, wrongArgument } from '../errors.js'
import { positiveInteger } from '../nn/check.js'
import { alignPair, alignWeights } from '../nn/losses/reduction.js'
import type { Config } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula, mul } from '../ops/elementwise.js'
import { gather, oneHot } from '../ops/gather.js'
import { matMul } from '../ops/matmul.js'
import { argMax, sum } from '../ops/reduce.js'
import { expandDims, reshape } from '../ops/shape-ops.js'
import { wholeNumbers } from '../ops/whole-numbers.js'
import { full, tensor } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { Metric, type MetricOptions, ratio } from './metric.js'

/** Options of `precision` and `recall`. */
export interface ThresholdOptions extends MetricOptions {
  /** Predictions above it count as positive; several give an array of results (default 0.5). */
  thresholds?: number | readonly number[]
  /** Look at this class only: this position of the last axis (default: all elements). */
  classId?: number | null
}

// Inputs: thresholds [T, 1], target, prediction, weight [1, M].
const truePositive = formula('truePositives', 4, (t, y, p, w) => p.greater(t).where(y.notEqual(0).where(w, 0), 0))
const falsePositive = formula('falsePositives', 4, (t, y, p, w) => p.greater(t).where(y.notEqual(0).where(0, w), 0))
const falseNegative = formula('falseNegatives', 4, (t, y, p, w) => p.greater(t).where(0, y.notEqual(0).where(w, 0)))

/** A weight for every element of `like`, from weights per sample; ones without. */
export function elementWeights(fn: string, weights: Tensor | null, like: Tensor): Tensor {
  if (!weights) return full(like.shape, 1)
  return mul(full(like.shape, 1), alignWeights(fn, weights, like))
}

/** Targets and predictions as float tensors of one shape, a single class picked if wanted. */
function alignClass(fn: string, yTrue: Tensor, yPred: Tensor, classId: number | null): [Tensor, Tensor] {
  const [target, prediction] = alignPair(fn, yTrue, isFloat(yPred.dtype) ? yPred : castTo(yPred, 'float32'))
  if (classId === null) return [target, prediction]
  const last = prediction.rank - 1
  if (classId >= (prediction.shape[last] as number))
    throw new ShapeError(
      `${fn}: classId ${classId} needs more than ${prediction.shape[last]} classes, got shape ${showShape(prediction.shape)}`,
    )
  const pick = (x: Tensor): Tensor => gather(x, tensor([classId], [1], 'int32'), last)
  return [pick(target), pick(prediction)]
}

abstract class Thresholded extends Metric<number | number[]> {
  readonly thresholds: readonly number[]
  readonly classId: number | null
  private readonly single: boolean

  constructor(kind: string, options: ThresholdOptions) {
    super(kind, options)
    const { thresholds = 0.5, classId = null } = options
    this.single = typeof thresholds === 'number'
    const list = typeof thresholds === 'number' ? [thresholds] : thresholds
    if (!Array.isArray(list) || list.length === 0 || list.some((t) => !(t >= 0 && t <= 1)))
      throw new ValueError(wrongArgument(kind, 'thresholds', 'a number in [0, 1] or an array of them', thresholds))
    if (classId !== null && (!Number.isInteger(classId) || classId < 0))
      throw new ValueError(wrongArgument(kind, 'classId', 'a non-negative integer', classId))
    this.thresholds = [...list]
    this.classId = classId
  }

  protected accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void {
    const [target, prediction] = alignClass(this.name, yTrue, yPred, this.classId)
    const row = (x: Tensor): Tensor => reshape(x, [1, x.size])
    const each = row(elementWeights(this.name, weights, prediction))
    const inputs = [
      tensor([...this.thresholds], [this.thresholds.length, 1], prediction.dtype),
      row(target),
      row(prediction),
      each,
    ]
    this.add('truePositives', sum(applyFormula(truePositive, inputs), 1))
    for (const [name, rule] of this.others) this.add(name, sum(applyFormula(rule, inputs), 1))
  }

  /** What is counted beside true positives. */
  protected abstract readonly others: readonly (readonly [string, typeof truePositive])[]

  protected ratios(other: string): number | number[] {
    const count = this.thresholds.length
    const rest = this.values(other, count)
    const list = this.values('truePositives', count).map((hits, i) => ratio(hits, hits + (rest[i] as number)))
    return this.single ? (list[0] as number) : list
  }

  override getConfig(): Config {
    return { ...super.getConfig(), thresholds: this.single ? this.thresholds[0] : this.thresholds, classId: this.classId }
  }
}

/** True positives over predicted positives; 0 if nothing was predicted positive. */
export class Precision extends Thresholded {
  readonly className = 'precision'
  protected readonly others = [['falsePositives', falsePositive]] as const
  constructor(options: ThresholdOptions = {}) {
    super('precision', options)
  }
  result(): number | number[] {
    return this.ratios('falsePositives')
  }
}

/** True positives over actual positives; 0 if there are none. */
export class Recall extends Thresholded {
  readonly className = 'recall'
  protected readonly others = [['falseNegatives', falseNegative]] as const
  constructor(options: ThresholdOptions = {}) {
    super('recall', options)
  }
  result(): number | number[] {
    return this.ratios('falseNegatives')
  }
}

/** Figures per class, as `confusionMatrix` gives them. */
export interface ClassReport {
  readonly precision: number[]
  readonly recall: number[]
  readonly f1: number[]
  /** Weighted number of true samples. */
  readonly support: number[]
}

/** Options of `confusionMatrix`. */
export interface ConfusionMatrixOptions extends MetricOptions {
  numClasses: number
}

/**
 * Counts of (true class, predicted class): rows are true, columns predicted. Targets are labels (integers) or one-hot rows, predictions
 * labels or rows of scores.
 */
export class ConfusionMatrix extends Metric<number[][]> {
  readonly className = 'confusionMatrix'
  readonly numClasses: number

  constructor(options: ConfusionMatrixOptions) {
    super('confusionMatrix', options)
    this.numClasses = positiveInteger('confusionMatrix', 'numClasses', options.numClasses)
  }

  /** One-hot rows [samples, classes] of labels or of rows of scores. */
  private rows(argument: string, x: Tensor): Tensor {
    const scores = x.rank > 1 && x.shape[x.rank - 1] === this.numClasses
    if (x.rank > 1 && !scores && x.shape[x.rank - 1] !== 1)
      throw new ShapeError(
        `${this.name}: ${argument} must be labels [samples] or scores [samples, ${this.numClasses}], got shape ${showShape(x.shape)}`,
      )
    const labels = scores && this.numClasses > 1 ? argMax(x) : wholeNumbers(x)
    return inTheNameOf(this.name, 'oneHot', () => oneHot(reshape(labels, [labels.size]), this.numClasses))
  }

  protected accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void {
    const [target, prediction] = [this.rows('yTrue', yTrue), this.rows('yPred', yPred)]
    if (target.shape[0] !== prediction.shape[0])
      throw new ShapeError(`${this.name}: yTrue has ${target.shape[0]} samples, yPred ${prediction.shape[0]}`)
    const counted = weights ? mul(target, expandDims(reshape(weights, [weights.size]), -1)) : target
    this.add('matrix', matMul(counted, prediction, true, false))
  }

  result(): number[][] {
    const n = this.numClasses
    const values = this.values('matrix', n * n)
    return Array.from({ length: n }, (_, row) => values.slice(row * n, (row + 1) * n))
  }

  /** Precision, recall, F1 and support of each class. */
  perClass(): ClassReport {
    const matrix = this.result()
    const classes = matrix.map((_, k) => k)
    const hits = classes.map((k) => (matrix[k] as number[])[k] as number)
    const support = matrix.map((row) => row.reduce((a, b) => a + b, 0))
    const predicted = classes.map((k) => matrix.reduce((total, row) => total + (row[k] as number), 0))
    return {
      precision: classes.map((k) => ratio(hits[k] as number, predicted[k] as number)),
      recall: classes.map((k) => ratio(hits[k] as number, support[k] as number)),
      f1: classes.map((k) => ratio(2 * (hits[k] as number), (predicted[k] as number) + (support[k] as number))),
      support,
    }
  }

  override getConfig(): Config {
    return { ...super.getConfig(), numClasses: this.numClasses }
  }
}
