// Broadcasting to a shape, and its reverse: the gradient of a stretched tensor is the sum over what it was stretched along.
import { ShapeError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { broadcastShapes, checkShape, type Shape, sameShape, showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { broadcastCopy } from './copy.js'
import { apply, defineOp } from './op.js'
import { sum } from './reduce.js'
import { reshape } from './shape-ops.js'

const broadcastToOp = defineOp<Shape>({
  name: 'broadcastTo',
  kernels: ['copy'],
  forward: ([x], shape) => broadcastCopy(x as Tensor, shape),
  gradient: (context, _, dy) => [sumTo(dy, context.input(0).shape)],
  call: broadcastTo,
  samples: (make) => [
    [make.normal(3, 1), [2, 3, 4]],
    [make.normal(), [2, 2]],
    [make.normal(1, 5), [0, 5]],
    [make.normal(0, 1), [0, 3]],
  ],
})

/** `x` repeated along axes of size 1 (and new leading axes) to `shape`, by NumPy's rules. */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const input = toTensor('broadcastTo', x)
  const target = checkShape('broadcastTo', shape)
  if (!sameShape(broadcastShapes('broadcastTo', input.shape, target), target)) {
    throw new ShapeError(`broadcastTo: ${showShape(input.shape)} does not broadcast to ${showShape(target)}`)
  }
  return sameShape(input.shape, target) ? input : apply(broadcastToOp, [input], target)
}

/** Sums `x` down to `shape`, which broadcasts to the shape of `x`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const extra = x.shape.length - shape.length
  const axes = x.shape.flatMap((size, axis) => (axis < extra || (shape[axis - extra] === 1 && size !== 1) ? [axis] : []))
  return reshape(sum(x, axes, true), shape)
}
