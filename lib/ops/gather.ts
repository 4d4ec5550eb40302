// Selecting by integer indices, and the additions back that are its gradient. Every index is validated before anything is written.
import { call, kernelNamed } from '../dispatch.js'
import { DTypeError, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { checkDType, type DType, dtypes, isFloat } from '../tensor/dtype.js'
import { checkShape, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { castTo } from './cast.js'
import { apply, defineOp, discrete, isTwin } from './op.js'

const kernels = {
  gather: kernelNamed('gather'),
  scatterAdd: kernelNamed('scatterAdd'),
  gatherElements: kernelNamed('gatherElements'),
  scatterElements: kernelNamed('scatterElements'),
  oneHot: kernelNamed('oneHot'),
}

function toIndices(fn: string, value: TensorLike): Tensor {
  const indices = toTensor(fn, value, 'int32', 'indices')
  if (isFloat(indices.dtype) || indices.dtype === 'bool')
    throw new DTypeError(`${fn}: indices must be int32 or uint8, got ${indices.dtype}; cast first`)
  return castTo(indices, 'int32')
}

/** [outer, axis, inner] sizes around an axis. */
function around(shape: Shape, axis: number): [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis] as number, sizeOf(shape.slice(axis + 1))]
}

const gatherOp = defineOp<number>({
  name: 'gather',
  kernels: ['gather', 'scatterAdd'],
  forward: ([x, indices], axis) => {
    const [input, index] = [x, indices] as [Tensor, Tensor]
    const out = emptyTensor(input.dtype, [...input.shape.slice(0, axis), ...index.shape, ...input.shape.slice(axis + 1)])
    const [outer, size, inner] = around(input.shape, axis)
    call(kernels.gather, isTwin(input.dtype), [out], [input, index], [outer, size, inner, index.size, dtypes[input.dtype].bytes])
    return out
  },
  gradient: (context, axis, dy) => [apply(scatterAddOp, [dy, context.input(1)], { axis, shape: context.input(0).shape }), null],
  call: gather,
  samples: (make) => [
    [make.normal(5, 3), make.integers(5, 4)],
    [make.normal(2, 5, 3), make.integers(5, 2, 2), 1],
    [make.normal(4), make.integers(4, 0)],
    [make.integers(9, 3, 2), make.integers(2, 7), 1],
    [make.normal(1, 3), make.integers(1)],
  ],
})

/** Slices of `x` along `axis` at integer `indices`: x.shape with the axis replaced by the shape of the indices. Rows of a table, by default. */
export function gather(x: TensorLike, indices: TensorLike, axis = 0): Tensor {
  const input = toTensor('gather', x)
  return apply(gatherOp, [input, toIndices('gather', indices)], normalizeAxis('gather', axis, input.rank))
}

interface Scatter {
  readonly axis: number
  readonly shape: Shape
}

const scatterAddOp = defineOp<Scatter>({
  name: 'scatterAdd',
  kernels: ['scatterAdd'],
  forward: ([dy, indices], { axis, shape }) => {
    const [updates, index] = [dy, indices] as [Tensor, Tensor]
    const out = emptyTensor(updates.dtype, shape)
    const [outer, size, inner] = around(shape, axis)
    call(
      kernels.scatterAdd,
      isTwin(updates.dtype),
      [out],
      [updates, index],
      [outer, size, inner, index.size, dtypes[updates.dtype].code],
    )
    return out
  },
  gradient: (context, { axis }, dy) => [gather(dy, context.input(1), axis), null],
  call: scatterAdd,
  samples: (make) => [
    [make.normal(4, 3), make.integers(5, 4), [5, 3]],
    [make.normal(2, 6), make.integers(3, 6), [2, 3], 1],
    [make.normal(0, 2), make.integers(4, 0), [4, 2]],
    [make.normal(3), make.integers(1), [1, 3]],
  ],
})

