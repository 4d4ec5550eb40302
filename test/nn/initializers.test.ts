// Initializers: their laws (bounds, deviations, moments) against those of Keras, seeds, configurations.
import { describe, expect, it } from 'vitest'
import {
  type Config,
  type Initializer,
  initializers,
  layers,
  matMul,
  ShapeError,
  setSeed,
  type Tensor,
  ValueError,
} from '../../lib/index.js'
import { getInitializer, initializerRegistry } from '../../lib/nn/initializers.js'
import { type GoldenTensor, readGolden } from '../golden/read.js'
import { expectNear } from './golden.js'

const make = (name: string, options: Config = {}): Initializer => initializerRegistry.make('test', name, options)
const scalar = (tensor: GoldenTensor | undefined): number => (tensor as GoldenTensor).data[0] as number

/** Mean, deviation, extremes, skewness and kurtosis of values. */
function moments(values: ArrayLike<number>): { mean: number; deviation: number; greatest: number; kurtosis: number } {
  const list = Array.from(values)
  const mean = list.reduce((a, b) => a + b, 0) / list.length
  const central = (power: number): number => list.reduce((a, b) => a + (b - mean) ** power, 0) / list.length
  const deviation = Math.sqrt(central(2))
  return { mean, deviation, greatest: Math.max(...list.map(Math.abs)), kurtosis: central(4) / deviation ** 4 }
}

/** Enough draws of `shape` for 20 000 values and more. */
function draw(initializer: Initializer, shape: readonly number[]): number[] {
  const size = shape.reduce((a, b) => a * b, 1)
  return Array.from({ length: Math.ceil(20_000 / size) }, () => Array.from(initializer.apply(shape).dataSync())).flat()
}

/** Kurtosis of a uniform, and of a normal truncated at two deviations. */
const kurtosis = { uniform: 1.8, truncated: 2.3655 }

describe('laws of Keras', () => {
  const cases = readGolden('initializers').filter(({ op }) => op !== 'orthogonal')
  it.each(cases)('$name', ({ op, options, outputs }) => {
    setSeed(7)
    const shape = (options.shape as number[] | undefined) ?? [100, 100]
    const found = moments(draw(make(op, op === 'truncatedNormal' ? { stddev: options.stddev } : {}), shape))
    const [deviation, bound] = [scalar(outputs.standardDeviation), scalar(outputs.bound)]
    // 20 000 values: the standard error of the mean is 0.7 % of the deviation, that of the deviation 0.5 %, of the kurtosis 0.02.
    expect(Math.abs(found.mean)).toBeLessThan(0.03 * deviation)
    expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan(0.02)
    expect(found.greatest).toBeLessThanOrEqual(bound * (1 + 1e-6))
    expect(found.greatest).toBeGreaterThan(bound * 0.97)
    expect(Math.abs(found.kurtosis - (op.endsWith('Uniform') ? kurtosis.uniform : kurtosis.truncated))).toBeLessThan(0.1)
  })
  it('randomNormal is a normal', () => {
    setSeed(7)
    const found = moments(draw(make('randomNormal', { mean: 1, stddev: 2 }), [100, 100]))
    expect(Math.abs(found.mean - 1)).toBeLessThan(0.06)
    expect(Math.abs(found.deviation - 2)).toBeLessThan(0.04)
    expect(Math.abs(found.kurtosis - 3)).toBeLessThan(0.15)
  })
  it('randomUniform covers its interval', () => {
    const values = draw(make('randomUniform', { minval: 2, maxval: 3 }), [100, 100])
    expect(Math.min(...values)).toBeGreaterThanOrEqual(2)
    expect(Math.max(...values)).toBeLessThan(3)
    expect(moments(values).mean).toBeCloseTo(2.5, 1)
  })
})

describe('orthogonal', () => {
  it.each([[[6, 4]], [[4, 6]], [[5, 5]], [[3, 3, 2, 4]]])('%o', (shape) => {
    const matrix = make('orthogonal', { gain: 2 })
      .apply(shape)
      .reshape([-1, shape[shape.length - 1] as number])
    const [rows, columns] = matrix.shape as [number, number]
    const product: Tensor = rows >= columns ? matMul(matrix, matrix, true) : matMul(matrix, matrix, false, true)
    const n = Math.min(rows, columns)
    expectNear(
      product.dataSync(),
      Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 4 : 0)),
      1e-6,
    )
  })
  it('needs a matrix', () => {
    expect(() => make('orthogonal').apply([5])).toThrow(ShapeError)
  })
})

describe.each(initializerRegistry.names)('%s', (name) => {
  it('makes any shape, in either type', () => {
    for (const shape of [
      [4, 5],
      [2, 2, 3, 4],
      [3, 0],
      [0, 3],
    ])
      for (const dtype of ['float32', 'float64'] as const) {
        const values = make(name).apply(shape, dtype)
        expect([values.shape, values.dtype]).toEqual([shape, dtype])
      }
  })
  it('repeats for a seed of its own, and for that of the default generator', () => {
    const own = make(name)
    if ('seed' in own.getConfig()) {
      const seeded = make(name, { seed: 3 })
      expect(seeded.apply([4, 4]).dataSync()).toEqual(seeded.apply([4, 4]).dataSync())
      expect(own.apply([4, 4]).dataSync()).not.toEqual(own.apply([4, 4]).dataSync())
    }
    const drawn = (): ArrayLike<number> => {
      setSeed(5)
      return own.apply([4, 4]).dataSync()
    }
    expect(drawn()).toEqual(drawn())
  })
  it('goes through its configuration', () => {
    const { className } = make(name)
    const config = make(name).getConfig()
    expect(className).toBe(name)
    expect(getInitializer('test', { className, config: JSON.parse(JSON.stringify(config)) }).getConfig()).toEqual(config)
  })
  it('is a public factory', () => {
    expect(initializers[name as 'zeros']().className).toBe(name)
  })
})

describe('options', () => {
  it.each([
    [
      'a typo',
      () => layers.dense({ units: 1, kernelInitializer: 'glorotuni' as never }),
      /unknown initializer 'glorotuni'; known are constant, glorotNormal/,
    ],
    ['no initializer', () => layers.dense({ units: 1, kernelInitializer: 5 as never }), ValueError],
    ['a negative deviation', () => initializers.randomNormal({ stddev: -1 }), /'stddev'/],
    ['a broken seed', () => initializers.heNormal({ seed: 1.5 }), /'seed' must be a safe integer, got 1.5/],
    [
      'a wrong mode',
      () => initializers.varianceScaling({ mode: 'fan' as never }),
      /'mode' must be 'fanIn' or 'fanOut' or 'fanAvg'/,
    ],
    ['an unknown option', () => initializers.constant({ values: 1 } as never), /unknown option 'values'; it takes value/],
  ] as const)('refuse %s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
})
