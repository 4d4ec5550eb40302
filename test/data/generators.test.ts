// Generators: the construction is tested by its statistics (ranks, vertices, balance, flips), as the numbers themselves are random.
import { describe, expect, test } from 'vitest'
import { classificationArrays, makeClassification } from '../../lib/data/classification.js'
import { makeBlobs, makeRegression } from '../../lib/data/generators.js'
import { ShapeError, ValueError } from '../../lib/errors.js'
import { loadSafetensors } from '../../lib/io/safetensors.js'
import type { Tensor } from '../../lib/tensor/tensor.js'
import { columnsOf, rankOf } from './linear.js'

const countsOf = (labels: ArrayLike<number>, classes: number) =>
  Array.from({ length: classes }, (_, label) => Array.from(labels).filter((value) => value === label).length)

describe('makeClassification', () => {
  const settings = { nSamples: 1000, nFeatures: 20, nInformative: 2, nRedundant: 10, seed: 42, shuffle: false }

  test('shapes and dtypes; a seed repeats exactly, another differs', () => {
    const [x, y] = makeClassification({ seed: 1 })
    expect([x.shape, x.dtype, y.shape, y.dtype]).toEqual([[100, 20], 'float32', [100], 'int32'])
    expect([...makeClassification({ seed: 1 })[0].dataSync()]).toEqual([...x.dataSync()])
    expect([...makeClassification({ seed: 2 })[0].dataSync()]).not.toEqual([...x.dataSync()])
  })

  test('redundant columns add no rank, repeated ones are copies, the rest is independent noise', () => {
    const { x, kinds } = classificationArrays({ ...settings, nRepeated: 3 })
    const columns = columnsOf(x, 20)
    expect(kinds.join(' ')).toBe(
      `${'informative '.repeat(2)}${'redundant '.repeat(10)}${'repeated '.repeat(3)}${'random '.repeat(5)}`.trim(),
    )
    expect(rankOf(columns.slice(0, 2))).toBe(2)
    expect(rankOf(columns.slice(0, 12))).toBe(2)
    for (const repeated of columns.slice(12, 15)) {
      expect(columns.slice(0, 12).some((column) => column.every((value, row) => value === repeated[row]))).toBe(true)
    }
    expect(rankOf(columns)).toBe(7)
    for (const noise of columns.slice(15)) {
      const mean = noise.reduce((sum, value) => sum + value, 0) / 1000
      expect(Math.abs(mean)).toBeLessThan(0.16)
      expect(Math.abs(noise.reduce((sum, value) => sum + value * value, 0) / 1000 - 1)).toBeLessThan(0.25)
    }
  })

  test('clusters lie around different vertices of the hypercube of side 2 classSep', () => {
    const { x, y, centroids } = classificationArrays({
      nSamples: 8000,
      nFeatures: 3,
      nInformative: 3,
      nRedundant: 0,
      nClasses: 4,
      classSep: 5,
      flipY: 0,
      seed: 3,
      shuffle: false,
    })
    expect(centroids.length).toBe(8)
    expect(new Set(centroids.map((centroid) => centroid.join())).size).toBe(8)
    for (const centroid of centroids) expect([...centroid].every((coordinate) => Math.abs(coordinate) === 5)).toBe(true)
    for (const [cluster, centroid] of centroids.entries()) {
      const rows = x.subarray(cluster * 3000, (cluster + 1) * 3000)
      expect(y[cluster * 1000]).toBe(cluster % 4)
      for (const [axis, column] of columnsOf(rows, 3).entries()) {
        const mean = column.reduce((sum, value) => sum + value, 0) / 1000
        expect(Math.abs(mean - (centroid[axis] as number))).toBeLessThan(0.3)
      }
    }
  })

  test('every vertex is used when there are as many clusters as vertices; more than 30 axes work', () => {
    const { centroids } = classificationArrays({ nInformative: 4, nClasses: 8, seed: 4 })
    expect(new Set(centroids.map((centroid) => centroid.join())).size).toBe(16)
    expect(classificationArrays({ nFeatures: 40, nInformative: 35, seed: 4 }).centroids[0]?.length).toBe(35)
  })

  test('a polytope instead of the hypercube has its vertices inside', () => {
    const { centroids } = classificationArrays({ hypercube: false, seed: 5 })
    for (const centroid of centroids)
      expect([...centroid].every((coordinate) => Math.abs(coordinate) < 1 && coordinate !== 0)).toBe(true)
  })

  test('classes are balanced, or as the weights say', () => {
    expect(countsOf(classificationArrays({ ...settings, flipY: 0 }).y, 2)).toEqual([500, 500])
    expect(countsOf(classificationArrays({ ...settings, nInformative: 3, flipY: 0, nClasses: 3, nSamples: 100 }).y, 3)).toEqual([
      34, 33, 33,
    ])
    expect(countsOf(classificationArrays({ ...settings, flipY: 0, weights: [0.9] }).y, 2)).toEqual([900, 100])
    expect(countsOf(classificationArrays({ ...settings, flipY: 0, weights: [0.25, 0.75] }).y, 2)).toEqual([250, 750])
  })

  test('flipY redraws that share of the labels', () => {
    const clean = classificationArrays({ ...settings, nSamples: 20_000, flipY: 0 }).y
    const noisy = classificationArrays({ ...settings, nSamples: 20_000, flipY: 0.2 }).y
    const changed = noisy.filter((label, row) => label !== clean[row]).length / 20_000
    expect(Math.abs(changed - 0.1)).toBeLessThan(0.01) // half of the redrawn labels fall back on their class
  })

  test('shift and scale: numbers, one per column, random', () => {
    const plain = classificationArrays({ ...settings, nFeatures: 12 }).x
    const moved = classificationArrays({ ...settings, nFeatures: 12, shift: 2, scale: 3 }).x
    expect(moved.every((value, i) => Math.abs(value - ((plain[i] as number) + 2) * 3) < 1e-12)).toBe(true)
    const list = Array.from({ length: 12 }, (_, column) => column)
    const each = classificationArrays({ ...settings, nFeatures: 12, shift: list }).x
    expect(each.every((value, i) => Math.abs(value - (plain[i] as number) - (i % 12)) < 1e-12)).toBe(true)
    const random = classificationArrays({ ...settings, nFeatures: 12, scale: null }).x
    const ratios = columnsOf(random, 12).map((column, c) => (column[0] as number) / (plain[c] as number))
    expect(Math.min(...ratios)).toBeGreaterThan(0.999)
    expect(Math.max(...ratios)).toBeLessThan(101.001)
    expect(new Set(ratios.map((ratio) => ratio.toFixed(6))).size).toBe(12)
  })

  test('shuffling keeps rows with their labels and columns with their kinds', () => {
    const { x, y, kinds } = classificationArrays({
      nSamples: 300,
      nFeatures: 10,
      nRedundant: 3,
      classSep: 100,
      flipY: 0,
      nClustersPerClass: 1,
      seed: 6,
    })
    expect([...y].slice(0, 20).some((label) => label !== y[0])).toBe(true)
    const columns = columnsOf(x, 10)
    expect(rankOf(columns.filter((_, column) => kinds[column] === 'informative' || kinds[column] === 'redundant'))).toBe(2)
    const informative = columns.filter((_, column) => kinds[column] === 'informative')
    const sides = new Map<string, number>()
    for (let row = 0; row < 300; row++) {
      const side = informative.map((column) => Math.sign(column[row] as number)).join()
      expect(sides.get(side) ?? y[row]).toBe(y[row])
      sides.set(side, y[row] as number)
    }
    expect(sides.size).toBe(2)
  })

  test.each([
    [{ nSamples: 0 }, /'nSamples' must be an integer from 1/],
    [{ nFeatures: 3 }, /must be at most nFeatures = 3, got 4/],
    [{ nClasses: 3 }, /must be at most 2\^nInformative = 4, got 6/],
    [{ nRedundant: -1 }, /'nRedundant' must be an integer of at least 0, got -1/],
    [{ weights: [0.5, 0.6] }, /'weights' must be 2 or 1 non-negative numbers/],
    [{ weights: [1, 0, 0] }, /'weights'/],
    [{ weights: 'half' }, /'weights'/],
    [{ flipY: 1.5 }, /'flipY' must be a finite number of at least 0 and at most 1, got 1.5/],
    [{ classSep: Number.NaN }, /'classSep'/],
    [{ shuffle: 1 }, /'shuffle' must be true or false, got 1/],
    [{ seed: -1 }, /'seed'/],
    [{ shift: '1' }, /'shift' must be a finite number, got '1'/],
    [{ nSamples: 2 ** 30, nFeatures: 2 ** 30 }, /nSamples \* nFeatures must be at most/],
    [{ n_samples: 5 }, /options must be among nSamples, .*got 'n_samples'/],
    [null, /'options' must be an object/],
  ])('refuses %j', (options, message) => {
    expect(() => makeClassification(options as object)).toThrow(ValueError)
    expect(() => makeClassification(options as object)).toThrow(message)
  })

  test('refuses shifts of the wrong length', () => {
    expect(() => makeClassification({ shift: [1, 2] })).toThrow(ShapeError)
  })

  test('the committed data set of scikit-learn has the construction that is claimed', async () => {
    const { tensors } = await loadSafetensors(new URL('../golden/binary-classifier.safetensors', import.meta.url))
    const [x, y] = [tensors['data/inputs/x'] as Tensor, tensors['data/inputs/y'] as Tensor]
    expect([x.shape, x.dtype, y.shape, y.dtype]).toEqual([[800, 20], 'float32', [800], 'int32'])
    expect(countsOf(y.dataSync(), 2).every((count) => Math.abs(count - 400) < 20)).toBe(true)
    expect(rankOf(columnsOf(x.dataSync(), 20))).toBe(2 + 8)
  })
})

