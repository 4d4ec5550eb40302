// Making tensors from JavaScript values: nested arrays, typed arrays, numbers, ranges and fills.
import { setImmediate } from 'node:timers/promises'
import { call, kernelNamed, unrecorded } from '../dispatch.js'
import { DTypeError, describe, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { isDetached, writeBytes } from './bytes.js'
import { checkDType, type DType, dtypeOfArray, dtypes, isFloat, type TypedArray } from './dtype.js'
import { checkShape, maxElements, type Shape, showShape, sizeOf } from './shape.js'
import { emptyTensor, Tensor, Variable, type VariableOptions } from './tensor.js'

/** Numbers nested to any depth; every level must be regular. */
export type Nested = number | boolean | readonly Nested[]
/** Whatever can stand for a tensor: a Tensor, a number, nested arrays, a typed array. */
export type TensorLike = Tensor | Nested | TypedArray

const fillKernel = kernelNamed('fill')
const arangeKernel = kernelNamed('arange')

function shapeOfNested(fn: string, values: Nested): number[] {
  const shape: number[] = []
  for (let level: Nested | undefined = values; Array.isArray(level); level = level[0] as Nested | undefined) {
    shape.push(level.length)
    if (shape.length > 8) throw new ShapeError(`${fn}: nested arrays may be at most 8 deep`)
  }
  return shape
}

function flatten(fn: string, argument: string, values: Nested, shape: Shape, out: number[], axis = 0): void {
  if (axis === shape.length) {
    if (typeof values !== 'number' && typeof values !== 'boolean')
      throw new ValueError(wrongArgument(fn, argument, 'nested arrays of numbers, all of one shape', values))
    out.push(Number(values))
    return
  }
  if (!Array.isArray(values) || values.length !== shape[axis]) {
    const got = Array.isArray(values) ? `length ${values.length}` : describe(values)
    throw new ShapeError(`${fn}: nested arrays must be regular: expected length ${shape[axis]} at depth ${axis}, got ${got}`)
  }
  for (const value of values) flatten(fn, argument, value, shape, out, axis + 1)
}

function isBoolean(values: Nested): boolean {
  let level: Nested | undefined = values
  while (Array.isArray(level)) level = level[0] as Nested | undefined
  return typeof level === 'boolean'
}

function convert(fn: string, source: ArrayLike<number>, dtype: DType): TypedArray {
  const target = new dtypes[dtype].array(source.length)
  const lowest = dtype === 'uint8' ? 0 : -(2 ** 31)
  const highest = dtype === 'uint8' ? 255 : 2 ** 31 - 1
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as number
    if (dtype === 'bool') target[i] = value === 0 ? 0 : 1
    else if (!isFloat(dtype) && !(Number.isInteger(value) && value >= lowest && value <= highest)) {
      throw new ValueError(
        `${fn}: ${dtype} elements must be integers in [${lowest}, ${highest}], got ${value} at position ${i}; round or cast first`,
      )
    } else target[i] = value
  }
  return target
}

function fromArray(fn: string, data: TypedArray | number[], shape: Shape, dtype: DType): Tensor {
  if (sizeOf(shape) !== data.length)
    throw new ShapeError(`${fn}: shape ${showShape(shape)} holds ${sizeOf(shape)} elements, got ${data.length} values`)
  const array = ArrayBuffer.isView(data) && dtypeOfArray(data) === dtype ? data : convert(fn, data, dtype)
  // Values from JavaScript are constants of a recording.
  const out = unrecorded(() => emptyTensor(dtype, shape))
  writeBytes(out.storage, 0, array)
  return out
}

/**
 * A tensor with a copy of the values.
 *
 * @param values a number, nested arrays of numbers or booleans, or a typed array
 * @param shape default: the nesting, or [length] for a typed array
 * @param dtype default: the typed array's own, bool for booleans, else float32
 * @throws ShapeError for irregular nesting or a shape of another size; ValueError for what is no number or does not fit the dtype
 */
export function tensor(values: TensorLike, shape?: Shape, dtype?: DType): Tensor {
  return makeTensor('tensor', 'values', values, shape, dtype)
}

function makeTensor(fn: string, argument: string, values: TensorLike, shape?: Shape, dtype?: DType): Tensor {
  if (dtype !== undefined) checkDType(fn, dtype)
  if (shape !== undefined) checkShape(fn, shape)
  if (values instanceof Tensor) return fromArray(fn, values.dataSync(), shape ?? values.shape, dtype ?? values.dtype)
  if (ArrayBuffer.isView(values)) {
    const natural = dtypeOfArray(values)
    if (!natural)
      throw new DTypeError(
        wrongArgument(fn, argument, 'a Float32Array, Float64Array, Int32Array or Uint8Array', values, 'convert it first'),
      )
    if (isDetached(values))
      throw new StateError(`${fn}: argument '${argument}' is a detached typed array: its buffer was transferred away`)
    return fromArray(fn, values, shape ?? [values.length], dtype ?? natural)
  }
  if (typeof values !== 'number' && typeof values !== 'boolean' && !Array.isArray(values)) {
    throw new ValueError(wrongArgument(fn, argument, 'a number, nested arrays of numbers, a typed array or a Tensor', values))
  }
  const nested = shapeOfNested(fn, values)
  const flat: number[] = []
  flatten(fn, argument, values, nested, flat)
  return fromArray(fn, flat, shape ?? nested, dtype ?? (isBoolean(values) ? 'bool' : 'float32'))
}

