// Gradients as functions of functions, and operations with a gradient of the user's own.
import { ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor, zeros } from '../tensor/creation.js'
import { Tensor } from '../tensor/tensor.js'
import { gradientsOf } from './backward.js'
import { enableGrad, noGrad } from './mode.js'
import { attach, type GradientContext } from './node.js'

/** A fresh leaf over the same elements; inside an outer differentiation the link to the outer graph stays. */
function leafOf(x: Tensor): { leaf: Tensor; outer: boolean } {
  if (x.requiresGrad) return { leaf: x, outer: true }
  const leaf = x.detach()
  leaf.leaf = true
  return { leaf, outer: false }
}

/**
 * `fn` with its gradients: calls `fn` on the arguments and returns its value (one element) and the gradient for each argument.
 * Nests: the gradient of a gradient is exact wherever the rules are differentiable.
 */
export function valueAndGrad(
  fn: (...inputs: Tensor[]) => Tensor,
): (...inputs: TensorLike[]) => { value: Tensor; grads: Tensor[] } {
  if (typeof fn !== 'function') throw new ValueError(wrongArgument('valueAndGrad', 'fn', 'a function of tensors', fn))
  return (...inputs) =>
    enableGrad(() => {
      const leaves = inputs.map((input) => leafOf(toTensor('valueAndGrad', input)))
      const nested = leaves.some(({ outer }) => outer)
      const value = fn(...leaves.map(({ leaf }) => leaf))
      if (!(value instanceof Tensor))
        throw new ValueError(wrongArgument('valueAndGrad', 'fn', 'a function that returns a Tensor', value))
      const gradients = value.requiresGrad
        ? gradientsOf(value, undefined, { createGraph: nested, retainGraph: nested })
        : new Map<Tensor, Tensor>()
      const grads = leaves.map(({ leaf }) => gradients.get(leaf) ?? zeros(leaf.shape, leaf.dtype))
      return { value: nested ? value : value.detach(), grads }
    })
}

/** The gradient of `fn` (whose result has one element) with respect to its first argument, as a function. */
export function grad(fn: (...inputs: Tensor[]) => Tensor): (...inputs: TensorLike[]) => Tensor {
  const both = valueAndGrad(fn)
  return (...inputs) => both(...inputs).grads[0] as Tensor
}

/** What a custom function provides. */
export interface CustomFunction {
  /** Name in error messages (default 'customFunction'). */
  name?: string
  /** The result from the inputs; not recorded. */
  forward(...inputs: Tensor[]): Tensor
  /** The gradient of each input (null: none) from the gradient of the result. */
  backward(dy: Tensor, context: { inputs: readonly Tensor[]; output: Tensor }): readonly (Tensor | null)[] | Tensor
}

/** An operation with its own gradient: `forward` runs unrecorded, `backward` is called by the backward pass. */
export function customFunction(definition: CustomFunction): (...inputs: TensorLike[]) => Tensor {
  const name = definition?.name ?? 'customFunction'
  if (typeof definition?.forward !== 'function' || typeof definition.backward !== 'function') {
    throw new ValueError(wrongArgument('customFunction', 'definition', '{ forward, backward } with two functions', definition))
  }
  const gradient = (context: GradientContext, count: number, dy: Tensor): readonly (Tensor | null)[] => {
    const inputs = Array.from({ length: count }, (_, i) => context.input(i))
    const result = definition.backward(dy, { inputs, output: context.output(0) })
    const list = Array.isArray(result) ? (result as readonly (Tensor | null)[]) : [result as Tensor]
    if (list.length !== count) throw new ValueError(`${name}: backward must return ${count} gradients, got ${list.length}`)
    return list
  }
  const op = {
    name,
    gradient: (context: GradientContext, count: number, ...dOutputs: readonly Tensor[]) =>
      gradient(context, count, dOutputs[0] as Tensor),
  }
  return (...inputs) => {
    const tensors = inputs.map((input) => toTensor(name, input))
    const output = noGrad(() => definition.forward(...tensors)).detach()
    attach(op, tensors, [output], tensors.length)
    return output
  }
}
