// Adagrad (Duchi et al. 2011), as Keras 3 defines it.
import { notNegative } from '../nn/check.js'
import type { Config } from '../nn/registry.js'
import type { Expression } from '../ops/expression/expression.js'
import { Optimizer, type OptimizerOptions, type RuleInputs } from './optimizer.js'

/** Options of `adagrad`. */
export interface AdagradOptions extends OptimizerOptions {
  /** First value of the sums of squares (default 0.1). */
  initialAccumulatorValue?: number
  /** Default 1e-7. */
  epsilon?: number
}

/** a ← a + g², w ← w − rate·g / √(a + ε). Default learning rate 0.001. */
export class Adagrad extends Optimizer {
  readonly className = 'adagrad'
  readonly initialAccumulatorValue: number
  readonly epsilon: number
  protected readonly slotNames = ['accumulator']

  constructor(options: AdagradOptions = {}) {
    super('adagrad', options, 0.001)
    this.initialAccumulatorValue = notNegative('adagrad', 'initialAccumulatorValue', options.initialAccumulatorValue ?? 0.1)
    this.epsilon = notNegative('adagrad', 'epsilon', options.epsilon ?? 1e-7)
  }

  protected override slotInitial(): number {
    return this.initialAccumulatorValue
  }

  protected rule({ parameter, gradient, slots, rate }: RuleInputs): readonly Expression[] {
    const accumulator = (slots[0] as Expression).add(gradient.square())
    return [parameter.sub(rate.mul(gradient).div(accumulator.add(this.epsilon).sqrt())), accumulator]
  }

  override getConfig(): Config {
    const { initialAccumulatorValue, epsilon } = this
    return { ...super.getConfig(), initialAccumulatorValue, epsilon }
  }
}
