// What all metrics share. State lives in float64 variables that native kernels accumulate into, so that nothing is lost over long streams
// and nothing is read back before `result`. Invariant: `update` leaves no tensors behind and records no gradients.
import { noGrad } from '../autograd/mode.js'
import { unrecorded } from '../dispatch.js'
import { DTypeError, ValueError, wrongArgument } from '../errors.js'
import { alignWeights } from '../nn/losses/reduction.js'
import type { Config, Configurable } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula } from '../ops/elementwise.js'
import { mean, sum } from '../ops/reduce.js'
import { full, type TensorLike, toTensor } from '../tensor/creation.js'
import { type Shape, sameShape } from '../tensor/shape.js'
import { Tensor, Variable } from '../tensor/tensor.js'
import { tidy } from '../tensor/tidy.js'

/** Options of every metric. */
export interface MetricOptions {
  /** Name in logs (default: the metric's own). */
  name?: string
}

/** What a metric tells: a number, or arrays of numbers (one per class, threshold, or a matrix). */
export type MetricResult = number | number[] | number[][]

const accumulate = formula('accumulate', 2, (total, more) => total.add(more))

/** Base class of metrics: a figure over all batches since the last `reset`. One of your own defines `accumulate` and `result`. */
export abstract class Metric<R extends MetricResult = MetricResult> implements Configurable {
  abstract readonly className: string
  readonly name: string
  private readonly states = new Map<string, Variable>()

  constructor(kind: string, options: MetricOptions) {
    if (typeof options !== 'object' || options === null)
      throw new ValueError(wrongArgument(kind, 'options', 'an object', options))
    if (options.name !== undefined && (typeof options.name !== 'string' || options.name === ''))
      throw new ValueError(wrongArgument(kind, 'name', 'a non-empty string', options.name))
    this.name = options.name ?? kind
  }

  /** Adds a batch; `weights` is a float tensor or null. */
  protected abstract accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void

  /** The figure over everything added since the last reset. */
  abstract result(): R

  /** Takes a batch into account. `sampleWeight` holds a weight per sample. */
  update(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    noGrad(() =>
      tidy(() => {
        const weights =
          sampleWeight === undefined || sampleWeight === null
            ? null
            : castTo(toTensor(this.name, sampleWeight, undefined, 'sampleWeight'), 'float32')
        this.accumulate(toTensor(this.name, yTrue, undefined, 'yTrue'), toTensor(this.name, yPred, undefined, 'yPred'), weights)
      }),
    )
  }

  /** Forgets everything. */
  reset(): void {
    for (const variable of this.states.values()) tidy(() => variable.assign(full(variable.shape, 0, 'float64')))
  }

  /** The state of that name, made at its first use. */
  protected state(name: string, shape: Shape = []): Variable {
    let variable = this.states.get(name)
    if (!variable) {
      variable = unrecorded(() => new Variable(full(shape, 0, 'float64'), { trainable: false, name }))
      this.states.set(name, variable)
    }
    return variable
  }

  /** Adds a tensor to a state of its shape. */
  protected add(name: string, more: Tensor): void {
    const variable = this.state(name, more.shape)
    accumulate.assign([variable], [variable, more.dtype === 'bool' || more.dtype === 'uint8' ? castTo(more, 'int32') : more])
  }

  /** The values of a state; zeros before the first batch. */
  protected values(name: string, length = 1): number[] {
    const variable = this.states.get(name)
    return variable ? Array.from(variable.dataSync()) : new Array<number>(length).fill(0)
  }

  /** All state by name: what a checkpoint of a running evaluation would hold. */
  variables(): [string, Variable][] {
    return [...this.states]
  }

  /** Continues from the values that `variables` listed. */
  loadState(state: Readonly<Record<string, Tensor>>): void {
    if (typeof state !== 'object' || state === null)
      throw new ValueError(wrongArgument('loadState', 'state', 'an object of tensors', state))
    for (const [name, value] of Object.entries(state)) {
      if (!(value instanceof Tensor)) throw new ValueError(wrongArgument('loadState', `state['${name}']`, 'a Tensor', value))
      if (value.dtype !== 'float64')
        throw new DTypeError(`loadState: '${name}' of ${this.name} must be float64, got ${value.dtype}`)
      const known = this.states.get(name)
      if (known && sameShape(known.shape, value.shape)) known.assign(value)
      else this.states.set(name, new Variable(value, { trainable: false, name }))
    }
  }

  /** Options that make an equal metric. */
  getConfig(): Config {
    return { name: this.name }
  }
}

/** a / b, 0 where b is 0. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b
}

/** A weighted mean of values, one or more per sample. */
export abstract class MeanOfValues extends Metric<number> {
  /** Values of a batch: one per sample, or more, which are averaged over the last axes as far as the weights have fewer. */
  protected abstract valuesOf(yTrue: Tensor, yPred: Tensor): Tensor

  protected accumulate(yTrue: Tensor, yPred: Tensor, weights: Tensor | null): void {
    this.addValues(this.valuesOf(yTrue, yPred), weights)
  }

  /** Adds values with their weights to the mean. */
  protected addValues(given: Tensor, weights: Tensor | null): void {
    let values = given
    if (values.dtype !== 'float32' && values.dtype !== 'float64') values = castTo(values, 'float32')
    if (!weights) {
      this.add('total', sum(values))
      this.add('count', full([], values.size, 'float64'))
      return
    }
    if (weights.rank > 0 && values.rank > weights.rank)
      values = mean(
        values,
        values.shape.flatMap((_, axis) => (axis >= weights.rank ? [axis] : [])),
      )
    const aligned = alignWeights(this.name, weights, values)
    this.add('total', sum(applyFormula(weighted, [values, aligned])))
    this.add('count', sum(applyFormula(weighted, [full(values.shape, 1), aligned])))
  }

  result(): number {
    return ratio(this.values('total')[0] as number, this.values('count')[0] as number)
  }
}

const weighted = formula('weighted', 2, (value, weight) => value.mul(weight))
