// Projections applied to a parameter after each update. Formulas and defaults of Keras 3. The optimizer looks them up by variable.
import { ValueError, wrongArgument } from '../errors.js'
import { formula, square } from '../ops/elementwise.js'
import type { Formula } from '../ops/expression/formula.js'
import { sum } from '../ops/reduce.js'
import { Variable } from '../tensor/tensor.js'
import { fraction, notNegative } from './check.js'
import { type Config, type Configurable, Registry, type Serialized } from './registry.js'

const epsilon = 1e-7

type Axis = number | readonly number[]

/** A projection of a parameter onto an allowed set. `rule` takes the parameter and, given an axis, its squared norms along it. */
export class Constraint implements Configurable {
  constructor(
    readonly className: string,
    private readonly config: Config,
    private readonly rule: Formula,
    private readonly axis: Axis | null,
  ) {}

  getConfig(): Config {
    return this.config
  }

  /** Overwrites the variable with its projection. */
  project(variable: Variable): void {
    if (!(variable instanceof Variable)) throw new ValueError(wrongArgument(this.className, 'variable', 'a Variable', variable))
    const norms = this.axis === null ? [] : [sum(square(variable.detach()), this.axis, true)]
    this.rule.assign([variable], [variable, ...norms])
  }
}

export const constraintRegistry = new Registry<Constraint>('constraint')

function checkAxis(fn: string, axis: unknown): Axis {
  const list = Array.isArray(axis) ? axis : [axis]
  if (!list.every(Number.isInteger)) throw new ValueError(wrongArgument(fn, 'axis', 'an integer or an array of integers', axis))
  return axis as Axis
}

type AxisOption = {
  /** Axes along which norms are taken (default 0: the incoming weights of each unit of a dense layer; [0, 1, 2] for conv2d). */
  axis?: Axis
}

/** Norms above `maxValue` (default 2) are scaled down to it. */
export const maxNorm = constraintRegistry.register(
  'maxNorm',
  ({ maxValue = 2, axis = 0 }: AxisOption & { maxValue?: number }) => {
    notNegative('maxNorm', 'maxValue', maxValue)
    const rule = formula('maxNorm', 2, (w, squares) => {
      const norm = squares.sqrt()
      return w.mul(norm.clip(0, maxValue).div(norm.add(epsilon)))
    })
    return new Constraint('maxNorm', { maxValue, axis }, rule, checkAxis('maxNorm', axis))
  },
)
/** Negative weights become 0. */
export const nonNeg = constraintRegistry.register(
  'nonNeg',
  (_: object) =>
    new Constraint(
      'nonNeg',
      {},
      formula('nonNeg', 1, (w) => w.maximum(0)),
      null,
    ),
)
/** Norms become 1. */
export const unitNorm = constraintRegistry.register('unitNorm', ({ axis = 0 }: AxisOption) => {
  const rule = formula('unitNorm', 2, (w, squares) => w.div(squares.sqrt().add(epsilon)))
  return new Constraint('unitNorm', { axis }, rule, checkAxis('unitNorm', axis))
})
/** Norms outside [minValue, maxValue] (default [0, 1]) are moved towards it by `rate` (default 1: all the way). */
export const minMaxNorm = constraintRegistry.register(
  'minMaxNorm',
  ({ minValue = 0, maxValue = 1, rate = 1, axis = 0 }: AxisOption & { minValue?: number; maxValue?: number; rate?: number }) => {
    notNegative('minMaxNorm', 'minValue', minValue)
    notNegative('minMaxNorm', 'maxValue', maxValue)
    fraction('minMaxNorm', 'rate', rate)
    const rule = formula('minMaxNorm', 2, (w, squares) => {
      const norm = squares.sqrt()
      const desired = norm
        .clip(minValue, maxValue)
        .mul(rate)
        .add(norm.mul(1 - rate))
      return w.mul(desired.div(norm.add(epsilon)))
    })
    return new Constraint('minMaxNorm', { minValue, maxValue, rate, axis }, rule, checkAxis('minMaxNorm', axis))
  },
)

/** A constraint by name, made by its factory, or in saved form; null for none. */
export type ConstraintLike = 'maxNorm' | 'nonNeg' | 'unitNorm' | 'minMaxNorm' | Constraint | Serialized | null

/** The constraint of that name, or the given one. */
export function getConstraint(fn: string, value: ConstraintLike | undefined): Constraint | null {
  return value === null || value === undefined ? null : constraintRegistry.resolve(fn, value)
}

const constrained = new WeakMap<Variable, Constraint>()

/** Has optimizers apply `constraint` to the variable after each update. */
export function constrain(variable: Variable, constraint: Constraint | null): void {
  if (constraint) constrained.set(variable, constraint)
}

/** The constraint of a variable, if it has one. */
export function constraintOf(variable: Variable): Constraint | undefined {
  return constrained.get(variable)
}
