// The arithmetic of batch normalization over rows [rows, channels]: y = γ·(x − μ)·r + β with μ, r of the batch, and its gradient
// dx = γ·r·(dy − mean(dy) − x̂·mean(dy·x̂)), dγ = Σ dy·x̂, dβ = Σ dy, where x̂ = (x − μ)·r (Ioffe and Szegedy 2015).
import { customFunction } from '../../autograd/grad.js'
import { isGradEnabled } from '../../autograd/mode.js'
import { channelGradients, channelMoments } from '../../ops/channels.js'
import { add, applyFormula, div, formula, mul, rsqrt } from '../../ops/elementwise.js'
import { mean, sum } from '../../ops/reduce.js'
import { isFloat } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'

const squaredDeviation = formula('squaredDeviation', 2, (x, centre) => x.sub(centre).square())
const normalized = formula('normalize', 4, (x, centre, factor, offset) => x.sub(centre).mul(factor).add(offset))
const correlated = formula('normalizeScaleGradient', 4, (dy, x, centre, rstd) => dy.mul(x.sub(centre).mul(rstd)))
const inputGradient = formula('normalizeInputGradient', 6, (dy, x, centre, factor, offset, slope) =>
  factor.mul(dy.sub(offset).sub(x.sub(centre).mul(slope))),
)

/** Mean and biased variance of each channel. */
export interface Moments {
  readonly mean: Tensor
  readonly variance: Tensor
}

/** Of x [rows, channels]. One pass of a kernel, or, where the pass itself is recorded, of operations that can be differentiated. */
function moments(x: Tensor): Moments {
  if (!isGradEnabled() && isFloat(x.dtype) && x.shape[0] !== 0) return channelMoments(x)
  const centre = mean(x, 0)
  return { mean: centre, variance: mean(applyFormula(squaredDeviation, [x, centre]), 0) }
}

/** dγ and dβ: one pass of a kernel over dy and x, or of differentiable operations, as in `moments`. */
function sums(dy: Tensor, x: Tensor, centre: Tensor, rstd: Tensor): { dGamma: Tensor; dBeta: Tensor } {
  if (!isGradEnabled() && dy.dtype === x.dtype && x.shape[0] !== 0) return channelGradients(dy, x, centre, rstd)
  return { dGamma: sum(applyFormula(correlated, [dy, x, centre, rstd]), 0), dBeta: sum(dy, 0) }
}

/** γ·(x − mean) / √(variance + epsilon) + β with given statistics. */
export function normalize(x: Tensor, { mean: centre, variance }: Moments, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return applyFormula(normalized, [x, centre, mul(gamma, rsqrt(add(variance, epsilon))), beta])
}

/** The same with the statistics of the batch itself, differentiated through them; `observe` is told the statistics. */
export function normalizeBatch(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
  observe: (statistics: Moments) => void,
): Tensor {
  let saved: Moments | undefined
  return customFunction({
    name: 'batchNormalization',
    forward: (input, factor, offset) => {
      saved = moments(input as Tensor)
      observe(saved)
      return normalize(input as Tensor, saved, factor as Tensor, offset as Tensor, epsilon)
    },
    backward: (dy, { inputs }) => {
      const [input, factor] = inputs as [Tensor, Tensor]
      // Recomputed from the input when the pass itself is recorded, so that second derivatives see through the statistics.
      const { mean: centre, variance } = !saved || isGradEnabled() ? moments(input) : saved
      const rstd = rsqrt(add(variance, epsilon))
      const { dGamma, dBeta } = sums(dy, input, centre, rstd)
      const rows = Math.max(1, input.shape[0] as number)
      const slope = div(mul(rstd, dGamma), rows)
      const dx = applyFormula(inputGradient, [dy, input, centre, mul(factor, rstd), div(dBeta, rows), slope])
      return [dx, dGamma, dBeta]
    },
  })(x, gamma, beta)
}
