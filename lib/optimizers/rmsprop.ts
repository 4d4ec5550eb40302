// RMSprop (Tieleman and Hinton 2012), as Keras 3 defines it: epsilon inside the root.
import { fraction, notNegative, truth } from '../nn/check.js'
import type { Config } from '../nn/registry.js'
import type { Expression } from '../ops/expression/expression.js'
import { Optimizer, type OptimizerOptions, type RuleInputs } from './optimizer.js'

/** Options of `rmsprop`. */
export interface RmspropOptions extends OptimizerOptions {
  /** What is kept of the running mean of squares at each step (default 0.9). */
  rho?: number
  /** Default 0: none. */
  momentum?: number
  /** Default 1e-7. */
  epsilon?: number
  /** Divide by the deviation instead of the root mean square (default false). */
  centered?: boolean
}

/**
 * v ← ρ·v + (1 − ρ)·g², w ← w − rate·g / √(v + ε). Centered: v less the square of the running mean of g. With momentum μ the step is
 * accumulated: m ← μ·m + step, w ← w − m. Default learning rate 0.001.
 */
export class Rmsprop extends Optimizer {
  readonly className = 'rmsprop'
  readonly rho: number
  readonly momentum: number
  readonly epsilon: number
  readonly centered: boolean
  protected readonly slotNames: readonly string[]

  constructor(options: RmspropOptions = {}) {
    super('rmsprop', options, 0.001)
    this.rho = fraction('rmsprop', 'rho', options.rho ?? 0.9)
    this.momentum = fraction('rmsprop', 'momentum', options.momentum ?? 0)
    this.epsilon = notNegative('rmsprop', 'epsilon', options.epsilon ?? 1e-7)
    this.centered = truth('rmsprop', 'centered', options.centered ?? false)
    this.slotNames = ['velocity', ...(this.centered ? ['averageGradient'] : []), ...(this.momentum > 0 ? ['momentum'] : [])]
  }

  protected rule({ parameter, gradient, slots, rate }: RuleInputs): readonly Expression[] {
    const { rho, momentum, epsilon, centered } = this
    const velocity = (slots[0] as Expression).mul(rho).add(gradient.square().mul(1 - rho))
    const average = centered ? (slots[1] as Expression).mul(rho).add(gradient.mul(1 - rho)) : null
    const spread = (average ? velocity.sub(average.square()) : velocity).add(epsilon)
    const step = rate.mul(gradient).div(spread.sqrt())
    const moved = momentum > 0 ? (slots[slots.length - 1] as Expression).mul(momentum).add(step) : null
    return [parameter.sub(moved ?? step), velocity, ...(average ? [average] : []), ...(moved ? [moved] : [])]
  }

  override getConfig(): Config {
    const { rho, momentum, epsilon, centered } = this
    return { ...super.getConfig(), rho, momentum, epsilon, centered }
  }
}
