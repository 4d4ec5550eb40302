// Metrics against Keras and scikit-learn, streamed in two updates, and what all metrics have in common.
import { describe, expect, it } from 'vitest'
import {
  ConfusionMatrix,
  getMetric,
  losses,
  type Metric,
  metrics,
  random,
  ShapeError,
  setSeed,
  slice,
  type Tensor,
  tensor,
  ValueError,
} from '../../lib/index.js'
import { metricRegistry } from '../../lib/metrics/index.js'
import { type GoldenCase, type GoldenTensor, readGolden } from '../golden/read.js'
import { expectNear, fromGolden } from '../nn/golden.js'

const names: Readonly<Record<string, string>> = { f1: 'f1Score', aucExact: 'auc' }
const flat = (value: unknown): number[] => [value].flat(3) as number[]

/** Feeds rows [0, split) and [split, …), and tells the result after each. */
function stream(metric: Metric, { inputs, extra }: GoldenCase, dtype: 'float32' | 'float64'): [number[], number[]] {
  const all = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, fromGolden(value, dtype)])) as Record<
    string,
    Tensor
  >
  const [target, prediction, weights] = [all.target, all.prediction ?? all.predicted, all.sampleWeight]
  const count = (target as Tensor).shape[0] as number
  const split = (extra.split as number | undefined) ?? 20
  const results = [
    [0, split],
    [split, count - split],
  ].map(([from, size]) => {
    const part = (x: Tensor): Tensor => slice(x, from as number, size)
    metric.update(part(target as Tensor), part(prediction as Tensor), weights ? part(weights) : null)
    return flat(metric.result())
  })
  return results as [number[], number[]]
}

describe('goldens', () => {
  const cases = readGolden('metrics')
  for (const dtype of ['float32', 'float64'] as const) {
    it.each(cases.filter(({ op }) => op !== 'aucExact' && op !== 'confusionMatrix'))(`${dtype}: $name`, (golden) => {
      const metric = metricRegistry.make('test', names[golden.op] ?? golden.op, golden.options)
      const [first, result] = stream(metric, golden, dtype)
      // Counts and quarter weights are exact; what remains is the mean of probabilities and float32 sums of Keras' own ratios.
      expectNear(first, (golden.outputs.first as GoldenTensor).data, 2e-7, 'first')
      expectNear(result, (golden.outputs.result as GoldenTensor).data, 2e-7, 'result')
    })
  }
  it.each(cases.filter(({ op }) => op === 'confusionMatrix'))('$name', (golden) => {
    const metric = new ConfusionMatrix({ numClasses: 4 })
    const [, result] = stream(metric, golden, 'float32')
    expectNear(result, (golden.outputs.matrix as GoldenTensor).data, 1e-12, 'matrix')
    const report = metric.perClass()
    for (const figure of ['precision', 'recall', 'f1', 'support'] as const)
      expectNear(report[figure], (golden.outputs[figure] as GoldenTensor).data, 1e-12, figure)
  })
  it('auc with many thresholds tends to the exact area', () => {
    const golden = cases.find(({ op }) => op === 'aucExact') as GoldenCase
    const metric = metrics.auc({ numThresholds: 20001 })
    metric.update(
      fromGolden(golden.inputs.target as GoldenTensor, 'float32'),
      fromGolden(golden.inputs.prediction as GoldenTensor, 'float32'),
    )
    expect(metric.result()).toBeCloseTo((golden.outputs.result as GoldenTensor).data[0] as number, 3)
  })
})

describe('figures computed by hand', () => {
  it('top-k', () => {
    const scores = tensor([
      [0.1, 0.5, 0.4],
      [0.3, 0.3, 0.4],
      [0.6, 0.3, 0.1],
    ])
    const sparse = metrics.sparseTopKCategoricalAccuracy({ k: 2 })
    sparse.update([2, 0, 2], scores)
    expect(sparse.result()).toBeCloseTo(2 / 3, 12)
    const dense = metrics.topKCategoricalAccuracy({ k: 1 })
    dense.update(
      [
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
      ],
      scores,
    )
    expect(dense.result()).toBeCloseTo(2 / 3, 12)
  })
  it('mean of a loss over batches of different sizes', () => {
    const metric = metrics.meanSquaredError()
    metric.update([1, 2, 3], [1, 2, 6])
    metric.update([0], [1])
    expect(metric.result()).toBe(2.5)
    expect(metric.name).toBe('meanSquaredError')
  })
  it('mean of values alone', () => {
    const metric = metrics.mean()
    metric.updateValues([1, 2, 3])
    metric.updateValues([10], [2])
    expect(metric.result()).toBeCloseTo(26 / 5, 12)
  })
  it('accuracy of logits above 0', () => {
    const metric = metrics.binaryAccuracy({ threshold: 0 })
    metric.update([[1], [0]], [[3.2], [-0.1]])
    expect(metric.result()).toBe(1)
  })
  it('nothing is lost over a long stream', () => {
    const metric = metrics.mean()
    for (let i = 0; i < 300; i++) metric.updateValues(tensor(new Float32Array(1000).fill(0.1)))
    expect(metric.result()).toBeCloseTo(Math.fround(0.1), 7)
  })
})