/** Zeros of `shape` with each slice of `updates` along `axis` added at its index: the reverse of `gather`. */
export function scatterAdd(updates: TensorLike, indices: TensorLike, shape: Shape, axis = 0): Tensor {
  const source = toTensor('scatterAdd', updates, undefined, 'updates')
  const index = toIndices('scatterAdd', indices)
  const target = checkShape('scatterAdd', shape)
  const at = normalizeAxis('scatterAdd', axis, target.length)
  const wanted = [...target.slice(0, at), ...index.shape, ...target.slice(at + 1)]
  if (!sameShape(source.shape, wanted))
    throw new ShapeError(`scatterAdd: updates must have shape ${showShape(wanted)}, got ${showShape(source.shape)}`)
  if (source.dtype !== 'float32' && source.dtype !== 'float64' && source.dtype !== 'int32')
    throw new DTypeError(`scatterAdd: updates must be float32, float64 or int32, got ${source.dtype}`)
  return apply(scatterAddOp, [source, index], { axis: at, shape: target })
}

const gatherElementsOp = defineOp<null>({
  name: 'gatherElements',
  kernels: ['gatherElements', 'scatterElements'],
  forward: ([x, indices]) => {
    const [input, index] = [x, indices] as [Tensor, Tensor]
    const out = emptyTensor(input.dtype, index.shape)
    call(
      kernels.gatherElements,
      isTwin(input.dtype),
      [out],
      [input, index],
      [index.size, input.shape[input.rank - 1] as number, dtypes[input.dtype].bytes],
    )
    return out
  },
  gradient: (context, _, dy) => [apply(scatterElementsOp, [dy, context.input(1)], context.input(0).shape), null],
  call: gatherElements,
  samples: (make) => [
    [make.normal(4, 3), make.integers(3, 4)],
    [make.normal(2, 3, 5), make.integers(5, 2, 3)],
    [make.normal(0, 2), make.integers(2, 0)],
    [make.normal(1), make.integers(1)],
  ],
})

/** One element of each row: x [..., columns], indices int32 [...] → [...]. */
export function gatherElements(x: TensorLike, indices: TensorLike): Tensor {
  const input = toTensor('gatherElements', x)
  const index = toIndices('gatherElements', indices)
  if (input.rank < 1 || !sameShape(index.shape, input.shape.slice(0, -1))) {
    throw new ShapeError(
      `gatherElements: indices must have shape ${showShape(input.shape.slice(0, -1))} for ${showShape(input.shape)}, got ${showShape(index.shape)}`,
    )
  }
  return apply(gatherElementsOp, [input, index], null)
}

const scatterElementsOp = defineOp<Shape>({
  name: 'scatterElements',
  kernels: ['scatterElements'],
  forward: ([values, indices], shape) => {
    const [source, index] = [values, indices] as [Tensor, Tensor]
    const out = emptyTensor(source.dtype, shape)
    call(
      kernels.scatterElements,
      isTwin(source.dtype),
      [out],
      [source, index],
      [index.size, shape[shape.length - 1] as number, dtypes[source.dtype].code],
    )
    return out
  },
  gradient: (context, _, dy) => [gatherElements(dy, context.input(1)), null],
  call: (values: Tensor, indices: Tensor, shape: Shape) => apply(scatterElementsOp, [values, indices], shape),
  samples: (make) => [
    [make.normal(4), make.integers(3, 4), [4, 3]],
    [make.normal(), make.integers(3), [3]],
    [make.normal(0), make.integers(3, 0), [0, 3]],
    [make.normal(3, 1), make.integers(1, 3, 1), [3, 1, 1]],
  ],
})

const oneHotOp = defineOp<{ readonly depth: number; readonly dtype: DType }>({
  name: 'oneHot',
  kernels: ['oneHot'],
  forward: ([indices], { depth, dtype }) => {
    const index = indices as Tensor
    const out = emptyTensor(dtype, [...index.shape, depth])
    call(kernels.oneHot, isTwin(dtype), [out], [index], [index.size, depth, dtypes[dtype].code])
    return out
  },
  gradient: discrete,
  call: oneHot,
  samples: (make) => [
    [make.integers(4, 5), 4],
    [make.integers(3, 2, 2), 3, 'float64'],
    [make.integers(2, 0), 2],
    [make.integers(3), 3],
    [make.integers(1, 1), 1],
  ],
})

/** 1 at each index, 0 elsewhere: int32 [...] → [..., depth]. */
export function oneHot(indices: TensorLike, depth: number, dtype: DType = 'float32'): Tensor {
  if (!Number.isInteger(depth) || depth < 1) throw new ValueError(wrongArgument('oneHot', 'depth', 'a positive integer', depth))
  return apply(oneHotOp, [toIndices('oneHot', indices)], { depth, dtype: checkDType('oneHot', dtype) })
}
