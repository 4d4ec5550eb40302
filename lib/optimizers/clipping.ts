// Gradient clipping as Keras 3 does it: by value, by the norm of each gradient, or by the norm of all of them together.
import { ValueError, wrongArgument } from '../errors.js'
import { positive } from '../nn/check.js'
import type { Config } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { add, applyFormula, formula } from '../ops/elementwise.js'
import type { Expression } from '../ops/expression/expression.js'
import type { Formula } from '../ops/expression/formula.js'
import { sum } from '../ops/reduce.js'
import type { Tensor } from '../tensor/tensor.js'

/** At most one of these. */
export interface ClippingOptions {
  /** Each element of a gradient is limited to ±clipValue. */
  clipValue?: number | null
  /** Each gradient is scaled down to at most this norm. */
  clipNorm?: number | null
  /** All gradients are scaled down together so that their joint norm is at most this. */
  globalClipNorm?: number | null
}

const squared = formula('squaredGradient', 1, (g) => g.square())
const sumOfSquares = (gradient: Tensor): Tensor => sum(applyFormula(squared, [gradient]))

/** limit / max(norm, limit), of the sum of squares; for all gradients together NaN when the norm is not finite, so that a lost run shows. */
function scaleFormula(limit: number, global: boolean): Formula {
  return formula('clipScale', 1, (squares) => {
    const norm = squares.sqrt()
    const scale = norm.maximum(limit).reciprocal().mul(limit)
    return global ? scale.add(norm.sub(norm)) : scale
  })
}

/** Clips in two parts: `scalesOf` reads the gradients and gives a scalar each, `apply` is part of the fused update. */
export class Clipping {
  readonly config: Config
  /** Whether `apply` takes a scale. */
  readonly scales: boolean
  private readonly value: number | null
  private readonly rule: Formula | null = null
  private readonly global: boolean

  constructor(kind: string, options: ClippingOptions) {
    const { clipValue = null, clipNorm = null, globalClipNorm = null } = options
    const given = Object.entries({ clipValue, clipNorm, globalClipNorm }).filter(([, value]) => value !== null)
    for (const [name, value] of given) positive(kind, name, value)
    if (given.length > 1)
      throw new ValueError(
        wrongArgument(
          kind,
          'options',
          'at most one of clipValue, clipNorm, globalClipNorm',
          given.map(([name]) => name),
        ),
      )
    this.config = { clipValue, clipNorm, globalClipNorm }
    this.value = clipValue
    this.global = globalClipNorm !== null
    const limit = clipNorm ?? globalClipNorm
    this.scales = limit !== null
    if (limit !== null) this.rule = scaleFormula(limit, this.global)
  }

  /** A scale for each gradient; none unless norms are clipped. */
  scalesOf(gradients: readonly Tensor[]): Tensor[] {
    const { rule } = this
    if (!rule) return []
    const squares = gradients.map(sumOfSquares)
    if (!this.global) return squares.map((square) => applyFormula(rule, [square]))
    const scale = applyFormula(rule, [squares.reduce((a, b) => add(a, b))])
    return gradients.map(({ dtype }) => castTo(scale, dtype))
  }

  /** The clipped gradient as a formula. */
  apply(gradient: Expression, scale: Expression | undefined): Expression {
    if (this.value !== null) return gradient.clip(-this.value, this.value)
    return scale ? gradient.mul(scale) : gradient
  }
}