describe('makeRegression', () => {
  test('y is x times the coefficients plus bias; the uninformative ones are 0', () => {
    const [x, y, coefficients] = makeRegression({ nSamples: 50, nFeatures: 8, nInformative: 3, nTargets: 2, bias: 4, seed: 1 })
    expect([x.shape, y.shape, coefficients.shape]).toEqual([
      [50, 8],
      [50, 2],
      [8, 2],
    ])
    const weights = coefficients.dataSync()
    expect(columnsOf(weights, 2)[0]?.filter((weight) => weight !== 0).length).toBe(3)
    expect([...weights].every((weight) => weight >= 0 && weight < 100)).toBe(true)
    const [xs, ys] = [x.dataSync(), y.dataSync()]
    for (let i = 0; i < 100; i++) {
      let sum = 4
      for (let k = 0; k < 8; k++) sum += (xs[Math.floor(i / 2) * 8 + k] as number) * (weights[k * 2 + (i % 2)] as number)
      expect(Math.abs(sum - (ys[i] as number))).toBeLessThan(1e-3) // float32 rounding of numbers up to a few hundred
    }
  })

  test('noise has the standard deviation asked for', () => {
    const clean = makeRegression({ nSamples: 4000, nFeatures: 3, seed: 2 })[1].dataSync()
    const noisy = makeRegression({ nSamples: 4000, nFeatures: 3, noise: 7, seed: 2 })[1].dataSync()
    const variance = Array.from(noisy).reduce((sum, value, i) => sum + (value - (clean[i] as number)) ** 2, 0) / 4000
    expect(Math.abs(Math.sqrt(variance) - 7)).toBeLessThan(0.5)
  })

  test('effectiveRank concentrates x on few directions', () => {
    const energy = (x: Tensor) => Array.from(x.dataSync()).reduce((sum, value) => sum + value * value, 0)
    const [x] = makeRegression({ nSamples: 60, nFeatures: 30, effectiveRank: 5, tailStrength: 0, seed: 3 })
    const expected = Array.from({ length: 30 }, (_, k) => Math.exp(-((k / 5) ** 2)) ** 2).reduce((sum, value) => sum + value, 0)
    expect(Math.abs(energy(x) - expected)).toBeLessThan(1e-4)
    expect(rankOf(columnsOf(x.dataSync(), 30), 1e-3)).toBeLessThan(18)
  })

  test('refuses bad options', () => {
    expect(() => makeRegression({ noise: -1 })).toThrow(/'noise' must be a finite number of at least 0, got -1/)
    expect(() => makeRegression({ effectiveRank: 0 })).toThrow(/'effectiveRank'/)
    expect(() => makeRegression({ samples: 5 } as object)).toThrow(/got 'samples'/)
  })
})

