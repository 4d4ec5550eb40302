// Losses against Keras and PyTorch, in both floating types: values and gradients for every reduction, with and without sample weights.
import { describe, expect, it } from 'vitest'
import {
  type DType,
  getLoss,
  grad,
  gradcheck,
  type LossFunction,
  layers,
  losses,
  noGrad,
  random,
  ShapeError,
  setSeed,
  sigmoid,
  softmax,
  sum,
  type Tensor,
  tensor,
  ValueError,
  variable,
} from '../../lib/index.js'
import { lossConfig, lossNames } from '../../lib/nn/losses/index.js'
import { readGolden } from '../golden/read.js'
import { epsilonOf, expectGolden, expectNear, floatTypes, fromGolden } from './golden.js'

const functions = losses as unknown as Record<string, LossFunction>

/**
 * float32: a few roundings each in exp, log and sums. Where probabilities are clipped, 1 − 1e-7 rounds to 1 − 1.19e-7 in float32 (as in Keras),
 * which moves log(1 − p) by 1 %.
 */
function bound(name: string, dtype: 'float32' | 'float64'): number {
  if (dtype === 'float32' && /clipped|sharp/.test(name)) return 0.02
  return 16 * epsilonOf[dtype]
}

describe('goldens', () => {
  const cases = readGolden('losses')
  it('cover every loss', () => {
    expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual([...lossNames].sort())
  })
  for (const dtype of floatTypes) {
    it.each(cases)(`${dtype}: $name`, ({ name, op, options, inputs, outputs, gradients }) => {
      const loss = functions[op] as LossFunction
      const { target, prediction, sampleWeight } = inputs
      const full = { ...options, sampleWeight: sampleWeight ? fromGolden(sampleWeight, dtype) : null }
      const run = (p: Tensor): Tensor => loss(fromGolden(target as never, dtype), p, full)
      const p = fromGolden(prediction as never, dtype)
      expectGolden(run(p), outputs.loss as never, bound(name, dtype), 'loss')
      expectGolden(grad((x) => sum(run(x)))(p), gradients.prediction as never, bound(name, dtype), 'gradient')
    })
  }
})

describe('gradients', () => {
  setSeed(3)
  const shape = [5, 4]
  const samples: Record<string, [target: Tensor, prediction: Tensor, options?: object]> = {
    meanSquaredError: [random.normal(shape), random.normal(shape)],
    meanAbsoluteError: [random.normal(shape), random.normal(shape)],
    huber: [random.normal(shape), random.normal(shape, 0, 2), { delta: 0.7 }],
    binaryCrossentropy: [random.bernoulli(shape), random.normal(shape), { fromLogits: true, labelSmoothing: 0.1 }],
    categoricalCrossentropy: [softmax(random.normal(shape)), random.normal(shape), { fromLogits: true }],
    sparseCategoricalCrossentropy: [random.integers([5], 0, 4), random.normal(shape), { fromLogits: true }],
    negativeLogLikelihood: [random.integers([5], 0, 4), random.normal(shape)],
  }
  it.each(lossNames)('%s by finite differences', (name) => {
    const [target, prediction, options] = samples[name] as (typeof samples)[string]
    gradcheck((p) => (functions[name] as LossFunction)(target.detach(), p, options), [prediction])
  })
  it.each([
    ['binaryCrossentropy', sigmoid(random.normal(shape)), random.bernoulli(shape)],
    ['categoricalCrossentropy', softmax(random.normal(shape)), softmax(random.normal(shape))],
    ['sparseCategoricalCrossentropy', softmax(random.normal(shape)), random.integers([5], 0, 4)],
  ] as const)('%s from probabilities by finite differences', (name, prediction, target) => {
    gradcheck((p) => (functions[name] as LossFunction)(target, p), [prediction.detach()])
  })
  it('of a binary logit of exactly 0 is the probability less the target', () => {
    const gradient = grad((x) => losses.binaryCrossentropy([[1, 0]], x, { fromLogits: true, reduction: 'sum' }))(tensor([[0, 0]]))
    expect(Array.from(gradient.dataSync())).toEqual([-0.25, 0.25])
  })
})

