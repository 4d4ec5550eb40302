// Splits, scalers and encodings: every sample once, inverse transforms, scikit-learn's and Keras's results on small cases, bad arguments.
import { describe, expect, test } from 'vitest'
import { labelIndices, oneHot, toCategorical } from '../../lib/data/encode.js'
import { minMaxScaler, standardScaler } from '../../lib/data/scalers.js'
import { trainTestSplit } from '../../lib/data/split.js'
import { ShapeError, StateError, ValueError } from '../../lib/errors.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const count = (n: number) => Int32Array.from({ length: n }, (_, i) => i)
const numbers = (x: Tensor) => Array.from(x.dataSync())

describe('trainTestSplit', () => {
  test.each([
    [10, {}, 7, 3],
    [10, { testSize: 0.2 }, 8, 2],
    [11, { testSize: 0.2 }, 8, 3],
    [10, { testSize: 4 }, 6, 4],
    [10, { trainSize: 0.55 }, 5, 5],
    [10, { trainSize: 2, testSize: 0.1 }, 2, 1],
    [1000, { testSize: 0.2, shuffle: false }, 800, 200],
    [100, { testSize: 0.25, stratify: count(100).map((i) => i % 3) }, 75, 25],
  ])('%d samples, %o', (n, options, train, test_) => {
    const x = tensor(
      Float32Array.from({ length: n * 2 }, (_, i) => i),
      [n, 2],
    )
    const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x, count(n), { seed: 1, ...options })
    expect([xTrain.shape, xTest.shape, yTrain.shape, yTest.shape]).toEqual([[train, 2], [test_, 2], [train], [test_]])
    expect(yTrain.dtype).toBe('int32')
    const chosen = [...numbers(yTrain), ...numbers(yTest)]
    expect(new Set(chosen).size).toBe(train + test_)
    expect([...numbers(xTrain), ...numbers(xTest)]).toEqual(chosen.flatMap((i) => [2 * i, 2 * i + 1]))
  })

  test('repeats by seed, differs without shuffling', () => {
    const split = (options: object) => numbers(trainTestSplit(count(50), count(50), options)[3])
    expect(split({ seed: 3 })).toEqual(split({ seed: 3 }))
    expect(split({ seed: 3 })).not.toEqual(split({ seed: 4 }))
    expect(split({ shuffle: false })).toEqual([...count(50)].slice(37))
  })

  test('stratify keeps proportions', () => {
    const y = Int32Array.from({ length: 200 }, (_, i) => (i < 150 ? 0 : i < 190 ? 1 : 2))
    const [, , yTrain, yTest] = trainTestSplit(count(200), y, { testSize: 0.2, stratify: true, seed: 1 })
    const counts = (labels: Tensor) => [0, 1, 2].map((label) => numbers(labels).filter((value) => value === label).length)
    expect(counts(yTest)).toEqual([30, 8, 2])
    expect(counts(yTrain)).toEqual([120, 32, 8])
  })

  test.each([
    [{ testSize: 0 }, /'testSize' must be an integer from 1 to 10, got 0/],
    [{ testSize: 11 }, /'testSize'/],
    [{ testSize: 1.5 }, /'testSize' must be a share above 0 and below 1/],
    [{ testSize: -0.5 }, /'testSize'/],
    [{ testSize: Number.NaN }, /'testSize'/],
    [{ testSize: 10 }, /must leave both parts a sample/],
    [{ testSize: 6, trainSize: 6 }, /sum to at most 10, got 6 and 6/],
    [{ shuffle: false, stratify: true }, /'shuffle' must be true with stratify/],
    [{ stratify: true }, /at least 2 samples of every class/],
    [{ test_size: 0.2 }, /got 'test_size'/],
  ])('refuses %j', (options, message) => {
    expect(() => trainTestSplit(count(10), count(10), options as object)).toThrow(ValueError)
    expect(() => trainTestSplit(count(10), count(10), options as object)).toThrow(message)
  })

  test('refuses different lengths and what is no tensor', () => {
    expect(() => trainTestSplit(count(10), count(9))).toThrow(/equally many samples, got 10 and 9/)
    expect(() => trainTestSplit(count(10), count(10), { stratify: count(3) })).toThrow(ShapeError)
    expect(() => trainTestSplit('abc' as unknown as number[], count(3))).toThrow(/argument 'x' must be a tensor/)
  })
})