/** Numbers that are read between two turns of the event loop. */
const pieceNumbers = 2 ** 16

/** Whether `inPieces` reads a value in pieces. */
export function isLargeNested(values: unknown): boolean {
  return Array.isArray(values) && Array.isArray(values[0]) && sizeOf(shapeOfNested('tensor', values)) > pieceNumbers
}

/** A tensor of large nested arrays, read in pieces so that the event loop has its turns; every other value itself. */
export async function inPieces<T>(fn: string, argument: string, values: T): Promise<T | Tensor> {
  if (!Array.isArray(values) || !isLargeNested(values)) return values
  const shape = shapeOfNested(fn, values as Nested)
  const rowNumbers = sizeOf(shape.slice(1))
  const dtype = isBoolean(values as Nested) ? 'bool' : 'float32'
  const out = unrecorded(() => emptyTensor(dtype, shape))
  const rows = Math.max(1, Math.floor(pieceNumbers / Math.max(1, rowNumbers)))
  for (let i = 0; i < values.length; i += rows) {
    const flat: number[] = []
    for (const row of values.slice(i, i + rows) as Nested[]) flatten(fn, argument, row, shape, flat, 1)
    writeBytes(out.storage, i * rowNumbers * dtypes[dtype].bytes, convert(fn, flat, dtype))
    await setImmediate()
  }
  return out
}

/** The value of an argument itself if it is a tensor, else a tensor of it; `dtype` applies to plain numbers and arrays only. */
export function toTensor(fn: string, value: TensorLike, dtype?: DType, argument = 'x'): Tensor {
  if (value instanceof Tensor) return value
  if (typeof value === 'number')
    return filled([], value, dtype && (isFloat(dtype) || Number.isInteger(value)) ? dtype : 'float32')
  return makeTensor(fn, argument, value, undefined, dtype)
}

/** Elements up to which a fill is made once and kept as a constant of a recording, rather than anew in every run. */
const maxConstant = 2 ** 16

function filled(shape: Shape, value: number, dtype: DType): Tensor {
  const fill = (): Tensor => {
    const out = emptyTensor(dtype, shape)
    call(fillKernel, dtype === 'float64', [out], [], [out.size, dtypes[dtype].code, value])
    return out
  }
  return sizeOf(shape) <= maxConstant ? unrecorded(fill) : fill()
}

/** A tensor of `shape` with every element `value`. */
export function full(shape: Shape, value: number, dtype: DType = 'float32'): Tensor {
  checkDType('full', dtype)
  checkShape('full', shape)
  if (typeof value !== 'number') throw new ValueError(wrongArgument('full', 'value', 'a number', value))
  return filled(shape, value, dtype)
}

/** A tensor of zeros. */
export function zeros(shape: Shape, dtype: DType = 'float32'): Tensor {
  return full(checkShape('zeros', shape), 0, checkDType('zeros', dtype))
}

/** A tensor of ones. */
export function ones(shape: Shape, dtype: DType = 'float32'): Tensor {
  return full(checkShape('ones', shape), 1, checkDType('ones', dtype))
}

/** start, start + step, … below (above, for a negative step) stop. `arange(n)` counts from 0. */
export function arange(start: number, stop?: number, step = 1, dtype: DType = 'float32'): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  if (![from, to, step].every(Number.isFinite) || step === 0) {
    throw new ValueError(`arange: start, stop and step must be finite numbers and step not 0, got ${from}, ${to}, ${step}`)
  }
  const out = emptyTensor(checkDType('arange', dtype), checkShape('arange', [Math.max(0, Math.ceil((to - from) / step))]))
  call(arangeKernel, dtype === 'float64', [out], [], [out.size, dtypes[dtype].code, from, step])
  return out
}

/** `count` evenly spaced numbers from start to stop, both included. */
export function linspace(start: number, stop: number, count: number, dtype: DType = 'float32'): Tensor {
  if (!Number.isInteger(count) || count < 0 || count > maxElements)
    throw new ValueError(wrongArgument('linspace', 'count', `an integer in [0, ${maxElements}]`, count))
  if (![start, stop].every(Number.isFinite))
    throw new ValueError(`linspace: start and stop must be finite numbers, got ${start}, ${stop}`)
  const step = count > 1 ? (stop - start) / (count - 1) : 0
  return fromArray(
    'linspace',
    Float64Array.from({ length: count }, (_, i) => (i === count - 1 && i > 0 ? stop : start + i * step)),
    [count],
    checkDType('linspace', dtype),
  )
}

/** The identity matrix [n, m]. */
export function eye(n: number, m = n, dtype: DType = 'float32'): Tensor {
  checkShape('eye', [n, m])
  const data = new dtypes[checkDType('eye', dtype)].array(n * m)
  for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = 1
  return fromArray('eye', data, [n, m], dtype)
}

/** A variable with a copy of the values: the kind of tensor that optimizers update. */
export function variable(initial: TensorLike, options?: VariableOptions): Variable {
  return new Variable(toTensor('variable', initial, undefined, 'initial'), options)
}
