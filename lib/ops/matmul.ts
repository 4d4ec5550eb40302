// Matrix products, batched with broadcasting. A transposed operand is read in place, never copied.
import { call, kernelNamed } from '../dispatch.js'
import { DTypeError, ShapeError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { isFloat, promote } from '../tensor/dtype.js'
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { castTo } from './cast.js'
import { broadcastCopy } from './copy.js'
import { apply, defineOp, isTwin } from './op.js'
import { reshape } from './shape-ops.js'

interface Transposes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

const matmulKernel = kernelNamed('matmul')

/** [rows, columns] of the last two axes after the transpose. */
function matrixSize(x: Tensor, transposed: boolean): [number, number] {
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

/** The operand and its batch stride: one matrix for all (stride 0), one each, or expanded to one each. */
function batched(x: Tensor, batch: Shape): [Tensor, number] {
  const own = x.shape.slice(0, -2)
  const matrix = x.shape.slice(-2)
  if (sizeOf(own) === 1) return [x, 0]
  return [sameShape(own, batch) || sizeOf(own) === sizeOf(batch) ? x : broadcastCopy(x, [...batch, ...matrix]), sizeOf(matrix)]
}

/** Folds the batch of `a` into its rows when `b` is one matrix: a single large product is faster than many small ones. */
function forward(a: Tensor, b: Tensor, { transposeA, transposeB }: Transposes): Tensor {
  const batch = broadcastShapes('matMul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  const [m, k] = matrixSize(a, transposeA)
  const [, n] = matrixSize(b, transposeB)
  const out = emptyTensor(a.dtype, [...batch, m, n])
  const [left, strideA] = batched(a, batch)
  const [right, strideB] = batched(b, batch)
  const folds = strideB === 0 && !transposeA && strideA !== 0
  const count = sizeOf(batch)
  const args = folds
    ? [1, count * m, n, k, 0, transposeB ? 1 : 0, 0, 0]
    : [count, m, n, k, transposeA ? 1 : 0, transposeB ? 1 : 0, strideA, strideB]
  call(matmulKernel, isTwin(a.dtype), [out], [left, right], args)
  return out
}

const matMulOp = defineOp<Transposes>({
  name: 'matMul',
  kernels: ['matmul'],
  forward: ([a, b], transposes) => forward(a as Tensor, b as Tensor, transposes),
  // C = A·B: dA = dC·Bᵀ, dB = Aᵀ·dC; with a transposed operand the product is taken in the other order instead.
  gradient: (context, { transposeA, transposeB }, dy) => [
    context.needs(0)
      ? transposeA
        ? matMul(context.input(1), dy, transposeB, true)
        : matMul(dy, context.input(1), false, !transposeB)
      : null,
    context.needs(1)
      ? transposeB
        ? matMul(dy, context.input(0), true, transposeA)
        : productTransposed(context.input(0), dy, transposeA, context.input(1).rank)
      : null,
  ],
  call: matMul,
  samples: (make) => [
    [make.normal(3, 4), make.normal(4, 5)],
    [make.normal(4, 3), make.normal(5, 4), true, true],
    [make.normal(2, 3, 4), make.normal(2, 5, 4), false, true],
    [make.normal(2, 3, 4), make.normal(4, 2)],
    [make.normal(3, 1, 2, 4), make.normal(2, 4, 3)],
    [make.normal(4, 3), make.normal(2, 4, 2), true],
    [make.normal(1, 7), make.normal(7, 1)],
    [make.normal(0, 4), make.normal(4, 2)],
    [make.normal(3, 0), make.normal(0, 2)],
    [make.normal(17, 33), make.normal(33, 19)],
  ],
})

/** Aᵀ·dC, summed over the batch at once when B is a single matrix. */
function productTransposed(a: Tensor, dy: Tensor, transposeA: boolean, rankOfB: number): Tensor {
  if (rankOfB > 2 || transposeA || a.rank === 2) return matMul(a, dy, !transposeA, false)
  const flat = (x: Tensor): Tensor => reshape(x, [-1, x.shape[x.rank - 1] as number])
  return a.size === 0 || dy.size === 0 ? matMul(a, dy, true, false) : matMul(flat(a), flat(dy), true, false)
}

/**
 * Matrix product over the last two axes: [..., m, k] · [..., k, n] → [..., m, n]; leading axes broadcast. `transposeA` and `transposeB`
 * read an operand as if its last two axes were swapped.
 */
export function matMul(a: TensorLike, b: TensorLike, transposeA = false, transposeB = false): Tensor {
  let left = toTensor('matMul', a, undefined, 'a')
  let right = toTensor('matMul', b, undefined, 'b')
  const dtype = promote(left.dtype, right.dtype)
  if (!isFloat(dtype))
    throw new DTypeError(`matMul: operands must be float32 or float64, got ${left.dtype} and ${right.dtype}; cast first`)
  left = castTo(left, dtype)
  right = castTo(right, dtype)
  if (left.rank < 2 || right.rank < 2)
    throw new ShapeError(
      `matMul: operands must have at least 2 axes, got shapes ${showShape(left.shape)} and ${showShape(right.shape)}`,
    )
  if (matrixSize(left, transposeA)[1] !== matrixSize(right, transposeB)[0]) {
    throw new ShapeError(
      `matMul: inner sizes differ: ${showShape(left.shape)}${transposeA ? ' transposed' : ''} by ${showShape(right.shape)}${transposeB ? ' transposed' : ''}`,
    )
  }
  return apply(matMulOp, [left, right], { transposeA, transposeB })
}
