// Conversions that keep the shape: to another dtype, and to memory of its own.
import { call, kernelNamed } from '../dispatch.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { checkDType, type DType, dtypes } from '../tensor/dtype.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { broadcastCopy } from './copy.js'
import { apply, defineOp } from './op.js'

const castKernel = kernelNamed('cast')

const castOp = defineOp<DType>({
  name: 'cast',
  kernels: ['cast'],
  forward: ([x], dtype) => {
    const input = x as Tensor
    const out = emptyTensor(dtype, input.shape)
    call(
      castKernel,
      dtype === 'float64' || input.dtype === 'float64',
      [out],
      [input],
      [input.size, dtypes[dtype].code, dtypes[input.dtype].code],
    )
    return out
  },
  gradient: (context, _, dy) => [castTo(dy, context.input(0).dtype)],
  call: cast,
  samples: (make) => [
    [make.normal(3, 4), 'float64'],
    [make.integers(9, 5), 'float32'],
    [make.normal(7), 'int32'],
    [make.normal(), 'float64'],
    [make.normal(0, 1), 'float64'],
  ],
})

/** @internal `cast` for callers that know the dtype to be one. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(castOp, [x], dtype)
}

/**
 * The same values in another dtype. To integers: truncated toward 0 and clamped to the range, NaN gives 0. To bool: whether not 0.
 * Gradients flow between floating types only.
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  return castTo(toTensor('cast', x), checkDType('cast', dtype))
}

const cloneOp = defineOp<null>({
  name: 'clone',
  kernels: ['copy'],
  forward: ([x]) => broadcastCopy(x as Tensor, (x as Tensor).shape),
  gradient: (_context, _, dy) => [dy],
  call: clone,
  samples: (make) => [[make.normal(3, 4)], [make.integers(5, 0)], [make.normal()], [make.normal(1)]],
})

/** A copy with memory of its own. */
export function clone(x: TensorLike): Tensor {
  return apply(cloneOp, [toTensor('clone', x)], null)
}
