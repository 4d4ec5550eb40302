// Gradients that programs leave behind or find: one place in memory per variable, so that a program can name it.
// Invariant: the memory of a lasting gradient is overwritten by later runs, never freed or reused for anything else.
import { StateError } from '../errors.js'
import { zeros } from '../tensor/creation.js'
import { Tensor, Variable } from '../tensor/tensor.js'

const places = new WeakMap<Variable, Variable>()

/** Where programs keep the gradient of a variable. */
export function gradientPlace(variable: Variable): Tensor {
  let place = places.get(variable)
  if (!place) {
    place = new Variable(zeros(variable.shape, variable.dtype), { trainable: false, name: `${variable.name}.grad` })
    place.storage.lasting = true
    places.set(variable, place)
  }
  return new Tensor(place.dtype, place.shape, place.storage)
}

/** Whether a gradient lies where programs keep it. */
export function isLasting(variable: Variable): boolean {
  return variable.ownGradient?.storage === places.get(variable)?.storage
}

/** The gradient that a variable has, moved to where programs keep it. */
export function lastingGradient(variable: Variable): Tensor {
  const gradient = variable.ownGradient as Tensor
  if (isLasting(variable)) return gradient
  gradientPlace(variable)
  const place = places.get(variable) as Variable
  if (place.storage.busy)
    throw new StateError(
      `program: the gradient of '${variable.name}' was set while a program that uses it runs; await the run first`,
    )
  place.assign(gradient)
  variable.ownGradient = gradientPlace(variable)
  variable.gradientSeen = true
  return variable.ownGradient
}
