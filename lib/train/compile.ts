// What `compile` fixes: optimizer, loss and metrics, from names or objects, and their saved form.
// Invariant: whatever was given by name or made by a factory of the library can be saved; functions of the user's own cannot.
import { unrecorded } from '../dispatch.js'
import { checkOptions, describe, inNameOf, StateError, ValueError, wrongArgument } from '../errors.js'
import { getMetric, Metric, type MetricName } from '../metrics/index.js'
import { truth } from '../nn/check.js'
import { getLoss, type LossFunction, type LossLike, lossConfig, lossName } from '../nn/losses/index.js'
import type { Serialized } from '../nn/registry.js'
import { getOptimizer, type Optimizer, type OptimizerLike } from '../optimizers/index.js'
import type { Shape } from '../tensor/shape.js'
import { type NamedMetric, Tracker } from './tracker.js'

/** Options of `compile`. */
export interface CompileOptions {
  /** Name, or one made by a factory of `st.optimizers`. Default 'rmsprop'. */
  optimizer?: OptimizerLike
  /** Name, name with options (`{ className: 'huber', config: { delta: 2 } }`), or a function of (yTrue, yPred, { sampleWeight }). */
  loss: LossLike
  /** Names, or ones made by factories of `st.metrics`. 'accuracy' chooses the kind that fits loss and output. */
  metrics?: readonly (MetricName | Metric)[]
  /** The same, weighted by the sample and class weights. */
  weightedMetrics?: readonly (MetricName | Metric)[]
  /** Sets the model's `runEagerly`. */
  runEagerly?: boolean
}

/** Saved form of a compiled state; what has none is null. */
export interface SavedCompile {
  readonly optimizer: Serialized
  readonly loss: Serialized | null
  readonly metrics: readonly (string | Serialized)[]
  readonly weightedMetrics: readonly (string | Serialized)[]
}

export class Compiled {
  readonly optimizer: Optimizer
  readonly loss: LossFunction
  /** The figures of the epoch being trained, once there are any. */
  training: Tracker | null = null

  constructor(private readonly options: CompileOptions) {
    checkOptions('compile', options, ['optimizer', 'loss', 'metrics', 'weightedMetrics', 'runEagerly'])
    const { loss, metrics = [], weightedMetrics = [] } = options
    if (options.runEagerly !== undefined) truth('compile', 'runEagerly', options.runEagerly)
    this.optimizer = getOptimizer(options.optimizer ?? 'rmsprop', 'compile')
    this.loss = getLoss(loss, 'compile')
    for (const [name, list] of Object.entries({ metrics, weightedMetrics })) {
      if (!Array.isArray(list) || list.some((item) => typeof item !== 'string' && !(item instanceof Metric)))
        throw new ValueError(wrongArgument('compile', name, 'an array of names or metrics', list))
    }
    for (const item of [...metrics, ...weightedMetrics])
      if (typeof item === 'string') inNameOf('compile', 'getMetric', () => getMetric(item, lossName(this.loss), [1]))
  }

  /** Figures from nothing. The shape of the output must be known, since 'accuracy' depends on it. */
  newTracker(outputShape: Shape): Tracker {
    return unrecorded(() => {
      const tracker = new Tracker(this.resolve(outputShape), outputShape)
      tracker.reset()
      return tracker
    })
  }

  private resolve(outputShape: Shape): NamedMetric[] {
    const { metrics = [], weightedMetrics = [] } = this.options
    const used = new Map<string, number>([['loss', 1]])
    const name = (wanted: string): string => {
      const count = used.get(wanted) ?? 0
      used.set(wanted, count + 1)
      return count === 0 ? wanted : `${wanted}_${count}`
    }
    const make = (item: MetricName | Metric, weighted: boolean): NamedMetric => ({
      name: name(typeof item === 'string' ? item : item.name),
      metric: typeof item === 'string' ? getMetric(item, lossName(this.loss), outputShape) : item,
      weighted,
    })
    return [...metrics.map((item) => make(item, false)), ...weightedMetrics.map((item) => make(item, true))]
  }

  /** The saved form. A loss that is a function of the user's own is saved as null: compile the loaded model before training it. */
  serialize(): SavedCompile {
    const { metrics = [], weightedMetrics = [] } = this.options
    const plain = (item: MetricName | Metric): string | Serialized =>
      typeof item === 'string' ? item : { className: item.className, config: item.getConfig() }
    return {
      optimizer: { className: this.optimizer.className, config: this.optimizer.getConfig() },
      loss: lossConfig(this.loss),
      metrics: metrics.map(plain),
      weightedMetrics: weightedMetrics.map(plain),
    }
  }
}

/** The compiled state in saved form, read from a file; null if its loss could not be saved. */
export function compileOptionsOf(saved: unknown, where: string): CompileOptions | null {
  const { optimizer, loss, metrics, weightedMetrics } = (saved ?? {}) as Partial<SavedCompile>
  if (loss === null) return null
  const list = (value: unknown, name: string): (MetricName | Metric)[] => {
    if (!Array.isArray(value)) throw new ValueError(`${where}: ${name} must be a list, got ${describe(value)}`)
    return value.map((item) => (typeof item === 'string' ? (item as MetricName) : getMetric(item as never, '', [1])))
  }
  return {
    optimizer: getOptimizer(optimizer as never),
    loss: loss as Serialized,
    metrics: list(metrics, 'metrics'),
    weightedMetrics: list(weightedMetrics, 'weightedMetrics'),
  }
}

/** The compiled state, or an error that says what to do. */
export function needCompiled(fn: string, compiled: Compiled | null): Compiled {
  if (!compiled) throw new StateError(`${fn}: the model is not compiled; call model.compile({ optimizer, loss, metrics }) first`)
  return compiled
}
