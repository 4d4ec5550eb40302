// Activation functions as formulas. Parameters that are plain numbers are part of the formula, compiled once per value.
import { ValueError, wrongArgument } from '../errors.js'
import type { TensorLike } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { applyFormula, formula } from './elementwise.js'
import type { Expression } from './expression/expression.js'
import type { Formula } from './expression/formula.js'
import { registry, type Samples } from './op.js'

const samples: Samples = (make) => [[make.distinct(3, 5)], [make.distinct(40)], [make.normal(0)], [make.normal()]]

function define(name: string, build: (x: Expression) => Expression): (x: TensorLike) => Tensor {
  const op = formula(name, 1, (x) => build(x as Expression), call, samples)
  registry.set(name, op)
  function call(x: TensorLike): Tensor {
    return applyFormula(op, [x])
  }
  return call
}

/** A family of activations with one number as parameter. */
function parametric(
  name: string,
  initial: number,
  build: (x: Expression, parameter: number) => Expression,
): (x: TensorLike, parameter?: number) => Tensor {
  const compiled = new Map<number, Formula>()
  const of = (parameter: number): Formula => {
    let op = compiled.get(parameter)
    if (!op) {
      if (typeof parameter !== 'number' || Number.isNaN(parameter))
        throw new ValueError(wrongArgument(name, 'parameter', 'a number', parameter))
      op = formula(name, 1, (x) => build(x as Expression, parameter), call, samples)
      compiled.set(parameter, op)
    }
    return op
  }
  function call(x: TensorLike, parameter = initial): Tensor {
    return applyFormula(of(parameter), [x])
  }
  registry.set(name, of(initial))
  return call
}

// Klambauer et al., Self-Normalizing Neural Networks, 2017.
const seluAlpha = 1.6732632423543772
const seluScale = 1.0507009873554805

/** max(x, 0); gradient 0 at 0. */
export const relu: (x: TensorLike) => Tensor = define('relu', (x) => x.maximum(0))
/** x for x > 0, slope·x elsewhere (default slope 0.2, as Keras' function; the layer's default is 0.3). */
export const leakyRelu: (x: TensorLike, slope?: number) => Tensor = parametric('leakyRelu', 0.2, (x, slope) =>
  x.greater(0).where(x, x.mul(slope)),
)
/** x for x > 0, alpha·(eˣ − 1) elsewhere. */
export const elu: (x: TensorLike, alpha?: number) => Tensor = parametric('elu', 1, (x, alpha) =>
  x.greater(0).where(x, x.minimum(0).expm1().mul(alpha)),
)
/** Scaled ELU with the constants of Klambauer et al. 2017. */
export const selu: (x: TensorLike) => Tensor = define('selu', (x) =>
  x.greater(0).where(x, x.minimum(0).expm1().mul(seluAlpha)).mul(seluScale),
)
/** x·Φ(x) with Φ the normal distribution function, exact (by erf). Hendrycks and Gimpel 2016. */
export const gelu: (x: TensorLike) => Tensor = define('gelu', (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)))
/** x·sigmoid(x), also known as swish. */
export const silu: (x: TensorLike) => Tensor = define('silu', (x) => x.mul(x.sigmoid()))
