// Checks gradients against central differences in float64. Public: whoever writes a custom function needs it too.
import { checkOptions, ValueError, wrongArgument } from '../errors.js'
import { castTo } from '../ops/cast.js'
import { mul } from '../ops/elementwise.js'
import { sum } from '../ops/reduce.js'
import { type TensorLike, tensor, toTensor } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { gradientsOf } from './backward.js'
import { enableGrad, noGrad } from './mode.js'

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /** Step of the differences (default 1e-6: truncation ~1e-12 and rounding ~1e-10 in float64). */
  epsilon?: number
  /** Allowed difference, relative to the gradient's size with a floor of 1 (default 1e-5). */
  tolerance?: number
}

/** Fixed, irregular weights that turn any result into one number without symmetry that could hide an error. */
function weighted(result: Tensor): Tensor {
  const weights = Float64Array.from({ length: result.size }, (_, i) => Math.sin(i * 2.399963 + 1) + 0.3)
  return sum(mul(result, tensor(weights, result.shape)))
}

/**
 * Compares the gradients of `fn` with central differences, element by element, in float64. Floating inputs are converted to float64;
 * integer and bool inputs are passed as they are.
 *
 * @returns true
 * @throws ValueError naming the input, the element and both values at the first disagreement
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly TensorLike[],
  options: GradcheckOptions = {},
): true {
  if (typeof fn !== 'function') throw new ValueError(wrongArgument('gradcheck', 'fn', 'a function of tensors', fn))
  if (!Array.isArray(inputs)) throw new ValueError(wrongArgument('gradcheck', 'inputs', 'an array of tensors', inputs))
  checkOptions('gradcheck', options, ['epsilon', 'tolerance'])
  const { epsilon = 1e-6, tolerance = 1e-5 } = options
  const tensors = inputs.map((input) => {
    const given = toTensor('gradcheck', input).detach()
    return isFloat(given.dtype) ? castTo(given, 'float64') : given
  })
  const analytic = analyticGradients(fn, tensors)
  tensors.forEach((input, k) => {
    if (!isFloat(input.dtype)) return
    const found = analytic[k]?.dataSync()
    const values = Float64Array.from(input.dataSync())
    const at = (i: number, value: number): number => {
      const moved = values.slice()
      moved[i] = value
      return noGrad(() => weighted(fn(...tensors.map((t, j) => (j === k ? tensor(moved, input.shape) : t)))).item())
    }
    values.forEach((value, i) => {
      const numeric = (at(i, value + epsilon) - at(i, value - epsilon)) / (2 * epsilon)
      const symbolic = found?.[i] ?? 0
      if (!(Math.abs(numeric - symbolic) <= tolerance * Math.max(1, Math.abs(numeric)))) {
        throw new ValueError(
          `gradcheck: input ${k}, element ${i}: the gradient is ${symbolic}, central differences give ${numeric}`,
        )
      }
    })
  })
  return true
}

function analyticGradients(fn: (...inputs: Tensor[]) => Tensor, tensors: readonly Tensor[]): (Tensor | undefined)[] {
  return enableGrad(() => {
    const leaves = tensors.map((input) => {
      const leaf = input.detach()
      leaf.leaf = isFloat(input.dtype)
      return leaf
    })
    const result = weighted(fn(...leaves))
    if (!result.requiresGrad) return leaves.map(() => undefined)
    const gradients = gradientsOf(result, undefined, {})
    return leaves.map((leaf) => gradients.get(leaf))
  })
}
