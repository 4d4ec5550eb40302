// The figures of an epoch as they accumulate: mean loss and metrics, kept in native variables and read only when somebody looks.
// Invariant: a tracker's state is its variables, so that a saved run continues with the same bits.
import { noGrad } from '../autograd/mode.js'
import { ValueError } from '../errors.js'
import type { Metric } from '../metrics/index.js'
import { clone } from '../ops/cast.js'
import { formula } from '../ops/elementwise.js'
import { full, zeros } from '../tensor/creation.js'
import type { Shape } from '../tensor/shape.js'
import { type Tensor, Variable } from '../tensor/tensor.js'
import type { Logs } from './logs.js'

/** A metric under the name by which it was asked for. */
export interface NamedMetric {
  readonly name: string
  readonly metric: Metric
  /** Whether it takes account of sample weights. */
  readonly weighted: boolean
}

/** total + value · size and count + size, in double precision: an epoch of any length loses nothing. */
const accumulate = formula('accumulateLoss', 4, (total, count, value, size) => [total.add(value.mul(size)), count.add(size)])

/** Saved form of a tracker. */
export interface TrackerState {
  /** Shape of the output that the metrics were chosen for. */
  readonly outputShape: Shape
  readonly count: number
  readonly tensors: Readonly<Record<string, Tensor>>
}

export class Tracker {
  private readonly total = new Variable(zeros([], 'float64'), { trainable: false, name: 'loss' })
  private readonly samples = new Variable(zeros([], 'float64'), { trainable: false, name: 'samples' })

  constructor(
    private readonly metrics: readonly NamedMetric[],
    private readonly outputShape: Shape,
  ) {}

  reset(): void {
    this.total.assign(zeros([], 'float64'))
    this.samples.assign(zeros([], 'float64'))
    for (const { metric } of this.metrics) metric.reset()
  }

  /** Samples taken account of. */
  get count(): number {
    return this.samples.item()
  }

  /** Takes account of one batch of `size` samples. */
  update(loss: Tensor, size: number, y: Tensor | null, prediction: Tensor, weight: Tensor | null): void {
    noGrad(() => {
      accumulate.assign([this.total, this.samples], [this.total, this.samples, loss.detach(), full([], size, 'float64')])
      if (!y) return
      const output = prediction.detach()
      for (const { metric, weighted } of this.metrics) metric.update(y, output, weighted && weight ? weight : undefined)
    })
  }

  /** The figures so far. Metrics whose result is no single number, such as a confusion matrix, are read from the metric itself. */
  logs(): Logs {
    const { count } = this
    const logs: Logs = { loss: count === 0 ? Number.NaN : this.total.item() / count }
    for (const { name, metric } of this.metrics) {
      const value: unknown = metric.result()
      if (typeof value === 'number') logs[name] = value
    }
    return logs
  }

  getState(): TrackerState {
    const variables = this.metrics.flatMap(({ metric }, i) =>
      metric.variables().map(([name, variable]): [string, Variable] => [`${i}.${name}`, variable]),
    )
    const all: [string, Variable][] = [['loss', this.total], ...variables]
    const tensors = noGrad(() => Object.fromEntries(all.map(([name, variable]) => [name, clone(variable)])))
    return { outputShape: this.outputShape, count: this.count, tensors }
  }

  /** Continues from a saved state, of a tracker with the same metrics. */
  setState({ count, tensors }: TrackerState): void {
    if (!tensors.loss) throw new ValueError("fit: the saved figures have no 'loss'")
    this.samples.assign(full([], count, 'float64'))
    this.total.assign(tensors.loss)
    this.metrics.forEach(({ metric }, i) => {
      const start = `${i}.`
      const own = Object.entries(tensors).filter(([name]) => name.startsWith(start))
      metric.loadState(Object.fromEntries(own.map(([name, value]) => [name.slice(start.length), value])))
    })
  }
}