describe('standardScaler', () => {
  const table = [
    [1, 10, 5],
    [2, 20, 5],
    [3, 60, 5],
  ]

  test('mean 0, deviation 1, constant columns centred, and back', () => {
    const scaler = standardScaler()
    const scaled = scaler.fitTransform(table)
    const a = Math.sqrt(1.5)
    const deviation = Math.sqrt(1400 / 3)
    const expected = [-a, -20 / deviation, 0, 0, -10 / deviation, 0, a, 30 / deviation, 0]
    for (const [i, value] of numbers(scaled).entries()) expect(value).toBeCloseTo(expected[i] as number, 6)
    for (const [i, value] of numbers(scaler.inverseTransform(scaled)).entries())
      expect(value).toBeCloseTo(table.flat()[i] as number, 4)
    expect(scaler.state().center).toEqual([2, 30, 5])
  })

  test('a constant column of large awkward numbers does not turn into noise', () => {
    const x = tensor(new Float64Array(100).fill(1e8 + 0.1), [100, 1])
    expect(numbers(standardScaler().fitTransform(x)).every((value) => Math.abs(value) < 1e-6)).toBe(true)
  })

  test('dtypes: float32 for integers, float64 kept; NaN is passed over', () => {
    expect(standardScaler().fitTransform(tensor(count(4), [4, 1])).dtype).toBe('float32')
    expect(standardScaler().fitTransform(tensor(new Float64Array(4), [4, 1])).dtype).toBe('float64')
    const scaled = numbers(standardScaler().fitTransform([[1], [Number.NaN], [3]]))
    expect(scaled).toEqual([-1, Number.NaN, 1])
    expect(numbers(standardScaler().fitTransform([[Number.NaN]]))).toEqual([Number.NaN])
  })

  test('options and state', () => {
    expect(numbers(standardScaler({ withMean: false, withStd: false }).fitTransform(table))).toEqual(table.flat())
    const state = JSON.parse(JSON.stringify(standardScaler().fit(table).state()))
    expect(numbers(standardScaler().loadState(state).transform(table))).toEqual(numbers(standardScaler().fitTransform(table)))
  })

  test('refusals', () => {
    expect(() => standardScaler().transform(table)).toThrow(StateError)
    expect(() => standardScaler().fit([1, 2, 3])).toThrow(/of shape \[samples, features\], got \[3\]; reshape it/)
    expect(() => standardScaler().fit(tensor(new Float32Array(0), [0, 3]))).toThrow(/at least one sample/)
    expect(() =>
      standardScaler()
        .fit(table)
        .transform([[1]]),
    ).toThrow(/of 3 columns, as it was fitted, got \[1, 1\]/)
    expect(() => standardScaler().loadState({ center: [1], scale: [0], offset: 0 })).toThrow(ValueError)
    expect(() => standardScaler({ mean: 1 } as object)).toThrow(/got 'mean'/)
  })
})

describe('minMaxScaler', () => {
  test('minimum and maximum become the range, and back', () => {
    const table = [
      [0, 7],
      [5, 7],
      [10, 7],
    ]
    expect(numbers(minMaxScaler().fitTransform(table))).toEqual([0, 0, 0.5, 0, 1, 0])
    const scaler = minMaxScaler({ featureRange: [-1, 3] })
    const scaled = scaler.fitTransform(table)
    expect(numbers(scaled)).toEqual([-1, -1, 1, -1, 3, -1])
    expect(numbers(scaler.inverseTransform(scaled))).toEqual(table.flat())
    expect(() => minMaxScaler({ featureRange: [1, 1] })).toThrow(/'featureRange' must be two ascending numbers, got \[1, 1\]/)
    expect(() => minMaxScaler({ featureRange: [2, 1] })).toThrow(ValueError)
  })
})

describe('encodings', () => {
  test('toCategorical', () => {
    const encoded = toCategorical(Int32Array.of(2, 0, 1))
    expect([encoded.shape, encoded.dtype, numbers(encoded)]).toEqual([[3, 3], 'float32', [0, 0, 1, 1, 0, 0, 0, 1, 0]])
    expect(toCategorical(tensor(Uint8Array.of(1, 1), [2, 1]), 4).shape).toEqual([2, 4])
    expect(toCategorical([0, 1]).shape).toEqual([2, 2])
  })

  test.each([
    [Int32Array.of(0, 3), 3, /integers from 0 to 2, got 3 at position 1/],
    [Int32Array.of(-1), 3, /got -1 at position 0/],
    [[0.5], 3, /'labels' must be integers, got 0.5 at position 0/],
    [[Number.NaN], 3, /got NaN at position 0/],
    [new Int32Array(0), undefined, /'numClasses' must be an integer from 1/],
  ])('toCategorical refuses %o', (labels, classes, message) => {
    expect(() => toCategorical(labels, classes)).toThrow(ValueError)
    expect(() => toCategorical(labels, classes)).toThrow(message)
  })

  test('toCategorical refuses several labels per sample', () => {
    expect(() => toCategorical([[1, 2]])).toThrow(ShapeError)
  })

  test('labelIndices and oneHot', () => {
    const { labels, classes } = labelIndices(['b', 'a', 'b'])
    expect([numbers(labels), labels.dtype, classes]).toEqual([[1, 0, 1], 'int32', ['a', 'b']])
    expect(labelIndices([10, 9, 100]).classes).toEqual([9, 10, 100])
    expect(numbers(oneHot(['b', 'a'], { categories: ['c', 'b', 'a'] }))).toEqual([0, 1, 0, 0, 0, 1])
    expect(() => oneHot(['d'], { categories: ['a'] })).toThrow(/among the categories \['a'\], got 'd' at position 0/)
    expect(() => oneHot(['d'], { categories: ['a', 'a'] })).toThrow(/different values/)
    expect(() => oneHot([])).toThrow(ValueError)
    expect(() => labelIndices('abc' as unknown as string[])).toThrow(/an array of strings/)
  })
})