describe.each(metricRegistry.names)('%s', (name) => {
  setSeed(5)
  const options = name === 'confusionMatrix' ? { numClasses: 4 } : name === 'meanLoss' ? { loss: 'mae' } : {}
  const sparse = /parse|confusion/.test(name)
  const target = sparse ? random.integers([20], 0, 4) : random.bernoulli([20, 4])
  const prediction = random.uniform([20, 4])
  const fed = (): Metric => {
    const metric = metricRegistry.make('test', name, options)
    metric.update(target, prediction)
    return metric
  }
  it('is 0 before the first batch and after reset', () => {
    const metric = fed()
    metric.reset()
    expect(flat(metric.result()).every((value) => value === 0)).toBe(true)
    expect(flat(metricRegistry.make('test', name, options).result()).every((value) => value === 0)).toBe(true)
  })
  it('starts anew after reset', () => {
    const metric = fed()
    const once = metric.result()
    metric.reset()
    metric.update(target, prediction)
    expect(metric.result()).toEqual(once)
  })
  it('does not depend on how samples are batched', () => {
    const metric = metricRegistry.make('test', name, options)
    for (const [from, size] of [
      [0, 7],
      [7, 1],
      [8, 12],
    ] as const)
      metric.update(slice(target, from, size), slice(prediction, from, size))
    expectNear(flat(metric.result()), flat(fed().result()), 1e-6)
  })
  it('takes an empty batch', () => {
    const metric = fed()
    const before = metric.result()
    metric.update(slice(target, 0, 0), slice(prediction, 0, 0))
    expect(metric.result()).toEqual(before)
  })
  it('weights of 1 change nothing, of 0 leave samples out', () => {
    const [ones, some] = [metricRegistry.make('test', name, options), metricRegistry.make('test', name, options)]
    ones.update(target, prediction, tensor(new Float32Array(20).fill(1)))
    expectNear(flat(ones.result()), flat(fed().result()), 1e-6)
    some.update(target, prediction, tensor(Float32Array.from({ length: 20 }, (_, i) => (i < 9 ? 1 : 0))))
    const part = metricRegistry.make('test', name, options)
    part.update(slice(target, 0, 9), slice(prediction, 0, 9))
    expectNear(flat(some.result()), flat(part.result()), 1e-6)
  })
  it('goes through its configuration', () => {
    const config = fed().getConfig()
    expect(metricRegistry.make('test', name, JSON.parse(JSON.stringify(config))).getConfig()).toEqual(config)
  })
  it('refuses targets and weights that do not fit', () => {
    const metric = fed()
    if (name !== 'mean') expect(() => metric.update(slice(target, 0, 3), prediction)).toThrow(ShapeError)
    expect(() => metric.update(target, prediction, [1, 2, 3])).toThrow()
  })
})

describe('names', () => {
  it.each([
    ['sparseCategoricalCrossentropy', [null, 10], 'sparseCategoricalAccuracy'],
    ['negativeLogLikelihood', [null, 10], 'sparseCategoricalAccuracy'],
    ['categoricalCrossentropy', [null, 10], 'categoricalAccuracy'],
    ['binaryCrossentropy', [null, 1], 'binaryAccuracy'],
    ['meanSquaredError', [null, 1], 'binaryAccuracy'],
    [undefined, [null, 3], 'categoricalAccuracy'],
  ] as const)('accuracy for %s and %s', (loss, shape, className) => {
    const metric = getMetric('accuracy', loss, shape)
    expect([metric.className, metric.name]).toEqual([className, 'accuracy'])
  })
  it('of losses become their means', () => {
    const metric = getMetric('mse')
    metric.update([1, 2], [3, 2])
    expect([metric.name, metric.result()]).toEqual(['mse', losses.meanSquaredError([1, 2], [3, 2]).item()])
  })
  it('unknown ones are listed', () => {
    expect(() => getMetric('acuracy' as never)).toThrow(/unknown metric 'acuracy'; known are accuracy, auc/)
    expect(() => getMetric(5 as never)).toThrow(ValueError)
    expect(() => metrics.auc({ curves: 'PR' } as never)).toThrow(/unknown option 'curves'/)
  })
  it.each([
    ['numClasses', () => metrics.confusionMatrix({} as never), /'numClasses'/],
    ['a label out of range', () => metrics.confusionMatrix({ numClasses: 2 }).update([0, 2], [0, 1]), /index 2/],
    [
      'a NaN for a label',
      () => metrics.confusionMatrix({ numClasses: 2 }).update([0, Number.NaN], [0, 1]),
      /position 1 must be a whole/,
    ],
    [
      'half a label',
      () =>
        metrics.f1Score().update(
          [0, 0.5],
          [
            [0, 1],
            [1, 0],
          ],
        ),
      /position 1 must be a whole number in \[0, 2\)/,
    ],
    ['thresholds', () => metrics.precision({ thresholds: 2 }), /'thresholds'/],
    ['classId', () => metrics.recall({ classId: 7 }).update([[0, 1]], [[0.5, 0.5]]), ShapeError],
    ['curve', () => metrics.auc({ curve: 'XY' as never }), /'curve'/],
    ['average', () => metrics.f1Score({ average: 'mean' as never }), /'average'/],
    ['one column without threshold', () => metrics.f1Score().update([0, 1], [0.2, 0.8]), ShapeError],
  ] as const)('refuses %s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
})
