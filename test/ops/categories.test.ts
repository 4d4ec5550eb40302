// Every operation of the registry has samples of every category: scalars, nothing, sizes of 1, odd sizes, shapes that broadcast.
import { expect, it } from 'vitest'
import { Tensor } from '../../lib/index.js'
import { registry } from '../../lib/ops/op.js'
import { sampleMaker } from './samples.js'

function tensorsIn(args: readonly unknown[]): Tensor[] {
  return args.flatMap((arg) => (arg instanceof Tensor ? [arg] : Array.isArray(arg) ? tensorsIn(arg) : []))
}

/** Whether the tensors of one call are of a category. */
const categories: Readonly<Record<string, (tensors: readonly Tensor[]) => boolean>> = {
  scalar: (tensors) => tensors.some(({ rank }) => rank === 0),
  empty: (tensors) => tensors.some(({ size }) => size === 0),
  'size 1': (tensors) => tensors.some(({ shape, size }) => size === 1 || shape.includes(1)),
  odd: (tensors) => tensors.some(({ shape }) => shape.some((size) => size > 1 && size % 2 === 1)),
}

const images = 'takes images of 4 axes'
const axis = 'works along an axis, which a scalar lacks'
const matrices = 'takes matrices'

/** Operations that take no scalars, with the reason. */
const noScalars: Readonly<Record<string, string>> = {
  affineSample: images,
  averagePool2d: images,
  averagePool2dBackward: images,
  conv2d: images,
  conv2dBackwardInput: images,
  conv2dBackwardKernel: images,
  maxPool2d: images,
  maxPool2dBackward: images,
  matMul: matrices,
  argMax: axis,
  argMin: axis,
  concatenate: axis,
  logSoftmax: axis,
  softmax: axis,
  split: axis,
}

it.each([...registry])('%s has samples of every category', (name, op) => {
  const calls = op.samples(sampleMaker('float32')).map(tensorsIn)
  const missing = Object.keys(categories).filter((category) => !calls.some((tensors) => categories[category]?.(tensors)))
  expect(missing).toEqual(name in noScalars ? ['scalar'] : [])
})

it.each([...registry].filter(([, op]) => 'arity' in op && op.arity === 2))('%s has operands that broadcast', (_name, op) => {
  const calls = op.samples(sampleMaker('float32')).map(tensorsIn)
  expect(calls.some(([a, b]) => a && b && String(a.shape) !== String(b.shape))).toBe(true)
})
