// Arguments and results of programs: tensors anywhere in arrays and plain objects, and other values beside them.
// Invariant: two arguments with equal specs lead to equal recordings.
import { describe, StateError, ValueError } from '../errors.js'
import { clone } from '../ops/cast.js'
import { tensor } from '../tensor/creation.js'
import { type DType, dtypeOfArray, type TypedArray } from '../tensor/dtype.js'
import { type Shape, sameShape } from '../tensor/shape.js'
import { Tensor, Variable } from '../tensor/tensor.js'

/** The form of an argument: that of a tensor, a value that recordings are frozen to, or a list or record of these. */
export type Spec =
  | { readonly kind: 'tensor'; readonly dtype: DType; readonly shape: Shape }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly Spec[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly items: readonly Spec[] }

const isTyped = (value: unknown): value is TypedArray => ArrayBuffer.isView(value) && dtypeOfArray(value) !== undefined

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as unknown
  return prototype === Object.prototype || prototype === null
}

/** The tensor that stands in an argument's place, or null. A variable is copied: programs may write it while they run. */
function asTensor(value: unknown): Tensor | null {
  if (value instanceof Variable) return clone(value)
  if (value instanceof Tensor) return value
  return isTyped(value) ? tensor(value) : null
}

/** Collects the tensors of an argument that has the form `spec`, in order; false if it has another form. */
export function collect(spec: Spec, value: unknown, tensors: Tensor[]): boolean {
  if (spec.kind === 'tensor') {
    const found = asTensor(value)
    if (!found || found.dtype !== spec.dtype || !sameShape(found.shape, spec.shape)) return false
    tensors.push(found)
    return true
  }
  if (spec.kind === 'value') return Object.is(spec.value, value)
  if (spec.kind === 'list')
    return (
      Array.isArray(value) &&
      value.length === spec.items.length &&
      spec.items.every((item, i) => collect(item, value[i], tensors))
    )
  if (!isRecord(value)) return false
  const keys = Object.keys(value)
  return (
    keys.length === spec.keys.length &&
    spec.keys.every((key, i) => Object.hasOwn(value, key) && collect(spec.items[i] as Spec, value[key], tensors))
  )
}

/** The form of an argument, and the argument with `replace(tensor)` in each tensor's place. */
export function trace(value: unknown, replace: (tensor: Tensor) => Tensor): { spec: Spec; copy: unknown } {
  const found = asTensor(value)
  if (found) return { spec: { kind: 'tensor', dtype: found.dtype, shape: found.shape }, copy: replace(found) }
  if (Array.isArray(value)) {
    const parts = value.map((item) => trace(item, replace))
    return { spec: { kind: 'list', items: parts.map(({ spec }) => spec) }, copy: parts.map(({ copy }) => copy) }
  }
  if (isRecord(value)) {
    const keys = Object.keys(value)
    const parts = keys.map((key) => trace(value[key], replace))
    const spec: Spec = { kind: 'record', keys, items: parts.map((part) => part.spec) }
    return { spec, copy: Object.fromEntries(keys.map((key, i) => [key, parts[i]?.copy])) }
  }
  return { spec: { kind: 'value', value }, copy: value }
}

/** A result with `replace` applied to each of its tensors. */
export function mapTensors(value: unknown, replace: (tensor: Tensor) => unknown): unknown {
  if (value instanceof Promise)
    throw new ValueError('program: the function must be synchronous; what it does after an await could not be recorded')
  if (value instanceof Tensor) return replace(value)
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace))
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTensors(item, replace)]))
  if (typeof value === 'object' && value !== null)
    throw new StateError(
      `program: the function must return tensors and plain values, alone or in arrays and objects, got ${describe(value)}`,
    )
  return value
}
