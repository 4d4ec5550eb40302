// Reductions over any axes. The kernel reduces one run of neighbouring axes; scattered axes are reduced run by run, innermost first.
import type { GradientRule } from '../autograd/node.js'
import { call, kernelNamed } from '../dispatch.js'
import { ShapeError } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { dtypes, isFloat } from '../tensor/dtype.js'
import { normalizeAxes, normalizeAxis, reducedShape, type Shape, showShape, sizeOf } from '../tensor/shape.js'
import { emptyTensor, Tensor } from '../tensor/tensor.js'
import { broadcastTo } from './broadcast.js'
import { castTo } from './cast.js'
import { div, equal, mul, sub } from './elementwise.js'
import { apply, defineDerived, defineOp, discrete, isTwin, type Op, type Samples } from './op.js'
import { reshape } from './shape-ops.js'

type Axes = number | readonly number[]

const reduceKernel = kernelNamed('reduce')
const argReduceKernel = kernelNamed('argReduce')
const kinds = { sum: 0, mean: 1, max: 2, min: 3 } as const

interface Reduction {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

/** Runs of neighbouring axes, innermost first. */
function runs(axes: readonly number[]): [first: number, last: number][] {
  const found: [number, number][] = []
  for (const axis of axes) {
    const run = found[found.length - 1]
    if (run && run[1] === axis - 1) run[1] = axis
    else found.push([axis, axis])
  }
  return found.reverse()
}

function reduceRun(kind: number, x: Tensor, [first, last]: [number, number]): Tensor {
  const outer = sizeOf(x.shape.slice(0, first))
  const inner = sizeOf(x.shape.slice(last + 1))
  const out = emptyTensor(x.dtype, [...x.shape.slice(0, first), ...x.shape.slice(last + 1)])
  call(
    reduceKernel,
    isTwin(x.dtype),
    [out],
    [x],
    [kind, outer, sizeOf(x.shape.slice(first, last + 1)), inner, dtypes[x.dtype].code],
  )
  return out
}

function reduceAll(kind: number, x: Tensor, { axes, keepDims }: Reduction): Tensor {
  let result = x
  for (const run of runs(axes)) result = reduceRun(kind, result, run)
  if (result === x) result = reduceRun(kind, new Tensor(x.dtype, [x.size, 1], x.storage, x.byteOffset), [1, 1])
  return new Tensor(result.dtype, reducedShape(x.shape, axes, keepDims), result.storage, result.byteOffset)
}

/** The result of a reduction stretched back over the axes it was reduced along. */
function stretch(y: Tensor, shape: Shape, { axes }: Reduction): Tensor {
  return broadcastTo(reshape(y, reducedShape(shape, axes, true)), shape)
}

const samples: Samples = (make) => [
  [make.distinct(3, 4)],
  [make.distinct(2, 3, 4), [0, 2]],
  [make.distinct(2, 3, 4), 1, true],
  [make.distinct(5, 33), -1],
  [make.distinct(33, 5), 0],
  [make.distinct(0, 3), 1],
  [make.distinct(3, 1), 1],
  [make.distinct()],
]

function define(
  name: keyof typeof kinds,
  gradient: GradientRule<Reduction>,
  emptyAllowed: boolean,
): (x: TensorLike, axes?: Axes | null, keepDims?: boolean) => Tensor {
  const op: Op<Reduction> = defineOp<Reduction>({
    name,
    kernels: ['reduce'],
    forward: ([x], reduction) => reduceAll(kinds[name], x as Tensor, reduction),
    gradient,
    call: run,
    samples,
  })
  function run(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
    let input = toTensor(name, x)
    if (!isFloat(input.dtype)) input = castTo(input, name === 'mean' ? 'float32' : 'int32')
    const list = normalizeAxes(name, axes, input.rank)
    if (!emptyAllowed && list.some((axis) => input.shape[axis] === 0))
      throw new ShapeError(`${name}: no elements to reduce along axes ${showShape(list)} of shape ${showShape(input.shape)}`)
    return apply(op, [input], { axes: list, keepDims })
  }
  return run
}

/** The gradient of an extreme goes to the elements that attain it, in equal shares. */
const toExtremes: GradientRule<Reduction> = (context, reduction, dy) => {
  const x = context.input(0)
  const hits = castTo(equal(x, stretch(context.output(0).detach(), x.shape, reduction)), x.dtype)
  return [
    mul(
      hits,
      stretch(div(reshape(dy, reducedShape(x.shape, reduction.axes, true)), sum(hits, reduction.axes, true)), x.shape, reduction),
    ),
  ]
}

const sumOf = define('sum', (context, reduction, dy) => [stretch(dy, context.input(0).shape, reduction)], true)
const meanOf = define(
  'mean',
  (context, reduction, dy) => {
    const { shape } = context.input(0)
    return [stretch(div(dy, sizeOf(reduction.axes.map((axis) => shape[axis] as number))), shape, reduction)]
  },
  true,
)
const maxOf = define('max', toExtremes, false)
const minOf = define('min', toExtremes, false)

/** Sum over `axes` (default all). Integers and bool sum as int32. An empty sum is 0. */
export function sum(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
  return sumOf(x, axes, keepDims)
}

/** Arithmetic mean over `axes` (default all), in floating point. An empty mean is NaN. */
export function mean(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
  return meanOf(x, axes, keepDims)
}

/** Greatest element over `axes` (default all); NaN wins. Ties share the gradient. */
export function max(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
  return maxOf(x, axes, keepDims)
}

/** Least element over `axes` (default all); NaN wins. Ties share the gradient. */
export function min(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
  return minOf(x, axes, keepDims)
}

/** Mean squared distance from the mean over `axes` (default all): the biased variance. */
export function variance(x: TensorLike, axes?: Axes | null, keepDims = false): Tensor {
  const input = toTensor('variance', x)
  normalizeAxes('variance', axes, input.rank)
  const centred = sub(input, mean(input, axes, true))
  return mean(mul(centred, centred), axes, keepDims)
}
defineDerived({
  name: 'variance',
  call: variance,
  samples: (make) => [[make.normal(3, 4)], [make.normal(2, 3, 4), [0, 1], true], [make.normal()], [make.normal(0, 1), 1]],
})

function defineArg(name: 'argMax' | 'argMin', kind: number): (x: TensorLike, axis?: number) => Tensor {
  const op: Op<number> = defineOp<number>({
    name,
    kernels: ['argReduce'],
    forward: ([x], axis) => {
      const input = x as Tensor
      const out = emptyTensor(
        'int32',
        input.shape.filter((_, i) => i !== axis),
      )
      const inner = sizeOf(input.shape.slice(axis + 1))
      call(
        argReduceKernel,
        isTwin(input.dtype),
        [out],
        [input],
        [kind, sizeOf(input.shape.slice(0, axis)), input.shape[axis] as number, inner, dtypes[input.dtype].code],
      )
      return out
    },
    gradient: discrete,
    call: run,
    samples: (make) => [
      [make.distinct(4, 5)],
      [make.distinct(4, 5), 0],
      [make.integers(99, 2, 3, 4), 1],
      [make.distinct(0, 3), 1],
      [make.distinct(3, 1), 1],
    ],
  })
  function run(x: TensorLike, axis = -1): Tensor {
    let input = toTensor(name, x)
    if (!isFloat(input.dtype)) input = castTo(input, 'int32')
    const at = normalizeAxis(name, axis, input.rank)
    if (input.shape[at] === 0) throw new ShapeError(`${name}: axis ${at} of shape ${showShape(input.shape)} is empty`)
    return apply(op, [input], at)
  }
  return run
}

const argMaxOf = defineArg('argMax', 0)
const argMinOf = defineArg('argMin', 1)

/** Index (int32) of the greatest element along `axis` (default last); the first of equals, NaN wins. */
export function argMax(x: TensorLike, axis = -1): Tensor {
  return argMaxOf(x, axis)
}

/** Index (int32) of the least element along `axis` (default last); the first of equals, NaN wins. */
export function argMin(x: TensorLike, axis = -1): Tensor {
  return argMinOf(x, axis)
}
