// Cutting out, padding and reversing: strided copies whose gradients are one another.
import { ShapeError, ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { dtypes } from '../tensor/dtype.js'
import { normalizeAxes, type Shape, showShape, sizeOf, stridesOf } from '../tensor/shape.js'
import { emptyTensor, Tensor } from '../tensor/tensor.js'
import { fill, stridedCopy } from './copy.js'
import { apply, defineOp } from './op.js'

interface Window {
  readonly begin: readonly number[]
  readonly size: readonly number[]
}

/** Whether a window covers whole axes but for the first: then its elements are contiguous. */
function isLeading(window: Window, shape: Shape): boolean {
  return shape.every((size, axis) => axis === 0 || (window.begin[axis] === 0 && window.size[axis] === size))
}

function offsetOf(begin: readonly number[], strides: readonly number[]): number {
  return begin.reduce((sum, start, axis) => sum + start * (strides[axis] as number), 0)
}

const sliceOp = defineOp<Window>({
  name: 'slice',
  kernels: ['copy'],
  forward: ([x], window) => {
    const input = x as Tensor
    const strides = stridesOf(input.shape)
    const offset = offsetOf(window.begin, strides)
    if (isLeading(window, input.shape))
      return new Tensor(input.dtype, [...window.size], input.storage, input.byteOffset + offset * dtypes[input.dtype].bytes)
    const out = emptyTensor(input.dtype, window.size)
    stridedCopy(out, input, window.size, { offset: 0, strides: stridesOf(window.size) }, { offset, strides })
    return out
  },
  gradient: (context, window, dy) => {
    const { shape } = context.input(0)
    return [
      pad(
        dy,
        shape.map(
          (size, axis) =>
            [window.begin[axis] as number, size - (window.begin[axis] as number) - (window.size[axis] as number)] as const,
        ),
      ),
    ]
  },
  call: slice,
  samples: (make) => [
    [make.normal(4, 5), [1, 2], [2, 3]],
    [make.normal(6), [2], [-1]],
    [make.normal(3, 2), [1, 0], [0, 2]],
    [make.integers(9, 5, 3), [2, 0], [2, 3]],
    [make.normal(), []],
    [make.normal(0, 3), [0, 1], [0, 2]],
    [make.normal(3, 1), [1], [1]],
  ],
})

/**
 * The window of `size` starting at `begin`, per axis; a size of -1 reaches to the end. Missing trailing axes are taken whole.
 * Windows that cut the first axis only are views.
 */
export function slice(x: TensorLike, begin: number | readonly number[], size?: number | readonly number[]): Tensor {
  const input = toTensor('slice', x)
  const begins = typeof begin === 'number' ? [begin] : begin
  const sizes = typeof size === 'number' ? [size] : (size ?? [])
  if (!Array.isArray(begins) || begins.length > input.rank || sizes.length > input.rank)
    throw new ShapeError(`slice: begin and size must have at most ${input.rank} entries`)
  const start = input.shape.map((length, axis) => {
    const value = begins[axis] ?? 0
    return value < 0 ? value + length : value
  })
  const count = input.shape.map((length, axis) =>
    (sizes[axis] ?? -1) === -1 ? length - (start[axis] as number) : (sizes[axis] as number),
  )
  input.shape.forEach((length, axis) => {
    const from = start[axis] as number
    const n = count[axis] as number
    if (!Number.isInteger(from) || !Number.isInteger(n) || from < 0 || n < 0 || from + n > length) {
      throw new ShapeError(
        `slice: begin ${begins[axis] ?? 0} and size ${sizes[axis] ?? -1} do not fit axis ${axis} of ${showShape(input.shape)}`,
      )
    }
  })
  return apply(sliceOp, [input], { begin: start, size: count })
}

const padOp = defineOp<{ readonly paddings: readonly (readonly [number, number])[]; readonly value: number }>({
  name: 'pad',
  kernels: ['copy', 'fill'],
  forward: ([x], { paddings, value }) => {
    const input = x as Tensor
    const out = emptyTensor(
      input.dtype,
      input.shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0)),
    )
    const strides = stridesOf(out.shape)
    fill(out, value)
    stridedCopy(
      out,
      input,
      input.shape,
      {
        offset: offsetOf(
          paddings.map(([before]) => before),
          strides,
        ),
        strides,
      },
      { offset: 0, strides: stridesOf(input.shape) },
    )
    return out
  },
  gradient: (context, { paddings }, dy) => [
    slice(
      dy,
      paddings.map(([before]) => before),
      context.input(0).shape,
    ),
  ],
  call: pad,
  samples: (make) => [
    [
      make.normal(2, 3),
      [
        [1, 0],
        [0, 2],
      ],
    ],
    [make.normal(4), [[2, 2]], 7],
    [
      make.integers(9, 2, 2),
      [
        [0, 0],
        [1, 1],
      ],
      3,
    ],
    [make.normal(), []],
    [
      make.normal(0, 1),
      [
        [1, 1],
        [0, 2],
      ],
    ],
  ],
})

/** `x` with `[before, after]` elements of `value` added to each axis. */
export function pad(x: TensorLike, paddings: readonly (readonly [number, number])[], value = 0): Tensor {
  const input = toTensor('pad', x)
  if (!Array.isArray(paddings) || paddings.length !== input.rank)
    throw new ShapeError(wrongArgument('pad', 'paddings', `an array of ${input.rank} pairs [before, after]`, paddings))
  for (const pair of paddings) {
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < 0))
      throw new ValueError(wrongArgument('pad', 'paddings', 'pairs of non-negative integers', pair))
  }
  return apply(padOp, [input], { paddings: paddings.map(([before, after]) => [before, after] as const), value })
}

const flipOp = defineOp<readonly number[]>({
  name: 'flip',
  kernels: ['copy'],
  forward: ([x], axes) => {
    const input = x as Tensor
    const out = emptyTensor(input.dtype, input.shape)
    if (sizeOf(input.shape) === 0) return out
    const strides = stridesOf(input.shape)
    const offset = axes.reduce((sum, axis) => sum + ((input.shape[axis] as number) - 1) * (strides[axis] as number), 0)
    stridedCopy(
      out,
      input,
      input.shape,
      { offset: 0, strides },
      { offset, strides: strides.map((step, axis) => (axes.includes(axis) ? -step : step)) },
    )
    return out
  },
  gradient: (_context, axes, dy) => [flip(dy, axes)],
  call: flip,
  samples: (make) => [
    [make.normal(3, 4), 1],
    [make.normal(2, 3)],
    [make.integers(9, 0, 3), 0],
    [make.normal()],
    [make.normal(1, 3)],
  ],
})

/** The elements in reverse order along the given axes; by default all of them. */
export function flip(x: TensorLike, axes?: number | readonly number[]): Tensor {
  const input = toTensor('flip', x)
  return apply(flipOp, [input], normalizeAxes('flip', axes, input.rank))
}