describe('probabilities made by an activation', () => {
  const logits = [
    [60, -60, 0],
    [-40, 50, 10],
  ]
  it('keep the gradient of a confident mistake, as Keras does', () => {
    const x = variable(tensor(logits))
    losses.sparseCategoricalCrossentropy([1, 0], softmax(x)).backward()
    expectNear(x.grad?.dataSync() as never, [0.5, -0.5, 0, -0.5, 0.5, 0], 1e-6)
  })
  it.each([true, false])('give the loss of their logits, gradients recorded: %s', (recorded) => {
    const run = (): number =>
      losses
        .categoricalCrossentropy([[0, 1, 0]], layers.activation({ activation: 'softmax' }).forward(tensor([[60, -60, 0]])))
        .item()
    expect(recorded ? run() : noGrad(run)).toBe(120)
  })
  it('sigmoid as well', () => {
    const dense = layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: 'ones' })
    expect(losses.binaryCrossentropy([[0]], dense.forward(tensor([[70]]))).item()).toBe(70)
  })
  it('can be used again after backward', () => {
    const x = variable(tensor(logits))
    const p = softmax(x)
    losses.sparseCategoricalCrossentropy([1, 0], p).backward()
    expect(noGrad(() => losses.sparseCategoricalCrossentropy([1, 0], p).item())).toBeGreaterThan(10)
    const q = layers.activation({ activation: 'softmax' }).forward(x)
    losses.sparseCategoricalCrossentropy([1, 0], q).backward()
    expect(noGrad(() => losses.sparseCategoricalCrossentropy([1, 0], q).item())).toBe(105)
  })
  it('are clipped when they come from elsewhere', () => {
    expect(losses.sparseCategoricalCrossentropy([1], tensor([[1, 0]])).item()).toBeCloseTo(-Math.log(1e-7), 3)
  })
})

describe('shapes', () => {
  it('targets [N] fit predictions [N, 1], and the other way round', () => {
    expect(losses.meanSquaredError([1, 2], [[1], [4]]).item()).toBe(2)
    expect(losses.meanSquaredError([[1], [2]], [1, 4]).item()).toBe(2)
  })
  it('labels may have a last axis of size 1', () => {
    const logits = random.normal([4, 3])
    const [a, b] = [tensor([0, 1, 2, 1], [4], 'int32'), tensor([0, 1, 2, 1], [4, 1], 'int32')]
    const of = (labels: Tensor): number => losses.sparseCategoricalCrossentropy(labels, logits, { fromLogits: true }).item()
    expect(of(a)).toBe(of(b))
  })
  it('an empty batch sums to 0', () => {
    expect(losses.meanSquaredError(tensor([], [0, 3]), tensor([], [0, 3])).item()).toBe(0)
  })
})

describe('errors', () => {
  it('labels out of range', () => {
    expect(() =>
      losses.sparseCategoricalCrossentropy(
        [0, 3],
        tensor([
          [1, 2, 3],
          [1, 2, 3],
        ]),
        { fromLogits: true },
      ),
    ).toThrow(ValueError)
    expect(() => losses.negativeLogLikelihood([-1], tensor([[1, 2, 3]]))).toThrow(/index -1 at position 0 must be in \[0, 3\)/)
  })
  it.each([Number.NaN, -0.5, 1.5, Number.POSITIVE_INFINITY])('a label that is no class number: %d', (label) => {
    const whole = label === Number.POSITIVE_INFINITY ? '' : 'a whole number '
    const labels = tensor([1, label], [2], 'float32')
    const predictions = tensor([
      [0.2, 0.3, 0.5],
      [0.2, 0.3, 0.5],
    ])
    for (const loss of [losses.sparseCategoricalCrossentropy, losses.negativeLogLikelihood])
      expect(() => loss(labels, predictions)).toThrow(new RegExp(`position 1 must be ${whole}in \\[0, 3\\)`))
  })
  it('takes whole numbers of any type for labels', () => {
    const of = (dtype: DType): number =>
      losses
        .negativeLogLikelihood(tensor([2, 0], [2], dtype), [
          [1, 2, 4],
          [8, 16, 32],
        ])
        .item()
    for (const dtype of ['float32', 'float64', 'uint8'] as const) expect(of(dtype)).toBe(of('int32'))
  })
  it('one-hot targets for integer labels', () => {
    expect(() => losses.sparseCategoricalCrossentropy([[1, 0]], [[0.5, 0.5]])).toThrow(/use categoricalCrossentropy/)
  })
  it.each([
    ['shapes', () => losses.meanSquaredError([1, 2], [1, 2, 3]), ShapeError],
    ['weights', () => losses.meanSquaredError([1, 2], [1, 2], { sampleWeight: [1, 2, 3] }), ShapeError],
    ['delta', () => losses.huber([1], [1], { delta: -1 }), ValueError],
    ['reduction', () => losses.huber([1], [1], { reduction: 'median' as never }), ValueError],
    ['smoothing', () => losses.binaryCrossentropy([1], [1], { labelSmoothing: 2 }), ValueError],
    ['name', () => getLoss('crossentropy' as never), /unknown loss 'crossentropy'; known are .*huber/],
    ['option', () => getLoss({ className: 'huber', config: { gamma: 1 } }), /unknown option 'gamma'/],
  ] as const)('%s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
})

describe('saved form', () => {
  it('of a loss with options gives an equal loss', () => {
    const loss = getLoss({ className: 'huber', config: { delta: 0.5 } })
    expect(lossConfig(loss)).toEqual({ className: 'huber', config: { delta: 0.5 } })
    expect(loss([0], [2]).item()).toBe(losses.huber([0], [2], { delta: 0.5 }).item())
  })
  it('names resolve to themselves', () => {
    for (const name of lossNames) expect(lossConfig(getLoss(name as 'mse'))?.className).toBe(name)
  })
})
