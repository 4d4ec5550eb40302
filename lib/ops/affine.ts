// Resampling of images under affine maps: what shifts, flips and rotations for augmentation are made of.
import { call, kernelNamed } from '../dispatch.js'
import { DTypeError, ShapeError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { sameShape, showShape } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { apply, defineOp, isTwin } from './op.js'

const kernel = kernelNamed('affineSample')

const affineSampleOp = defineOp<number>({
  name: 'affineSample',
  kernels: ['affineSample'],
  forward: ([x, matrices], fillValue) => {
    const input = x as Tensor
    const y = emptyTensor(input.dtype, input.shape)
    call(kernel, isTwin(input.dtype), [y], [input, matrices as Tensor], [...input.shape, fillValue])
    return y
  },
  gradient: { none: 'augmentation of data is not differentiated' },
  call: affineSample,
  samples: (make) => [
    [make.normal(2, 5, 6, 3), make.normal(2, 6)],
    [make.normal(1, 4, 4, 1), [[1, 0, 0.5, 0, 1, -0.25]], 7],
    [make.normal(0, 3, 3, 1), make.normal(0, 6)],
  ],
})

/**
 * Bilinear samples of images under one affine map each: y[n, i, j] = x[n] at (row, column) = M·(i, j, 1), `fillValue` outside.
 *
 * @param x float images [batch, height, width, channels]
 * @param matrices float [batch, 6]: the rows [a, b, c] for the row and [d, e, f] for the column
 */
export function affineSample(x: TensorLike, matrices: TensorLike, fillValue = 0): Tensor {
  const images = toTensor('affineSample', x)
  const maps = toTensor('affineSample', matrices, images.dtype, 'matrices')
  if (images.dtype !== maps.dtype || (images.dtype !== 'float32' && images.dtype !== 'float64')) {
    throw new DTypeError(
      `affineSample: images and matrices must both be float32 or both float64, got ${images.dtype} and ${maps.dtype}`,
    )
  }
  if (images.rank !== 4 || !sameShape(maps.shape, [images.shape[0] as number, 6])) {
    throw new ShapeError(
      `affineSample: images must be [batch, height, width, channels] and matrices [batch, 6], got ${showShape(images.shape)} and ${showShape(maps.shape)}`,
    )
  }
  return apply(affineSampleOp, [images, maps], fillValue)
}
