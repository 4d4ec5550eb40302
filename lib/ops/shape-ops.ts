// Operations that change the shape: views where the order of elements stays (reshape and its relatives), copies where it does not.
import { describe, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { checkShape, normalizeAxes, normalizeAxis, type Shape, sameShape, showShape, sizeOf, stridesOf } from '../tensor/shape.js'
import { emptyTensor, Tensor } from '../tensor/tensor.js'
import { stridedCopy } from './copy.js'
import { apply, defineDerived, defineOp } from './op.js'
import { slice } from './slice.js'

const reshapeOp = defineOp<Shape>({
  name: 'reshape',
  kernels: [],
  forward: ([x], shape) => new Tensor((x as Tensor).dtype, shape, (x as Tensor).storage, (x as Tensor).byteOffset),
  gradient: (context, _, dy) => [reshape(dy, context.input(0).shape)],
  call: reshape,
  samples: (make) => [
    [make.normal(3, 4), [2, -1]],
    [make.normal(0, 4), [4, 0]],
    [make.normal(), [1, 1]],
  ],
})

/** The same elements in row-major order under another shape: a view, no copy. One size may be -1: whatever fits. */
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const input = toTensor('reshape', x)
  if (!Array.isArray(shape)) throw new ShapeError(wrongArgument('reshape', 'shape', 'an array of sizes', shape))
  const open = shape.indexOf(-1)
  let wanted = shape
  if (open >= 0) {
    const known = sizeOf(shape.map((size, i) => (i === open ? 1 : size)))
    wanted = shape.map((size, i) => (i === open ? (known > 0 ? input.size / known : 0) : size))
    if (!Number.isInteger(wanted[open]))
      throw new ShapeError(`reshape: ${input.size} elements do not divide into shape ${showShape(shape)}`)
  }
  checkShape('reshape', wanted)
  if (sizeOf(wanted) !== input.size)
    throw new ShapeError(
      `reshape: shape ${showShape(shape)} holds ${sizeOf(wanted)} elements, the tensor of shape ${showShape(input.shape)} has ${input.size}`,
    )
  return sameShape(wanted, input.shape) ? input : apply(reshapeOp, [input], [...wanted])
}

/** Merges the axes from `start` on into one: `x.flatten(1)` makes [batch, …] into [batch, features]. A view. */
export function flatten(x: TensorLike, start = 0): Tensor {
  const input = toTensor('flatten', x)
  if (input.rank === 0) return reshape(input, [1])
  const axis = normalizeAxis('flatten', start, input.rank)
  return reshape(input, [...input.shape.slice(0, axis), sizeOf(input.shape.slice(axis))])
}
defineDerived({
  name: 'flatten',
  call: flatten,
  samples: (make) => [[make.normal(2, 3, 4), 1], [make.normal()], [make.normal(0, 3)], [make.normal(1, 1)]],
})

/** A view with a new axis of size 1 at `axis`. */
export function expandDims(x: TensorLike, axis = 0): Tensor {
  const input = toTensor('expandDims', x)
  const at = normalizeAxis('expandDims', axis, input.rank + 1)
  return reshape(input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)])
}
defineDerived({
  name: 'expandDims',
  call: expandDims,
  samples: (make) => [[make.normal(2, 3), 1], [make.normal(2), -1], [make.normal()], [make.normal(0, 1), 1]],
})

/** A view without the given axes, each of size 1; by default all such axes. */
export function squeeze(x: TensorLike, axes?: number | readonly number[]): Tensor {
  const input = toTensor('squeeze', x)
  const drop =
    axes === undefined ? input.shape.flatMap((size, i) => (size === 1 ? [i] : [])) : normalizeAxes('squeeze', axes, input.rank)
  for (const axis of drop)
    if (input.shape[axis] !== 1) throw new ShapeError(`squeeze: axis ${axis} must have size 1, got ${input.shape[axis]}`)
  return reshape(
    input,
    input.shape.filter((_, i) => !drop.includes(i)),
  )
}
defineDerived({
  name: 'squeeze',
  call: squeeze,
  samples: (make) => [[make.normal(2, 1, 3, 1)], [make.normal(1, 2, 1), 0], [make.normal()], [make.normal(1, 0)]],
})

