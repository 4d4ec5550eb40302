// Softmax, log-softmax and the cross-entropy from logits that is built on them. Kernels work along the last axis.
import { isGradEnabled } from '../autograd/mode.js'
import type { GradientRule } from '../autograd/node.js'
import { call, kernelNamed } from '../dispatch.js'
import { DTypeError, ShapeError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import { normalizeAxis, sameShape, showShape } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { castTo } from './cast.js'
import { exp, mul, sub } from './elementwise.js'
import { oneHot } from './gather.js'
import { apply, defineOp, isTwin } from './op.js'
import { sum } from './reduce.js'
import { expandDims, transpose } from './shape-ops.js'

const kernels = {
  softmax: kernelNamed('softmax'),
  softmaxBackward: kernelNamed('softmaxBackward'),
  loss: kernelNamed('sparseCrossEntropy'),
  lossBackward: kernelNamed('sparseCrossEntropyBackward'),
}

const columnsOf = (x: Tensor): number => x.shape[x.rank - 1] as number
const rowsOf = (x: Tensor): number => (columnsOf(x) === 0 ? 0 : x.size / columnsOf(x))

function define(name: 'softmax' | 'logSoftmax'): (x: TensorLike, axis?: number) => Tensor {
  const log = name === 'logSoftmax' ? 1 : 0
  const fused: GradientRule<null> = (context, _, dy) => {
    const y = context.output(0)
    const dx = emptyTensor(y.dtype, y.shape)
    call(kernels.softmaxBackward, isTwin(y.dtype), [dx], [dy, y], [rowsOf(y), columnsOf(y), log])
    return [dx]
  }
  // The same rule of differentiable operations, for derivatives of higher order.
  const composed: GradientRule<null> = (context, _, dy) => {
    const y = context.output(0)
    return [log ? sub(dy, mul(exp(y), sum(dy, -1, true))) : mul(y, sub(dy, sum(mul(dy, y), -1, true)))]
  }
  const op = defineOp<null>({
    name,
    kernels: ['softmax', 'softmaxBackward'],
    forward: ([x]) => {
      const input = x as Tensor
      const y = emptyTensor(input.dtype, input.shape)
      call(kernels.softmax, isTwin(input.dtype), [y], [input], [rowsOf(input), columnsOf(input), log])
      return y
    },
    gradient: (context, _, dy) => (isGradEnabled() ? composed(context, null, dy) : fused(context, null, dy)),
    call: run,
    samples: (make) => [
      [make.normal(3, 10)],
      [make.normal(2, 3, 4), 1],
      [make.normal(5)],
      [make.normal(4, 1)],
      [make.normal(0, 3)],
      [make.normal(3, 37)],
    ],
  })
  function run(x: TensorLike, axis = -1): Tensor {
    let input = toTensor(name, x)
    if (!isFloat(input.dtype)) input = castTo(input, 'float32')
    const at = normalizeAxis(name, axis, input.rank)
    if (at === input.rank - 1) return apply(op, [input], null)
    const swap = input.shape.map((_, i) => (i === at ? input.rank - 1 : i === input.rank - 1 ? at : i))
    return transpose(apply(op, [transpose(input, swap)], null), swap)
  }
  return run
}

const softmaxOf = define('softmax')
const logSoftmaxOf = define('logSoftmax')

/** exp(x) / Σ exp(x) along `axis` (default last), stable for any size of x. */
export function softmax(x: TensorLike, axis = -1): Tensor {
  return softmaxOf(x, axis)
}

/** x − log Σ exp(x) along `axis` (default last). */
export function logSoftmax(x: TensorLike, axis = -1): Tensor {
  return logSoftmaxOf(x, axis)
}

const crossEntropyOp = defineOp<null>({
  name: 'sparseCrossEntropy',
  kernels: ['sparseCrossEntropy', 'sparseCrossEntropyBackward'],
  forward: ([logits, labels]) => {
    const x = logits as Tensor
    const loss = emptyTensor(x.dtype, x.shape.slice(0, -1))
    call(kernels.loss, isTwin(x.dtype), [loss], [x, labels as Tensor], [rowsOf(x), columnsOf(x)])
    return loss
  },
  gradient: (context, _, dy) => {
    const [x, labels] = [context.input(0), context.input(1)]
    if (isGradEnabled()) return [mul(sub(softmax(x), oneHot(labels, columnsOf(x), x.dtype)), expandDims(dy, -1)), null]
    const dx = emptyTensor(x.dtype, x.shape)
    call(kernels.lossBackward, isTwin(x.dtype), [dx], [x, labels, dy], [rowsOf(x), columnsOf(x)])
    return [dx, null]
  },
  call: sparseCrossEntropy,
  samples: (make) => [
    [make.normal(3, 10), make.integers(10, 3)],
    [make.normal(2, 2, 5), make.integers(5, 2, 2)],
    [make.normal(0, 4), make.integers(4, 0)],
    [make.normal(1, 1), make.integers(1, 1)],
    [make.normal(5), make.integers(5)],
  ],
})

/**
 * −log softmax(logits)[label] for each row, fused and stable. logits [..., classes], labels int32 [...] → [...].
 *
 * @throws ValueError for a label outside [0, classes)
 */
export function sparseCrossEntropy(logits: TensorLike, labels: TensorLike): Tensor {
  const x = toTensor('sparseCrossEntropy', logits, undefined, 'logits')
  let y = toTensor('sparseCrossEntropy', labels, 'int32', 'labels')
  if (!isFloat(x.dtype)) throw new DTypeError(`sparseCrossEntropy: logits must be float32 or float64, got ${x.dtype}`)
  if (isFloat(y.dtype) || y.dtype === 'bool')
    throw new DTypeError(`sparseCrossEntropy: labels must be int32 or uint8, got ${y.dtype}; cast first`)
  y = castTo(y, 'int32')
  if (x.rank < 1 || !sameShape(y.shape, x.shape.slice(0, -1))) {
    throw new ShapeError(
      `sparseCrossEntropy: labels must have shape ${showShape(x.shape.slice(0, -1))} for logits ${showShape(x.shape)}, got ${showShape(y.shape)}`,
    )
  }
  return apply(crossEntropyOp, [x, y], null)
}
