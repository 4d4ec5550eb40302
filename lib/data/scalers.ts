// Scaling of columns: standardScaler (mean 0, deviation 1) and minMaxScaler (a given range), as in scikit-learn.
// Invariant: inverseTransform(transform(x)) is x up to rounding, constant columns included; NaN stays NaN and is left out of the fit.
import { misfit, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, tensor } from '../tensor/creation.js'
import { dtypes, isFloat } from '../tensor/dtype.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { toTable } from './arrays.js'
import { checkBoolean, checkNumber, checkOptions } from './check.js'

/** What a scaler has learnt: scaled = (x - center) / scale + offset, per column. Plain numbers, so that it can be stored as JSON. */
export interface ScalerState {
  readonly center: readonly number[]
  readonly scale: readonly number[]
  readonly offset: number
}

/** Base of the scalers: fits one center and one scale per column of [samples, features] and applies them. */
export abstract class ColumnScaler {
  private fitted: ScalerState | undefined

  protected constructor(private readonly fn: string) {}

  /** @internal Center and scale of one column; `values` has no NaN. */
  protected abstract measure(values: Float64Array): readonly [center: number, scale: number]

  /** @internal Added after scaling. */
  protected get offset(): number {
    return 0
  }

  /** Learns center and scale of every column of x, [samples, features]. Returns the scaler. */
  fit(x: TensorLike): this {
    const table = toTable(this.fn, 'x', x)
    const [rows, columns] = table.shape as readonly [number, number]
    if (rows === 0) throw new ValueError(misfit(this.fn, 'x', 'at least one sample', showShape(table.shape)))
    const data = table.dataSync()
    const measured = Array.from({ length: columns }, (_, column) => {
      const values = Float64Array.from({ length: rows }, (_, row) => data[row * columns + column] as number)
      return this.measure(values.filter((value) => !Number.isNaN(value)))
    })
    this.fitted = { center: measured.map(([center]) => center), scale: measured.map(([, scale]) => scale), offset: this.offset }
    return this
  }

  /** The columns of x scaled, in float32 (float64 for float64). */
  transform(x: TensorLike): Tensor {
    const { center, scale, offset } = this.state()
    return this.eachColumn(x, (value, column) => (value - (center[column] as number)) / (scale[column] as number) + offset)
  }

  /** `fit(x)`, then `transform(x)`. */
  fitTransform(x: TensorLike): Tensor {
    return this.fit(x).transform(x)
  }

  /** The values that `transform` would turn into x. */
  inverseTransform(x: TensorLike): Tensor {
    const { center, scale, offset } = this.state()
    return this.eachColumn(x, (value, column) => (value - offset) * (scale[column] as number) + (center[column] as number))
  }

  /** What was learnt, for storing. Throws StateError before `fit`. */
  state(): ScalerState {
    if (!this.fitted) throw new StateError(`${this.fn}: the scaler has not been fitted; call fit(x) first`)
    return this.fitted
  }

  /** Takes over what another scaler learnt. Returns the scaler. */
  loadState(state: ScalerState): this {
    const { center, scale, offset } = state ?? {}
    const numbers = (list: unknown) => Array.isArray(list) && list.every((value) => Number.isFinite(value))
    if (!numbers(center) || !numbers(scale) || center.length !== scale.length || scale.includes(0) || !Number.isFinite(offset)) {
      throw new ValueError(wrongArgument(this.fn, 'state', 'what state() returned: equally long lists of finite numbers', state))
    }
    this.fitted = { center: [...center], scale: [...scale], offset }
    return this
  }

  private eachColumn(x: TensorLike, change: (value: number, column: number) => number): Tensor {
    const table = toTable(this.fn, 'x', x)
    const columns = table.shape[1] as number
    const wanted = this.state().center.length
    if (columns !== wanted) {
      throw new ShapeError(misfit(this.fn, 'x', `of ${wanted} columns, as it was fitted`, showShape(table.shape)))
    }
    const dtype = isFloat(table.dtype) ? table.dtype : 'float32'
    const out = new dtypes[dtype].array(table.size)
    const data = table.dataSync()
    for (let i = 0; i < out.length; i++) out[i] = change(data[i] as number, i % columns)
    return tensor(out, table.shape)
  }
}

/** Options of `standardScaler`. */
export interface StandardScalerOptions {
  /** Subtract the mean. Default true. */
  readonly withMean?: boolean
  /** Divide by the standard deviation (of the population, as scikit-learn does). Default true. */
  readonly withStd?: boolean
}

/** Scales columns to mean 0 and standard deviation 1. Columns that do not vary are only centred. */
export class StandardScaler extends ColumnScaler {
  private readonly withMean: boolean
  private readonly withStd: boolean

  constructor(options: StandardScalerOptions = {}) {
    super('standardScaler')
    checkOptions('standardScaler', options, ['withMean', 'withStd'])
    this.withMean = checkBoolean('standardScaler', 'withMean', options.withMean ?? true)
    this.withStd = checkBoolean('standardScaler', 'withStd', options.withStd ?? true)
  }

  protected override measure(values: Float64Array): readonly [number, number] {
    const count = values.length
    if (count === 0) return [0, 1]
    const mean = values.reduce((sum, value) => sum + value, 0) / count
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count
    // Below the rounding error of the two sums the column is constant (Chan, Golub, LeVeque 1983, as scikit-learn).
    const error = count * Number.EPSILON * variance + (count * mean * Number.EPSILON) ** 2
    return [this.withMean ? mean : 0, this.withStd && variance > error ? Math.sqrt(variance) : 1]
  }
}

/** Options of `minMaxScaler`. */
export interface MinMaxScalerOptions {
  /** What minimum and maximum become. Default [0, 1]. */
  readonly featureRange?: readonly [low: number, high: number]
}

/** Scales columns so that their minimum and maximum become the ends of a range. Columns that do not vary become its lower end. */
export class MinMaxScaler extends ColumnScaler {
  private readonly low: number
  private readonly high: number

  constructor(options: MinMaxScalerOptions = {}) {
    super('minMaxScaler')
    checkOptions('minMaxScaler', options, ['featureRange'])
    const [low, high] = options.featureRange ?? [0, 1]
    this.low = checkNumber('minMaxScaler', 'featureRange[0]', low)
    this.high = checkNumber('minMaxScaler', 'featureRange[1]', high, low)
    if (low === high) throw new ValueError(wrongArgument('minMaxScaler', 'featureRange', 'two ascending numbers', [low, high]))
  }

  protected override get offset(): number {
    return this.low
  }

  protected override measure(values: Float64Array): readonly [number, number] {
    const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
    const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    if (!(high > low)) return [values.length === 0 ? 0 : low, 1 / (this.high - this.low)]
    return [low, (high - low) / (this.high - this.low)]
  }
}

/** A scaler to mean 0 and standard deviation 1: `fit`, `transform`, `fitTransform`, `inverseTransform`. */
export function standardScaler(options: StandardScalerOptions = {}): StandardScaler {
  return new StandardScaler(options)
}

/** A scaler to a range, by default [0, 1]: `fit`, `transform`, `fitTransform`, `inverseTransform`. */
export function minMaxScaler(options: MinMaxScalerOptions = {}): MinMaxScaler {
  return new MinMaxScaler(options)
}
