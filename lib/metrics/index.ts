// The metrics by name and by factory, and how a name is understood for a loss and an output.
import { describe, ValueError, wrongArgument } from '../errors.js'
import type { BatchShape } from '../nn/layer.js'
import { type LossLike, type LossName, lossNames } from '../nn/losses/index.js'
import { Registry, type Serialized } from '../nn/registry.js'
import {
  BinaryAccuracy,
  type BinaryAccuracyOptions,
  CategoricalAccuracy,
  Mean,
  MeanLoss,
  type MeanLossOptions,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  TopKCategoricalAccuracy,
  type TopKOptions,
} from './accuracy.js'
import { Auc, type AucOptions } from './auc.js'
import { ConfusionMatrix, type ConfusionMatrixOptions, Precision, Recall, type ThresholdOptions } from './confusion.js'
import { F1Score, type F1ScoreOptions } from './f1.js'
import { Metric, type MetricOptions, type MetricResult } from './metric.js'

export type { ClassReport } from './confusion.js'
export { MeanOfValues } from './metric.js'
export {
  Auc,
  type AucOptions,
  BinaryAccuracy,
  type BinaryAccuracyOptions,
  CategoricalAccuracy,
  ConfusionMatrix,
  type ConfusionMatrixOptions,
  F1Score,
  type F1ScoreOptions,
  Mean,
  MeanLoss,
  type MeanLossOptions,
  Metric,
  type MetricOptions,
  type MetricResult,
  Precision,
  Recall,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  type ThresholdOptions,
  TopKCategoricalAccuracy,
  type TopKOptions,
}

export const metricRegistry = new Registry<Metric>('metric')

function register<O extends object, M extends Metric>(name: string, make: (options: O) => M): (options?: O) => M {
  return metricRegistry.register(name, make) as (options?: O) => M
}

/** The metrics: `st.metrics.auc({ curve: 'PR' })`. */
export const metrics = {
  /** How often predictions lie on the right side of a threshold (default 0.5). */
  binaryAccuracy: register('binaryAccuracy', (options: BinaryAccuracyOptions) => new BinaryAccuracy(options)),
  /** How often the greatest prediction is at the class of a one-hot target. */
  categoricalAccuracy: register('categoricalAccuracy', (options: MetricOptions) => new CategoricalAccuracy(options)),
  /** How often the greatest prediction is at the label. */
  sparseCategoricalAccuracy: register(
    'sparseCategoricalAccuracy',
    (options: MetricOptions) => new SparseCategoricalAccuracy(options),
  ),
  /** How often the class of a one-hot target is among the k greatest predictions. */
  topKCategoricalAccuracy: register('topKCategoricalAccuracy', (options: TopKOptions) => new TopKCategoricalAccuracy(options)),
  /** How often the label is among the k greatest predictions. */
  sparseTopKCategoricalAccuracy: register(
    'sparseTopKCategoricalAccuracy',
    (options: TopKOptions) => new SparseTopKCategoricalAccuracy(options),
  ),
  /** True positives over predicted positives, at one or more thresholds. */
  precision: register('precision', (options: ThresholdOptions) => new Precision(options)),
  /** True positives over actual positives, at one or more thresholds. */
  recall: register('recall', (options: ThresholdOptions) => new Recall(options)),
  /** 2·precision·recall / (precision + recall), per class or averaged. */
  f1Score: register('f1Score', (options: F1ScoreOptions) => new F1Score(options)),
  /** Area under the ROC or precision-recall curve. */
  auc: register('auc', (options: AucOptions) => new Auc(options)),
  /** Counts of (true class, predicted class), with precision, recall and F1 per class. */
  confusionMatrix: register('confusionMatrix', (options: ConfusionMatrixOptions) => new ConfusionMatrix(options)),
  /** The mean of predictions, or of any values. */
  mean: register('mean', (options: MetricOptions) => new Mean(options)),
  /** The mean of a loss over samples. */
  meanLoss: register('meanLoss', (options: MeanLossOptions) => new MeanLoss(options)),
  /** The mean squared error over samples. */
  meanSquaredError: (options: MetricOptions = {}): MeanLoss =>
    new MeanLoss({ ...options, loss: 'meanSquaredError' }, 'meanSquaredError'),
  /** The mean absolute error over samples. */
  meanAbsoluteError: (options: MetricOptions = {}): MeanLoss =>
    new MeanLoss({ ...options, loss: 'meanAbsoluteError' }, 'meanAbsoluteError'),
}

/** Names of metrics: those of `metrics`, of all losses, and 'accuracy', which depends on the loss. */
export type MetricName = Exclude<keyof typeof metrics, 'meanLoss' | 'confusionMatrix'> | LossName | 'accuracy' | 'acc'
/** A metric by name, made by its factory, or in saved form. */
export type MetricLike = MetricName | Metric | Serialized

/** Which accuracy fits: by the loss where it tells, else one output means binary, more mean categorical, as Keras decides. */
function accuracyFor(lossName: string | undefined, outputShape: BatchShape | undefined): string {
  if (lossName === 'sparseCategoricalCrossentropy' || lossName === 'negativeLogLikelihood') return 'sparseCategoricalAccuracy'
  if (lossName === 'categoricalCrossentropy') return 'categoricalAccuracy'
  const units = outputShape?.[outputShape.length - 1]
  if (lossName === 'binaryCrossentropy' || units === 1) return 'binaryAccuracy'
  return 'categoricalAccuracy'
}

/**
 * The metric of that name, or the given one. 'accuracy' becomes the binary, categorical or sparse one that fits the loss and the output; the
 * name of a loss becomes its mean over samples.
 */
export function getMetric(value: MetricLike, lossName?: string, outputShape?: BatchShape): Metric {
  if (typeof value !== 'string') {
    if (value instanceof Metric || (typeof value === 'object' && value !== null))
      return metricRegistry.resolve('getMetric', value)
    throw new ValueError(wrongArgument('getMetric', 'metric', 'the name of a metric or one made by its factory', value))
  }
  if (value === 'accuracy' || value === 'acc')
    return metricRegistry.make('getMetric', accuracyFor(lossName, outputShape), { name: value })
  if (metricRegistry.names.includes(value)) return metricRegistry.make('getMetric', value)
  if (lossNames.includes(value) || ['mse', 'mae', 'bce', 'nll'].includes(value))
    return new MeanLoss({ loss: value as LossLike, name: value })
  const known = [...new Set([...metricRegistry.names, ...lossNames, 'accuracy'])].sort().join(', ')
  throw new ValueError(`getMetric: unknown metric ${describe(value)}; known are ${known}`)
}