describe('makeBlobs', () => {
  test('centres, deviations and sizes as given', () => {
    const [x, y, centers] = makeBlobs({
      nSamples: [3000, 1000],
      centers: [
        [0, 0, 5],
        [100, -100, 0],
      ],
      clusterStd: [1, 4],
      seed: 1,
    })
    expect([x.shape, y.shape, centers.shape]).toEqual([[4000, 3], [4000], [2, 3]])
    expect(countsOf(y.dataSync(), 2)).toEqual([3000, 1000])
    const labels = y.dataSync()
    const first = columnsOf(x.dataSync(), 3)[0] as Float64Array
    const second = first.filter((_, row) => labels[row] === 1)
    const mean = second.reduce((sum, value) => sum + value, 0) / 1000
    expect(Math.abs(mean - 100)).toBeLessThan(0.6)
    expect(Math.abs(Math.sqrt(second.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1000) - 4)).toBeLessThan(0.4)
  })

  test('random centres lie in the box; samples are divided evenly', () => {
    const [, y, centers] = makeBlobs({ nSamples: 10, centerBox: [2, 3], shuffle: false, seed: 2 })
    expect([...y.dataSync()]).toEqual([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    expect([...centers.dataSync()].every((value) => value >= 2 && value <= 3)).toBe(true)
  })

  test.each([
    [{ centers: [[1], [1, 2]] }, ValueError],
    [{ centers: [] }, ValueError],
    [{ centers: 0 }, ValueError],
    [{ nSamples: [1, 2], centers: 3 }, ShapeError],
    [{ clusterStd: [1] }, ShapeError],
    [{ clusterStd: -1 }, ValueError],
    [{ centerBox: [3, 2] as const }, ValueError],
  ])('refuses %j', (options, error) => {
    expect(() => makeBlobs(options as object)).toThrow(error)
  })
})
