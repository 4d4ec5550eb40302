// The gradient of what was pooled goes straight to the gradients of the convolution and its bias where all of them can read it, and every
// result has the bits of the rows by themselves.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { withSettings } from './problem.js'

const random = (seed: number, ...shape: number[]): st.Tensor => new st.Generator(seed).normal(shape)

/** Kernels of the backward pass of `fn` that are of interest, after its gradients were found to be those without the pass. */
function kernelsOf(fn: (x: st.Tensor, w: st.Tensor, b: st.Tensor) => st.Tensor, inputs: st.Tensor[]): string[] {
  const run = (): { gradients: number[][]; kernels: string[] } => {
    const program = st.program((...operands: st.Tensor[]) => {
      const { grads } = st.valueAndGrad((x: st.Tensor, w: st.Tensor, b: st.Tensor) => fn(x, w, b).square().sum())(
        ...(operands as [st.Tensor, st.Tensor, st.Tensor]),
      )
      return grads
    })
    const gradients = program.sync(...inputs).map((gradient) => Array.from(gradient.dataSync()))
    const kernels = [...program.toString().matchAll(/ ((?:conv2dBackward|maxPool2dBackward|sumPooled)\w*) /g)]
    return { gradients, kernels: kernels.map(([, name]) => name as string).sort() }
  }
  const { gradients, kernels } = run()
  for (const switches of ['no-spread', 'no-spread,no-unpool', 'eager', 'unplanned'])
    expect(withSettings(switches, run).gradients).toEqual(gradients)
  expect(withSettings('no-spread', run).kernels.filter((name) => /Pooled/.test(name))).toEqual([])
  return kernels
}

const winograd = { convAlgorithm: 'winograd' } as const
const operands = (height: number, width: number, channels = 5, filters = 19): st.Tensor[] => [
  random(1, 2, height, width, channels),
  random(2, 3, 3, channels, filters),
  random(3, filters),
]
const whole = ['conv2dBackwardInputFused', 'conv2dBackwardKernelPooled', 'sumPooled']
const apart = ['conv2dBackwardInput', 'conv2dBackwardKernel', 'maxPool2dBackward']

describe('the gradient of what was pooled', () => {
  it('is read by the gradients of the convolution and its bias', () => {
    for (const padding of ['valid', 'same', 2] as const) {
      for (const [height, width] of [
        [12, 12],
        [9, 13],
      ] as const) {
        const layer = (x: st.Tensor, w: st.Tensor, b: st.Tensor): st.Tensor =>
          st.maxPool2d(st.relu(st.conv2d(x, w, { ...winograd, padding }).add(b)), 2)
        expect(kernelsOf(layer, operands(height, width))).toEqual(whole)
      }
    }
    const bare = (x: st.Tensor, w: st.Tensor): st.Tensor => st.maxPool2d(st.conv2d(x, w, winograd), 2)
    expect(kernelsOf(bare, operands(10, 10))).toEqual(whole.slice(0, 2))
  })

  it('is spread where somebody cannot read it', () => {
    const pooledBy =
      (size: number, strides: number, activation = st.relu, more: st.Conv2dOptions = winograd) =>
      (x: st.Tensor, w: st.Tensor, b: st.Tensor): st.Tensor =>
        st.maxPool2d(activation(st.conv2d(x, w, more).add(b)), size, { strides })
    const inputs = operands(11, 12)
    expect(kernelsOf(pooledBy(3, 2), inputs)).toEqual(apart)
    expect(kernelsOf(pooledBy(2, 1), inputs)).toEqual(apart)
    expect(kernelsOf(pooledBy(3, 3), inputs)).toEqual(apart)
    expect(kernelsOf(pooledBy(2, 2, st.tanh as typeof st.relu), inputs)).toEqual(apart)
    expect(kernelsOf(pooledBy(2, 2, st.relu, { convAlgorithm: 'direct' }), inputs)).toEqual(apart)
    const clipped = (x: st.Tensor, w: st.Tensor, b: st.Tensor): st.Tensor =>
      st.maxPool2d(st.relu(st.conv2d(x, w, winograd).add(b)), 2, { padding: 'same' })
    expect(kernelsOf(clipped, operands(11, 11))).toEqual(apart)
    // A sum over other axes, and of one channel.
    const tall = (x: st.Tensor, w: st.Tensor, b: st.Tensor): st.Tensor =>
      st.maxPool2d(st.conv2d(x, w, winograd).add(b.reshape([10, 1])), 2)
    expect(kernelsOf(tall, [random(1, 2, 9, 12, 3), random(2, 3, 3, 3, 4), random(3, 10)])).toEqual(apart)
    expect(kernelsOf(pooledBy(2, 2), operands(9, 9, 3, 1))).toEqual(apart)
  })

  it('is spread where others read it too, and in float64', () => {
    const [x, w, b] = operands(8, 8) as [st.Tensor, st.Tensor, st.Tensor]
    const plus = (a: st.Tensor, v: st.Tensor, c: st.Tensor): st.Tensor => {
      const y = st.conv2d(a, v, winograd).add(c)
      return st.maxPool2d(y, 2).sum().add(y.sum())
    }
    expect(kernelsOf(plus, [x, w, b])).toEqual(apart)
    const double = (a: st.Tensor): st.Tensor => st.maxPool2d(a.cast('float64'), 2)
    expect(kernelsOf(double, [x, w, b].slice(0, 1).concat(w, b))).toEqual(['maxPool2dBackward'])
  })
})
