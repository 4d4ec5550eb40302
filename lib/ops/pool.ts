// Max and average pooling over channels-last images, with their gradients.
import { call, kernelNamed } from '../dispatch.js'
import { checkOptions, DTypeError, ValueError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import type { Shape } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { apply, applyAll, defineOp, isTwin, type Op, type Samples } from './op.js'
import { type Padding, type Pair, pair, slide } from './window.js'

/** Options of pooling. */
export interface PoolOptions {
  /** Steps between windows (default: the window's size). */
  strides?: Pair
  /** Default 'valid'. Padding never wins a maximum and is left out of averages. */
  padding?: Padding
}

interface Geometry {
  readonly input: Shape
  readonly output: Shape
  /** Arguments of the pooling kernels, as native/kernels/pool.cc documents them. */
  readonly args: readonly number[]
}

const kernels = {
  max: kernelNamed('maxPool2d'),
  maxBackward: kernelNamed('maxPool2dBackward'),
  average: kernelNamed('averagePool2d'),
  averageBackward: kernelNamed('averagePool2dBackward'),
}

function prepare(fn: string, x: TensorLike, size: Pair, options: PoolOptions): [Tensor, Geometry] {
  checkOptions(fn, options, ['strides', 'padding'])
  const input = toTensor(fn, x)
  if (!isFloat(input.dtype)) throw new DTypeError(`${fn}: the input must be float32 or float64, got ${input.dtype}; cast first`)
  const window = pair(fn, 'size', size)
  const strides = pair(fn, 'strides', options.strides ?? size)
  const { outputs, padding } = slide(fn, input.shape, window, strides, options.padding ?? 'valid')
  if (window[0] * window[1] > 256)
    throw new ValueError(`${fn}: a window may hold at most 256 elements, got ${window[0]} by ${window[1]}`)
  if (padding[0] >= window[0] || padding[1] >= window[1])
    throw new ValueError(`${fn}: padding must be smaller than the window, got ${padding} for ${window}`)
  const [batch, height, width, channels] = input.shape as [number, number, number, number]
  const args = [batch, height, width, channels, ...window, ...outputs, ...strides, ...padding]
  return [input, { input: input.shape, output: [batch, ...outputs, channels], args }]
}

const samples: Samples = (make) => [
  [make.distinct(2, 4, 6, 3), 2],
  [make.distinct(1, 5, 5, 2), [3, 2], { strides: [2, 1], padding: 'same' }],
  [make.distinct(1, 7, 5, 17), 3, { strides: 2 }],
  [make.distinct(0, 4, 4, 1), 2],
]

const maxPoolOp: Op<Geometry> = defineOp<Geometry>({
  name: 'maxPool2d',
  kernels: ['maxPool2d', 'maxPool2dBackward'],
  forward: ([x], { output, args }) => {
    const input = x as Tensor
    const y = emptyTensor(input.dtype, output)
    const where = emptyTensor('uint8', output)
    call(kernels.max, isTwin(input.dtype), [y, where], [input], args)
    return [y, where]
  },
  gradient: (context, shapes, dy) => [apply(maxPoolBackwardOp, [dy, context.output(1)], shapes)],
  call: maxPool2d,
  samples,
})

const maxPoolBackwardOp: Op<Geometry> = defineOp<Geometry>({
  name: 'maxPool2dBackward',
  kernels: ['maxPool2dBackward'],
  forward: ([dy, where], { input, args }) => {
    const dx = emptyTensor((dy as Tensor).dtype, input)
    call(kernels.maxBackward, isTwin(dx.dtype), [dx], [dy as Tensor, where as Tensor], args)
    return dx
  },
  gradient: { none: 'second derivatives through max pooling are not provided' },
  call: (dy: Tensor, where: Tensor, shapes: Geometry) => apply(maxPoolBackwardOp, [dy, where], shapes),
  samples: (make) =>
    samples(make).map(([x, size, options]) => {
      const [input, shapes] = prepare('maxPool2d', x as Tensor, size as Pair, (options as PoolOptions | undefined) ?? {})
      return [make.normal(...shapes.output), applyAll(maxPoolOp, [input], shapes)[1], shapes]
    }),
})

/** The greatest element of each window: [batch, height, width, channels] → [batch, outHeight, outWidth, channels]. */
export function maxPool2d(x: TensorLike, size: Pair = 2, options: PoolOptions = {}): Tensor {
  return apply(maxPoolOp, ...split(prepare('maxPool2d', x, size, options)))
}

const split = ([input, shapes]: [Tensor, Geometry]): [readonly Tensor[], Geometry] => [[input], shapes]

const averagePoolOp: Op<Geometry> = defineOp<Geometry>({
  name: 'averagePool2d',
  kernels: ['averagePool2d'],
  forward: ([x], { output, args }) => {
    const y = emptyTensor((x as Tensor).dtype, output)
    call(kernels.average, isTwin(y.dtype), [y], [x as Tensor], args)
    return y
  },
  gradient: (_context, shapes, dy) => [apply(averagePoolBackwardOp, [dy], shapes)],
  call: averagePool2d,
  samples,
})

const averagePoolBackwardOp: Op<Geometry> = defineOp<Geometry>({
  name: 'averagePool2dBackward',
  kernels: ['averagePool2dBackward'],
  forward: ([dy], { input, args }) => {
    const dx = emptyTensor((dy as Tensor).dtype, input)
    call(kernels.averageBackward, isTwin(dx.dtype), [dx], [dy as Tensor], args)
    return dx
  },
  gradient: (_context, shapes, ddx) => [apply(averagePoolOp, [ddx], shapes)],
  call: (dy: Tensor, shapes: Geometry) => apply(averagePoolBackwardOp, [dy], shapes),
  samples: (make) =>
    samples(make).map(([x, size, options]) => {
      const [, shapes] = prepare('averagePool2d', x as Tensor, size as Pair, (options as PoolOptions | undefined) ?? {})
      return [make.normal(...shapes.output), shapes]
    }),
})

/** The mean of each window, padding left out: [batch, height, width, channels] → [batch, outHeight, outWidth, channels]. */
export function averagePool2d(x: TensorLike, size: Pair = 2, options: PoolOptions = {}): Tensor {
  return apply(averagePoolOp, ...split(prepare('averagePool2d', x, size, options)))
}
