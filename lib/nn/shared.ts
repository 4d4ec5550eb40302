// Variables whose memory other threads of the process read: the plain data that names them, and opening what it names.
// Invariant: a name that finds no memory of exactly that size is a StateError; memory that was opened is never written.
import { describe, StateError, ValueError, wrongArgument } from '../errors.js'
import { checkDType, type DType, dtypes } from '../tensor/dtype.js'
import { checkShape, type Shape, sizeOf } from '../tensor/shape.js'
import { openStorage } from '../tensor/storage.js'
import { Tensor, type Variable } from '../tensor/tensor.js'
import type { Serialized } from './registry.js'

/** A variable that another thread can open. */
export interface SharedVariable {
  /** Name of its memory in this process. */
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
}

/** What `share` returns: plain data that `postMessage` or `workerData` carries to another thread. It does not keep the memory alive. */
export interface SharedModule {
  /** The saved form of a `sequential` model, for `fromShared`; null for other modules, which take `useShared`. */
  readonly architecture: Serialized | null
  readonly variables: Readonly<Record<string, SharedVariable>>
}

/** Variables as another thread can open them. */
export function shareVariables(variables: readonly [string, Variable][]): Record<string, SharedVariable> {
  if (variables.length === 0)
    throw new StateError('share: there are no variables yet; give the first layer an inputShape, or run the module once')
  const gone = variables.find(([, { isDisposed }]) => isDisposed)
  if (gone) throw new StateError(`share: the variable '${gone[0]}' was disposed`)
  return Object.fromEntries(
    variables.map(([path, { storage, dtype, shape }]) => [path, { id: storage.share(), dtype, shape: [...shape] }]),
  )
}

/** Tensors over the memory that `shared` names, by path; all or none. */
export function openShared(fn: string, shared: SharedModule): Record<string, Tensor> {
  const variables = (shared as Partial<SharedModule> | null | undefined)?.variables
  if (typeof variables !== 'object' || variables === null || Array.isArray(variables))
    throw new ValueError(wrongArgument(fn, 'shared', 'what share() returned', shared))
  const opened: [string, Tensor][] = []
  try {
    for (const [path, variable] of Object.entries(variables)) opened.push([path, openVariable(fn, path, variable)])
  } catch (error) {
    for (const [, tensor] of opened) tensor.dispose()
    throw error
  }
  return Object.fromEntries(opened)
}

function openVariable(fn: string, path: string, variable: SharedVariable): Tensor {
  if (typeof variable !== 'object' || variable === null || !Number.isSafeInteger(variable.id))
    throw new ValueError(`${fn}: variable '${path}' must be { id, dtype, shape } as share() made it, got ${describe(variable)}`)
  const shape = [...checkShape(`${fn}: variable '${path}'`, variable.shape)]
  const dtype = checkDType(`${fn}: variable '${path}'`, variable.dtype)
  const storage = openStorage(variable.id, sizeOf(shape) * dtypes[dtype].bytes)
  if (!storage)
    throw new StateError(
      `${fn}: no thread of this process holds the memory of variable '${path}'; keep the model alive where it was shared until it has been opened`,
    )
  return new Tensor(dtype, shape, storage)
}
