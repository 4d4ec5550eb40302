// Arguments and results of programs: tensors anywhere in arrays and plain objects, and other values beside them.
// Invariant: two arguments with equal specs lead to equal recordings.
import { noGrad } from '../autograd/mode.js'
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

/** What stands for a tensor in arguments: one, a variable or a typed array. */
export type Given = Tensor | TypedArray

const isGiven = (value: unknown): value is Given => value instanceof Tensor || isTyped(value)

/** The form of an argument's tensor. */
function formOf(given: Given): { dtype: DType; shape: Shape } {
  return given instanceof Tensor ? given : { dtype: dtypeOfArray(given) as DType, shape: [given.length] }
}

/** The tensor that stands in an argument's place. A variable is copied: programs may write it while they run. */
export function tensorOf(given: Given): Tensor {
  if (given instanceof Variable) return noGrad(() => clone(given))
  return given instanceof Tensor ? given : tensor(given)
}

/** Collects the tensors of an argument that has the form `spec`, in order; false if it has another form. */
export function collect(spec: Spec, value: unknown, tensors: Tensor[]): boolean {
  if (spec.kind === 'tensor') {
    if (!isGiven(value)) return false
    const { dtype, shape } = formOf(value)
    if (dtype !== spec.dtype || !sameShape(shape, spec.shape)) return false
    tensors.push(tensorOf(value))
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

/** Refuses what would be frozen though it holds tensors, and what holds itself. */
function checkHolder(value: unknown, within: readonly unknown[]): void {
  if (within.includes(value)) throw new ValueError('program: an array or object of its arguments or results contains itself')
  const held = value instanceof Map || value instanceof Set ? [...value.values()] : []
  if (held.some((item) => item instanceof Tensor && !(item instanceof Variable)))
    throw new ValueError(
      `program: tensors of a ${describe(value)} would be frozen into the recording; pass them in an array or a plain object`,
    )
}

/** The form of an argument, and the argument with `replace` applied to all that stands for a tensor. `within` is what it stands in. */
export function trace(
  value: unknown,
  replace: (given: Given, form: { dtype: DType; shape: Shape }) => Tensor,
  within: readonly unknown[] = [],
): { spec: Spec; copy: unknown } {
  if (isGiven(value)) {
    const { dtype, shape } = formOf(value)
    return { spec: { kind: 'tensor', dtype, shape }, copy: replace(value, { dtype, shape }) }
  }
  if (typeof value !== 'object') return { spec: { kind: 'value', value }, copy: value }
  checkHolder(value, within)
  const inner = [...within, value]
  if (Array.isArray(value)) {
    const parts = value.map((item) => trace(item, replace, inner))
    return { spec: { kind: 'list', items: parts.map(({ spec }) => spec) }, copy: parts.map(({ copy }) => copy) }
  }
  if (isRecord(value)) {
    const keys = Object.keys(value)
    const parts = keys.map((key) => trace(value[key], replace, inner))
    const spec: Spec = { kind: 'record', keys, items: parts.map((part) => part.spec) }
    return { spec, copy: Object.fromEntries(keys.map((key, i) => [key, parts[i]?.copy])) }
  }
  return { spec: { kind: 'value', value }, copy: value }
}

/** A result with `replace` applied to each of its tensors. */
export function mapTensors(value: unknown, replace: (tensor: Tensor) => unknown, within: readonly unknown[] = []): unknown {
  if (value instanceof Promise)
    throw new ValueError('program: the function must be synchronous; what it does after an await could not be recorded')
  if (value instanceof Tensor) return replace(value)
  if (typeof value !== 'object' || value === null) return value
  checkHolder(value, within)
  const inner = [...within, value]
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace, inner))
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTensors(item, replace, inner)]))
  throw new StateError(
    `program: the function must return tensors and plain values, alone or in arrays and objects, got ${describe(value)}`,
  )
}
