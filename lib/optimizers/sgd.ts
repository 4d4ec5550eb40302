// Stochastic gradient descent, with momentum as Keras 3 defines it.
import { fraction, truth } from '../nn/check.js'
import type { Config } from '../nn/registry.js'
import type { Expression } from '../ops/expression/expression.js'
import { Optimizer, type OptimizerOptions, type RuleInputs } from './optimizer.js'

/** Options of `sgd`. */
export interface SgdOptions extends OptimizerOptions {
  /** Default 0: none. */
  momentum?: number
  /** Nesterov's form of momentum (default false). */
  nesterov?: boolean
}

/**
 * w ← w − rate·g; with momentum μ: v ← μ·v − rate·g, w ← w + v, or w ← w + μ·v − rate·g in Nesterov's form. Default learning rate 0.01.
 */
export class Sgd extends Optimizer {
  readonly className = 'sgd'
  readonly momentum: number
  readonly nesterov: boolean
  protected readonly slotNames: readonly string[]

  constructor(options: SgdOptions = {}) {
    super('sgd', options, 0.01)
    this.momentum = fraction('sgd', 'momentum', options.momentum ?? 0)
    this.nesterov = truth('sgd', 'nesterov', options.nesterov ?? false)
    this.slotNames = this.momentum === 0 ? [] : ['momentum']
  }

  protected rule({ parameter, gradient, slots, rate }: RuleInputs): readonly Expression[] {
    const step = gradient.mul(rate)
    const [old] = slots
    if (!old) return [parameter.sub(step)]
    const velocity = old.mul(this.momentum).sub(step)
    return [parameter.add(this.nesterov ? velocity.mul(this.momentum).sub(step) : velocity), velocity]
  }

  override getConfig(): Config {
    return { ...super.getConfig(), momentum: this.momentum, nesterov: this.nesterov }
  }
}
