// Adam (Kingma and Ba 2015), its AMSGrad variant (Reddi et al. 2018) and AdamW (Loshchilov and Hutter 2019), as Keras 3 defines them.
import { fraction, notNegative, truth } from '../nn/check.js'
import type { Config } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula } from '../ops/elementwise.js'
import type { Expression } from '../ops/expression/expression.js'
import type { Formula } from '../ops/expression/formula.js'
import type { Tensor } from '../tensor/tensor.js'
import { Optimizer, type OptimizerOptions, type RuleInputs } from './optimizer.js'

/** Options of `adam` and `adamW`. */
export interface AdamOptions extends OptimizerOptions {
  /** What is kept of the running mean at each step (default 0.9). */
  beta1?: number
  /** What is kept of the running mean of squares at each step (default 0.999). */
  beta2?: number
  /** Default 1e-7 (PyTorch: 1e-8). */
  epsilon?: number
  /** Divide by the greatest mean of squares so far (default false). */
  amsgrad?: boolean
}

/** rate·√(1 − β₂ᵗ) / (1 − β₁ᵗ), t counting from 1. Runs in float64 (one element): 1 − βᵗ in float32 would lose five digits at t = 1. */
function correction(beta1: number, beta2: number): Formula {
  return formula('adamRate', 2, (rate, step) => {
    const rest = (beta: number): Expression => step.add(1).mul(Math.log(beta)).expm1().neg()
    return rate.mul(rest(beta2).sqrt()).div(rest(beta1))
  })
}

/**
 * m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v), w ← w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m / (√v + ε). Default learning rate 0.001.
 */
export class Adam extends Optimizer {
  readonly className: string
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly amsgrad: boolean
  protected readonly slotNames: readonly string[]
  private readonly correct: Formula

  constructor(options: AdamOptions = {}, kind: 'adam' | 'adamW' = 'adam') {
    super(kind, options, 0.001, kind === 'adamW' ? 0.004 : null)
    this.className = kind
    this.beta1 = fraction(kind, 'beta1', options.beta1 ?? 0.9, true)
    this.beta2 = fraction(kind, 'beta2', options.beta2 ?? 0.999, true)
    this.epsilon = notNegative(kind, 'epsilon', options.epsilon ?? 1e-7)
    this.amsgrad = truth(kind, 'amsgrad', options.amsgrad ?? false)
    this.slotNames = ['momentum', 'velocity', ...(this.amsgrad ? ['velocityHat'] : [])]
    this.correct = correction(this.beta1, this.beta2)
  }

  protected override prepareRate(step: Tensor): Tensor {
    return castTo(applyFormula(this.correct, [this.rateVariable, step]), 'float32')
  }

  protected rule({ parameter, gradient, slots, rate }: RuleInputs): readonly Expression[] {
    const [oldMomentum, oldVelocity, greatest] = slots as [Expression, Expression, Expression | undefined]
    const momentum = oldMomentum.add(gradient.sub(oldMomentum).mul(1 - this.beta1))
    const velocity = oldVelocity.add(
      gradient
        .square()
        .sub(oldVelocity)
        .mul(1 - this.beta2),
    )
    const hat = greatest?.maximum(velocity)
    const step = momentum.mul(rate).div((hat ?? velocity).sqrt().add(this.epsilon))
    return [parameter.sub(step), momentum, velocity, ...(hat ? [hat] : [])]
  }

  override getConfig(): Config {
    const { beta1, beta2, epsilon, amsgrad } = this
    return { ...super.getConfig(), beta1, beta2, epsilon, amsgrad }
  }
}
