// 2-D convolution over channels-last images, and its two gradients. The three are bilinear in the same triple, so each one's gradients
// are the other two. Images are [batch, height, width, channels], kernels [height, width, channels / groups, filters].
import { isGradEnabled } from '../autograd/mode.js'
import { call, kernelNamed } from '../dispatch.js'
import { checkOptions, DTypeError, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { isFloat, promote } from '../tensor/dtype.js'
import { type Shape, showShape } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { castTo } from './cast.js'
import { type ConvAlgorithm, usesWinograd } from './conv-algorithm.js'
import { apply, defineOp, isTwin, type Op, type Samples } from './op.js'
import { type Padding, type Pair, pair, slide } from './window.js'

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Steps between window positions (default 1). */
  strides?: Pair
  /** Default 'valid'. */
  padding?: Padding
  /** Distance between the elements of the kernel (default 1). */
  dilation?: Pair
  /** Independent groups that channels and filters are divided into (default 1). */
  groups?: number
  /**
   * 'winograd' computes 3×3 kernels of stride 1 and dilation 1 with a quarter of the multiplications; its rounding error is about
   * ten times that of 'direct', at most 5e-6 of the largest value. 'auto' (default) takes the faster one. float64 is always direct.
   */
  convAlgorithm?: ConvAlgorithm
}

interface Geometry {
  readonly input: Shape
  readonly kernel: Shape
  readonly output: Shape
  /** Arguments of the three kernels, as native/kernels/conv.cc documents them. */
  readonly args: readonly number[]
}

const kernels = {
  forward: kernelNamed('conv2d'),
  input: kernelNamed('conv2dBackwardInput'),
  kernel: kernelNamed('conv2dBackwardKernel'),
}

function geometry(input: Shape, kernel: Shape, options: Conv2dOptions): Geometry {
  const strides = pair('conv2d', 'strides', options.strides ?? 1)
  const dilation = pair('conv2d', 'dilation', options.dilation ?? 1)
  const { groups = 1, padding = 'valid' } = options
  if (kernel.length !== 4)
    throw new ShapeError(
      `conv2d: the kernel must have 4 axes [height, width, channels / groups, filters], got ${showShape(kernel)}`,
    )
  const [kernelHeight, kernelWidth, depth, filters] = kernel as [number, number, number, number]
  const { outputs, padding: before } = slide('conv2d', input, [kernelHeight, kernelWidth], strides, padding, dilation)
  const [batch, height, width, channels] = input as [number, number, number, number]
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0 || filters % groups !== 0) {
    throw new ValueError(wrongArgument('conv2d', 'groups', `a divisor of ${channels} channels and ${filters} filters`, groups))
  }
  if (depth * groups !== channels) {
    throw new ShapeError(
      `conv2d: kernel ${showShape(kernel)} takes ${depth * groups} channels in ${groups} group(s), the input ${showShape(input)} has ${channels}`,
    )
  }
  const output = [batch, ...outputs, filters]
  const window = { kernelSize: [kernelHeight, kernelWidth], strides, dilation, groups }
  const work = { batch, outputs, channels, filters, inference: !isGradEnabled() }
  const args = [
    batch,
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    filters,
    ...outputs,
    ...strides,
    ...before,
    ...dilation,
    groups,
    Number(usesWinograd('conv2d', options.convAlgorithm ?? 'auto', window, work)),
  ]
  return { input, kernel, output, args }
}

function run(
  kernel: (typeof kernels)[keyof typeof kernels],
  shape: Shape,
  a: Tensor,
  b: Tensor,
  args: readonly number[],
): Tensor {
  const out = emptyTensor(a.dtype, shape)
  call(kernel, isTwin(a.dtype), [out], [a, b], args)
  return out
}

