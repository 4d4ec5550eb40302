// Gradients that programs leave behind or find: one place in memory per variable, so that a program can name it.
// Invariant: the memory of a lasting gradient is overwritten by later runs, never freed or reused for anything else.
import { StateError } from '../errors.js'
import { zeros } from '../tensor/creation.js'
import { type Tensor, Variable } from '../tensor/tensor.js'

/** The memory, and the tensor over it that users get to see. */
interface Place {
  readonly memory: Variable
  readonly gradient: Tensor
}

const places = new WeakMap<Variable, Place>()

function placeOf(variable: Variable): Place {
  let place = places.get(variable)
  if (!place) {
    const memory = new Variable(zeros(variable.shape, variable.dtype), { trainable: false, name: `${variable.name}.grad` })
    memory.storage.lasting = true
    place = { memory, gradient: memory.detach() }
    places.set(variable, place)
  }
  return place
}

/** Where programs keep the gradient of a variable. */
export function gradientPlace(variable: Variable): Tensor {
  return placeOf(variable).gradient
}

/** Whether a gradient lies where programs keep it. */
export function isLasting(variable: Variable): boolean {
  return variable.ownGradient?.storage === places.get(variable)?.memory.storage
}

/** The gradient that a variable has, moved to where programs keep it. */
export function lastingGradient(variable: Variable): Tensor {
  const gradient = variable.ownGradient as Tensor
  if (isLasting(variable)) return gradient
  const { memory, gradient: place } = placeOf(variable)
  if (memory.storage.busy)
    throw new StateError(
      `program: the gradient of '${variable.name}' was set while a program that uses it runs; await the run first`,
    )
  memory.assign(gradient)
  variable.ownGradient = place
  variable.gradientSeen = true
  return place
}
