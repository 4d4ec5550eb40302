// Raw strided copies and fills, outside the gradient graph: what slices, transposes, joins, pads and broadcasts are made of.
// A region is described by its sizes and, for either side, an offset and a stride per axis, in elements.
import { call, kernelNamed } from '../dispatch.js'
import { dtypes } from '../tensor/dtype.js'
import { type Shape, stridesOf } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'

const copyKernel = kernelNamed('copy')
const fillKernel = kernelNamed('fill')

/** Where one side of a copy starts and how far apart its elements lie along each axis. */
export interface Placement {
  readonly offset: number
  readonly strides: readonly number[]
}

/** dst[offset + Σ iₐ·strideₐ] = src[…] over all indices of `sizes`. */
export function stridedCopy(dst: Tensor, src: Tensor, sizes: Shape, to: Placement, from: Placement): void {
  call(
    copyKernel,
    dst.dtype === 'float64',
    [dst],
    [src],
    [dtypes[src.dtype].bytes, sizes.length, to.offset, from.offset, ...sizes, ...to.strides, ...from.strides],
  )
}

/** Sets every element. */
export function fill(dst: Tensor, value: number): void {
  call(fillKernel, dst.dtype === 'float64', [dst], [], [dst.size, dtypes[dst.dtype].code, value])
}

/** Strides of `shape` seen through broadcasting to `target`: 0 along stretched axes. */
function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape)
  const missing = target.length - shape.length
  return target.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : (strides[axis - missing] as number)))
}

/** A full copy of `x` repeated to `shape`, outside the gradient graph. */
export function broadcastCopy(x: Tensor, shape: Shape): Tensor {
  const out = emptyTensor(x.dtype, shape)
  stridedCopy(out, x, shape, { offset: 0, strides: stridesOf(shape) }, { offset: 0, strides: broadcastStrides(x.shape, shape) })
  return out
}
