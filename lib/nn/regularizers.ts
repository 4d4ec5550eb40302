// Penalties on parameters, added to the loss. Defaults of Keras 3.
import { add, applyFormula, formula, mul } from '../ops/elementwise.js'
import { sum } from '../ops/reduce.js'
import type { Tensor } from '../tensor/tensor.js'
import { notNegative } from './check.js'
import { type Config, type Configurable, Registry, type Serialized } from './registry.js'

const absolute = formula('l1 penalty', 1, (w) => w.abs())
const squared = formula('l2 penalty', 1, (w) => w.square())

/** l1·Σ|w| + l2·Σw². */
export class Regularizer implements Configurable {
  constructor(
    readonly className: string,
    private readonly l1: number,
    private readonly l2: number,
    private readonly config: Config,
  ) {}

  getConfig(): Config {
    return this.config
  }

  /** The penalty, one element. */
  apply(w: Tensor): Tensor {
    const first = this.l1 > 0 ? mul(sum(applyFormula(absolute, [w])), this.l1) : null
    if (this.l2 === 0 && first) return first
    const second = mul(sum(applyFormula(squared, [w])), this.l2)
    return first ? add(first, second) : second
  }
}

export const regularizerRegistry = new Registry<Regularizer>('regularizer')

/** l1·Σ|w|, l1 = 0.01 by default. */
export const l1 = regularizerRegistry.register('l1', ({ l1 = 0.01 }: { l1?: number }) => {
  return new Regularizer('l1', notNegative('l1', 'l1', l1), 0, { l1 })
})
/** l2·Σw², l2 = 0.01 by default. */
export const l2 = regularizerRegistry.register('l2', ({ l2 = 0.01 }: { l2?: number }) => {
  return new Regularizer('l2', 0, notNegative('l2', 'l2', l2), { l2 })
})
/** l1·Σ|w| + l2·Σw², both 0 by default. */
export const l1l2 = regularizerRegistry.register('l1l2', ({ l1 = 0, l2 = 0 }: { l1?: number; l2?: number }) => {
  return new Regularizer('l1l2', notNegative('l1l2', 'l1', l1), notNegative('l1l2', 'l2', l2), { l1, l2 })
})

/** A regularizer by name, made by its factory, or in saved form; null for none. */
export type RegularizerLike = 'l1' | 'l2' | 'l1l2' | Regularizer | Serialized | null

/** The regularizer of that name, or the given one. */
export function getRegularizer(fn: string, value: RegularizerLike | undefined): Regularizer | null {
  return value === null || value === undefined ? null : regularizerRegistry.resolve(fn, value)
}
