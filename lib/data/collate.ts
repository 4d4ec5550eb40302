// Samples to a batch: numbers, arrays and tensors are stacked along a new first axis; tuples and objects are taken apart.
// Invariant: all samples of a batch have the structure and the shapes of the first.
import { describe, ShapeError, ValueError } from '../errors.js'
import { stack } from '../ops/shape-ops.js'
import { type Nested, type TensorLike, tensor } from '../tensor/creation.js'
import type { TypedArray } from '../tensor/dtype.js'
import { sameShape, showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

/** What a batch of samples of type T is: tensors in the places of numbers, arrays of numbers and tensors. */
export type Batched<T> = T extends Tensor | TypedArray | number | boolean
  ? Tensor
  : T extends readonly unknown[]
    ? number extends T['length']
      ? BatchedArray<T[number]>
      : T extends readonly (number | boolean)[]
        ? Tensor
        : { -readonly [K in keyof T]: Batched<T[K]> }
    : T extends object
      ? { [K in keyof T]: Batched<T[K]> }
      : never

/** The same for arrays of any length whose elements are of type E: nested numbers, or a tuple whose length the type does not tell. */
type BatchedArray<E> = [E] extends [number | boolean]
  ? Tensor
  : [E] extends [readonly unknown[]]
    ? BatchedArray<E[number]>
    : Nested extends E
      ? Tensor
      : Batched<E>[]

/**
 * Stacks samples. An array is a tuple if it holds tensors, typed arrays or objects, or arrays beside numbers; else it is nested numbers.
 *
 * @throws ShapeError for samples of different shapes; ValueError for different structures or values that are no numbers
 */
export function collate<T>(fn: string, samples: readonly T[]): Batched<T> {
  return collateAny(fn, samples) as Batched<T>
}

function collateAny(fn: string, samples: readonly unknown[]): unknown {
  const first = samples[0]
  if (isTensorLike(first)) return stackAll(fn, samples as readonly TensorLike[])
  if (Array.isArray(first))
    return first.map((_, position) =>
      collateAny(
        fn,
        samples.map((sample) => part(fn, sample, first, position)),
      ),
    )
  if (isRecord(first)) {
    return Object.fromEntries(
      Object.keys(first).map((key) => [
        key,
        collateAny(
          fn,
          samples.map((sample) => part(fn, sample, first, key)),
        ),
      ]),
    )
  }
  throw new ValueError(
    `${fn}: samples must be numbers, arrays, tensors, or tuples and objects of them, got ${describe(first)}; encode words first`,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isTensorLike(value: unknown): value is TensorLike {
  if (typeof value === 'number' || typeof value === 'boolean' || value instanceof Tensor || ArrayBuffer.isView(value)) return true
  return Array.isArray(value) && isNested(value)
}

/** Whether an array is regular nested numbers, and not a tuple. */
function isNested(values: readonly unknown[]): values is readonly Nested[] {
  if (values.every((value) => typeof value === 'number' || typeof value === 'boolean')) return true
  return values.every((value) => Array.isArray(value) && isNested(value))
}

/** One component of a sample that must be built like the first sample. */
function part(fn: string, sample: unknown, first: object, key: string | number): unknown {
  const alike =
    isRecord(sample) && Array.isArray(sample) === Array.isArray(first) && Object.keys(sample).length === Object.keys(first).length
  if (!alike || !Object.hasOwn(sample, key)) {
    throw new ValueError(`${fn}: samples must all have the components ${Object.keys(first).join(', ')}, got ${describe(sample)}`)
  }
  return (sample as Record<string, unknown>)[key]
}

function stackAll(fn: string, samples: readonly TensorLike[]): Tensor {
  if (samples.every((sample) => typeof sample === 'number')) return tensor(samples as readonly number[])
  const tensors = samples.map((sample) => {
    if (!isTensorLike(sample))
      throw new ValueError(`${fn}: samples must all be numbers, arrays or tensors, got ${describe(sample)}`)
    return sample instanceof Tensor ? sample : tensor(sample)
  })
  const { shape } = tensors[0] as Tensor
  const other = tensors.find((sample) => !sameShape(sample.shape, shape))
  if (other) throw new ShapeError(`${fn}: samples must all have shape ${showShape(shape)}, got ${showShape(other.shape)}`)
  return stack(tensors)
}
