// Activation functions by name, and what layers do with them: a bias and a pointwise activation run as one formula.
// Invariant: probabilities made by softmax or sigmoid here remember their logits, so that a cross-entropy that follows is computed from
// those, exactly as Keras does; clipped probabilities would lose the gradient of confident mistakes.
import { describe, ValueError, wrongArgument } from '../errors.js'
import { add, applyFormula } from '../ops/elementwise.js'
import { Expression, substitute } from '../ops/expression/expression.js'
import { Formula } from '../ops/expression/formula.js'
import * as ops from '../ops/index.js'
import { registry } from '../ops/op.js'
import type { Tensor } from '../tensor/tensor.js'

const remembered = { softmax: new WeakMap<Tensor, Tensor>(), sigmoid: new WeakMap<Tensor, Tensor>() }

/** The logits that probabilities were made from by `kind`, if they are known and still there. */
export function logitsOf(probabilities: Tensor, kind: 'softmax' | 'sigmoid'): Tensor | undefined {
  const { node } = probabilities
  const known = remembered[kind].get(probabilities) ?? (node?.op.name === kind && !node.isReleased ? node.inputs[0] : undefined)
  return known && !known.isDisposed ? known : undefined
}

function remember(kind: 'softmax' | 'sigmoid', x: Tensor, probabilities: Tensor): Tensor {
  remembered[kind].set(probabilities, x)
  return probabilities
}

const table = {
  linear: (x: Tensor): Tensor => x,
  relu: ops.relu,
  leakyRelu: (x: Tensor): Tensor => ops.leakyRelu(x),
  elu: (x: Tensor): Tensor => ops.elu(x),
  selu: ops.selu,
  gelu: ops.gelu,
  silu: ops.silu,
  tanh: ops.tanh,
  sigmoid: (x: Tensor): Tensor => remember('sigmoid', x, ops.sigmoid(x)),
  softplus: ops.softplus,
  softmax: (x: Tensor): Tensor => remember('softmax', x, ops.softmax(x)),
  logSoftmax: (x: Tensor): Tensor => ops.logSoftmax(x),
} satisfies Record<string, (x: Tensor) => Tensor>

/** Names of the activations. */
export type ActivationName = keyof typeof table
/** An activation by name, or a function of one tensor (which cannot be saved with a model). */
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor)

/** Names of all activations. */
export const activationNames = Object.keys(table) as ActivationName[]

/** An activation as layers hold it. */
export interface Activation {
  /** What `getConfig` tells: the name, or the user's function. */
  readonly config: ActivationLike
  apply(x: Tensor): Tensor
  /** activation(x + bias), bias along the last axis, in one pass where the activation is pointwise. */
  applyWithBias(x: Tensor, bias: Tensor): Tensor
}

const biased = new Map<string, Formula>()

/** activation(x + bias) as one formula, or undefined for what must run separately: softmax and sigmoid, whose logits are kept. */
function biasFormula(name: ActivationName): Formula | undefined {
  if (name === 'softmax' || name === 'logSoftmax' || name === 'sigmoid' || name === 'linear') return undefined
  let formula = biased.get(name)
  if (!formula) {
    const { roots } = registry.get(name) as Formula
    const [x, bias] = [Expression.input(0), Expression.input(1)]
    formula = new Formula(`bias ${name}`, 2, substitute(roots, new Map([[x, x.add(bias)]])))
    biased.set(name, formula)
  }
  return formula
}

/** The activation of that name, or the given function; null and undefined mean linear. */
export function getActivation(fn: string, value: ActivationLike | null | undefined): Activation {
  if (value === null || value === undefined) return getActivation(fn, 'linear')
  if (typeof value === 'function') return { config: value, apply: value, applyWithBias: (x, bias) => value(add(x, bias)) }
  if (typeof value !== 'string')
    throw new ValueError(wrongArgument(fn, 'activation', 'the name of an activation or a function', value))
  if (!Object.hasOwn(table, value))
    throw new ValueError(`${fn}: unknown activation ${describe(value)}; known are ${[...activationNames].sort().join(', ')}`)
  const apply = table[value] as (x: Tensor) => Tensor
  const fused = biasFormula(value)
  return {
    config: value,
    apply,
    applyWithBias: (x, bias) => (fused ? applyFormula(fused, [x, bias]) : apply(add(x, bias))),
  }
}

/** Activations as functions, by name: `st.activations.relu(x)`. softmax and logSoftmax work along the last axis. */
export const activations: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = table