const transposeOp = defineOp<readonly number[]>({
  name: 'transpose',
  kernels: ['copy'],
  forward: ([x], axes) => {
    const input = x as Tensor
    const shape = axes.map((axis) => input.shape[axis] as number)
    const strides = stridesOf(input.shape)
    const out = emptyTensor(input.dtype, shape)
    stridedCopy(
      out,
      input,
      shape,
      { offset: 0, strides: stridesOf(shape) },
      { offset: 0, strides: axes.map((axis) => strides[axis] as number) },
    )
    return out
  },
  gradient: (_context, axes, dy) => [
    transpose(
      dy,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  ],
  call: transpose,
  samples: (make) => [
    [make.normal(3, 5)],
    [make.normal(2, 3, 4), [1, 2, 0]],
    [make.integers(9, 2, 1, 3)],
    [make.normal(0, 3)],
    [make.normal()],
  ],
})

/** Axes in another order; by default reversed. */
export function transpose(x: TensorLike, axes?: readonly number[]): Tensor {
  const input = toTensor('transpose', x)
  if (axes !== undefined && !Array.isArray(axes))
    throw new ShapeError(wrongArgument('transpose', 'axes', 'an array of axes', axes))
  const order =
    axes === undefined
      ? input.shape.map((_, i) => input.rank - 1 - i)
      : axes.map((axis) => normalizeAxis('transpose', axis, input.rank))
  if (order.length !== input.rank || new Set(order).size !== order.length) {
    throw new ShapeError(`transpose: axes must name each of the ${input.rank} axes once, got ${describe(axes)}`)
  }
  return order.every((axis, i) => axis === i) ? input : apply(transposeOp, [input], order)
}

const concatenateOp = defineOp<number>({
  name: 'concatenate',
  kernels: ['copy'],
  forward: (inputs, axis) => {
    const first = inputs[0] as Tensor
    const total = inputs.reduce((sum, x) => sum + (x.shape[axis] as number), 0)
    const out = emptyTensor(
      first.dtype,
      first.shape.map((size, i) => (i === axis ? total : size)),
    )
    const strides = stridesOf(out.shape)
    let start = 0
    for (const x of inputs) {
      stridedCopy(
        out,
        x,
        x.shape,
        { offset: start * (strides[axis] as number), strides },
        { offset: 0, strides: stridesOf(x.shape) },
      )
      start += x.shape[axis] as number
    }
    return out
  },
  gradient: (context, axis, dy) => {
    const gradient = dy as Tensor
    const pieces: Tensor[] = []
    for (let start = 0, i = 0; start < (gradient.shape[axis] as number) || i === 0; i++) {
      const size = context.input(i).shape[axis] as number
      pieces.push(
        slice(
          gradient,
          gradient.shape.map((_, a) => (a === axis ? start : 0)),
          gradient.shape.map((s, a) => (a === axis ? size : s)),
        ),
      )
      start += size
    }
    return pieces
  },
  call: concatenate,
  samples: (make) => [
    [[make.normal(2, 3), make.normal(2, 1)], 1],
    [[make.normal(1, 2), make.normal(3, 2)], 0],
    [[make.normal(4)], 0],
    [[make.normal(0, 2), make.normal(3, 2)], 0],
  ],
})

/** Tensors of one dtype joined along an existing axis; all other sizes must agree. */
export function concatenate(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ValueError(wrongArgument('concatenate', 'tensors', 'a non-empty array of tensors', tensors))
  const inputs = tensors.map((x) => toTensor('concatenate', x, undefined, 'tensors'))
  const [first] = inputs as [Tensor]
  const at = normalizeAxis('concatenate', axis, first.rank)
  for (const x of inputs) {
    if (x.dtype !== first.dtype)
      throw new ValueError(`concatenate: all tensors must have dtype ${first.dtype}, got ${x.dtype}; cast first`)
    if (x.rank !== first.rank || x.shape.some((size, i) => i !== at && size !== first.shape[i])) {
      throw new ShapeError(`concatenate: shapes ${showShape(first.shape)} and ${showShape(x.shape)} differ outside axis ${at}`)
    }
  }
  return apply(concatenateOp, inputs, at)
}

/** Tensors of one shape joined along a new axis. */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ValueError(wrongArgument('stack', 'tensors', 'a non-empty array of tensors', tensors))
  const inputs = tensors.map((x) => toTensor('stack', x, undefined, 'tensors'))
  const [first] = inputs as [Tensor]
  const at = normalizeAxis('stack', axis, first.rank + 1)
  for (const x of inputs)
    if (!sameShape(x.shape, first.shape))
      throw new ShapeError(`stack: all tensors must have one shape, got ${showShape(first.shape)} and ${showShape(x.shape)}`)
  return concatenate(
    inputs.map((x) => expandDims(x, at)),
    at,
  )
}
defineDerived({
  name: 'stack',
  call: stack,
  samples: (make) => [
    [[make.normal(2, 3), make.normal(2, 3)], 1],
    [[make.normal()], 0],
    [[make.normal(0, 3), make.normal(0, 3)], 1],
  ],
})

/** Pieces along `axis`: a count of equal pieces, or the sizes of the pieces. */
export function split(x: TensorLike, pieces: number | readonly number[], axis = 0): Tensor[] {
  const input = toTensor('split', x)
  const at = normalizeAxis('split', axis, input.rank)
  const length = input.shape[at] as number
  if (typeof pieces === 'number' && !(Number.isInteger(pieces) && pieces > 0 && length % pieces === 0)) {
    throw new ShapeError(`split: axis ${at} of size ${length} does not divide into ${pieces} equal pieces`)
  }
  const sizes = typeof pieces === 'number' ? new Array<number>(pieces).fill(length / pieces) : pieces
  if (!Array.isArray(sizes)) throw new ShapeError(wrongArgument('split', 'pieces', 'a count or an array of sizes', pieces))
  checkShape('split', sizes)
  if (sizes.reduce((a, b) => a + b, 0) !== length)
    throw new ShapeError(`split: sizes ${showShape(sizes)} must add up to ${length}, the size of axis ${at}`)
  let start = 0
  return sizes.map((size) => {
    const begin = input.shape.map((_, i) => (i === at ? start : 0))
    start += size
    return slice(
      input,
      begin,
      input.shape.map((s, i) => (i === at ? size : s)),
    )
  })
}
defineDerived({
  name: 'split',
  call: split,
  samples: (make) => [
    [make.normal(4, 3), 2],
    [make.normal(2, 5), [1, 4], 1],
    [make.normal(0, 1), [0]],
  ],
})