const forwardSamples: Samples = (make) => [
  [make.normal(2, 6, 5, 3), make.normal(3, 3, 3, 4)],
  [make.normal(1, 7, 7, 2), make.normal(3, 3, 2, 5), { padding: 'same', strides: 2 }],
  [make.normal(2, 5, 6, 4), make.normal(2, 3, 2, 6), { groups: 2, padding: 1 }],
  [make.normal(1, 9, 8, 1), make.normal(3, 2, 1, 3), { dilation: 2 }],
  [make.normal(2, 4, 4, 5), make.normal(1, 1, 5, 3)],
  [make.normal(1, 5, 5, 17), make.normal(3, 3, 17, 33), { padding: 'same', convAlgorithm: 'direct' }],
  [make.normal(0, 5, 5, 2), make.normal(3, 3, 2, 2)],
  [make.normal(1, 5, 6, 3), make.normal(3, 3, 3, 2), { padding: 'same', convAlgorithm: 'winograd' }],
]

const conv2dOp: Op<Geometry> = defineOp<Geometry>({
  name: 'conv2d',
  kernels: ['conv2d'],
  forward: ([x, w], { output, args }) => run(kernels.forward, output, x as Tensor, w as Tensor, args),
  gradient: (context, shapes, dy) => [
    context.needs(0) ? apply(inputGradientOp, [dy, context.input(1)], shapes) : null,
    context.needs(1) ? apply(kernelGradientOp, [context.input(0), dy], shapes) : null,
  ],
  call: conv2d,
  samples: forwardSamples,
})

/** Samples of a gradient: the output gradient stands in for the operand that the gradient is taken of. */
const gradientSamples =
  (missing: 0 | 1): Samples =>
  (make) =>
    forwardSamples(make).map(([x, w, options]) => {
      const shapes = geometry((x as Tensor).shape, (w as Tensor).shape, (options as Conv2dOptions | undefined) ?? {})
      const dy = make.normal(...shapes.output)
      return missing === 0 ? [dy, w, shapes] : [x, dy, shapes]
    })

const inputGradientOp: Op<Geometry> = defineOp<Geometry>({
  name: 'conv2dBackwardInput',
  kernels: ['conv2dBackwardInput'],
  forward: ([dy, w], { input, args }) => run(kernels.input, input, dy as Tensor, w as Tensor, args),
  gradient: (context, shapes, ddx) => [
    context.needs(0) ? apply(conv2dOp, [ddx, context.input(1)], shapes) : null,
    context.needs(1) ? apply(kernelGradientOp, [ddx, context.input(0)], shapes) : null,
  ],
  call: (dy: Tensor, w: Tensor, shapes: Geometry) => apply(inputGradientOp, [dy, w], shapes),
  samples: gradientSamples(0),
})

const kernelGradientOp: Op<Geometry> = defineOp<Geometry>({
  name: 'conv2dBackwardKernel',
  kernels: ['conv2dBackwardKernel'],
  forward: ([x, dy], { kernel, args }) => run(kernels.kernel, kernel, x as Tensor, dy as Tensor, args),
  gradient: (context, shapes, ddw) => [
    context.needs(0) ? apply(inputGradientOp, [context.input(1), ddw], shapes) : null,
    context.needs(1) ? apply(conv2dOp, [context.input(0), ddw], shapes) : null,
  ],
  call: (x: Tensor, dy: Tensor, shapes: Geometry) => apply(kernelGradientOp, [x, dy], shapes),
  samples: gradientSamples(1),
})

/**
 * Cross-correlation of images with a bank of filters, as deep learning means by convolution.
 *
 * @param x [batch, height, width, channels]
 * @param kernel [height, width, channels / groups, filters]
 * @returns [batch, outHeight, outWidth, filters]
 */
export function conv2d(x: TensorLike, kernel: TensorLike, options: Conv2dOptions = {}): Tensor {
  checkOptions('conv2d', options, ['strides', 'padding', 'dilation', 'groups', 'convAlgorithm'])
  const [image, filters] = [toTensor('conv2d', x), toTensor('conv2d', kernel, undefined, 'kernel')]
  const dtype = promote(image.dtype, filters.dtype)
  if (!isFloat(dtype))
    throw new DTypeError(`conv2d: operands must be float32 or float64, got ${image.dtype} and ${filters.dtype}; cast first`)
  return apply(conv2dOp, [castTo(image, dtype), castTo(filters, dtype)], geometry(image.shape, filters.shape, options))
}
