// makeClassification: the synthetic classification problem of scikit-learn's make_classification, built the same way and with the same
// options; the random numbers differ. Source: I. Guyon, "Design of experiments for the NIPS 2003 variable selection benchmark", 2003.
// Columns before shuffling: informative, redundant (linear combinations of those), repeated (copies of either), noise.
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  type ClassificationOptions,
  classificationSettings,
  classShares,
  perColumn,
  type Settings,
} from './classification-options.js'
import { RandomSource } from './rng.js'
import { seedOf } from './seed.js'

/** What a column is made of. */
export type ColumnKind = 'informative' | 'redundant' | 'repeated' | 'random'

/** The problem as plain arrays, with what a test of the construction wants to know. */
export interface ClassificationArrays {
  /** [nSamples, nFeatures], row by row. */
  readonly x: Float64Array
  readonly y: Int32Array
  readonly kinds: readonly ColumnKind[]
  /** Cluster centres, each of nInformative coordinates. */
  readonly centroids: readonly Float64Array[]
}

/**
 * A random classification problem.
 *
 * @returns `[x, y]`: x float32 [nSamples, nFeatures], y int32 [nSamples] with classes from 0
 * @throws ValueError for counts, shares or sizes that do not fit together
 */
export function makeClassification(options: ClassificationOptions = {}): [x: Tensor, y: Tensor] {
  const { x, y, kinds } = classificationArrays(options)
  return [tensor(Float32Array.from(x), [y.length, kinds.length]), tensor(y)]
}

/** `makeClassification` in double precision and with its inner values. */
export function classificationArrays(options: ClassificationOptions): ClassificationArrays {
  const settings = classificationSettings(options)
  const source = new RandomSource(seedOf('makeClassification', settings.seed))
  const { nSamples, nFeatures, nInformative, nRedundant, nRepeated } = settings
  const x = new Float64Array(nSamples * nFeatures)
  const y = new Int32Array(nSamples)
  const centroids = placeCentroids(settings, source)
  fillClusters(x, y, centroids, settings, source)
  addRedundant(x, settings, source)
  addRepeated(x, settings, source)
  addNoise(x, settings, source)
  for (let row = 0; row < nSamples; row++) if (source.uniform() < settings.flipY) y[row] = source.integer(settings.nClasses)
  shiftAndScale(x, settings, source)
  const counts = { informative: nInformative, redundant: nRedundant, repeated: nRepeated }
  const useful = Object.entries(counts).flatMap(([kind, count]) => Array<ColumnKind>(count).fill(kind as ColumnKind))
  const kinds = [...useful, ...Array<ColumnKind>(nFeatures - useful.length).fill('random')]
  return settings.shuffle ? { ...shuffled(x, y, kinds, source), centroids } : { x, y, kinds, centroids }
}

/** One distinct vertex of the hypercube [-classSep, classSep]^nInformative per cluster. */
function placeCentroids(
  { nInformative, nClasses, nClustersPerClass, classSep, hypercube }: Settings,
  source: RandomSource,
): Float64Array[] {
  const count = nClasses * nClustersPerClass
  const axes = Math.min(nInformative, 30)
  const vertices = sampleDistinct(2 ** axes, count, source)
  const centroids = vertices.map((vertex) => {
    const bit = (axis: number) => (axis < nInformative - axes ? source.integer(2) : (vertex >>> (nInformative - 1 - axis)) & 1)
    return Float64Array.from({ length: nInformative }, (_, axis) => (2 * bit(axis) - 1) * classSep)
  })
  if (!hypercube) {
    const stretch = Float64Array.from({ length: nInformative }, () => source.uniform())
    for (const centroid of centroids) {
      const factor = source.uniform()
      for (let axis = 0; axis < nInformative; axis++) centroid[axis] *= factor * stretch[axis]
    }
  }
  return centroids
}

/** `count` different integers below `limit` in random order (Floyd's algorithm, then a shuffle). */
function sampleDistinct(limit: number, count: number, source: RandomSource): number[] {
  const chosen = new Set<number>()
  for (let top = limit - count; top < limit; top++) {
    const candidate = source.integer(top + 1)
    chosen.add(chosen.has(candidate) ? top : candidate)
  }
  return source.shuffle([...chosen])
}

/** Samples of each cluster: its class's share, divided among the clusters of the class; what rounding leaves goes around. */
function clusterSizes(settings: Settings): number[] {
  const { nSamples, nClasses, nClustersPerClass } = settings
  const shares = classShares(settings)
  const count = nClasses * nClustersPerClass
  const sizes = Array.from({ length: count }, (_, cluster) =>
    Math.floor((nSamples * shares[cluster % nClasses]) / nClustersPerClass + 1e-9),
  )
  const left = nSamples - sizes.reduce((sum, size) => sum + size, 0)
  return sizes.map((size, cluster) => size + Math.floor(left / count) + (cluster < left % count ? 1 : 0))
}

function fillClusters(
  x: Float64Array,
  y: Int32Array,
  centroids: readonly Float64Array[],
  settings: Settings,
  source: RandomSource,
): void {
  const { nFeatures, nInformative, nClasses } = settings
  let row = 0
  for (const [cluster, size] of clusterSizes(settings).entries()) {
    const mix = Float64Array.from({ length: nInformative * nInformative }, () => source.uniform(-1, 1))
    const drawn = new Float64Array(nInformative)
    for (const end = row + size; row < end; row++) {
      y[row] = cluster % nClasses
      for (let i = 0; i < nInformative; i++) drawn[i] = source.normal()
      combine(drawn, mix, nInformative, x.subarray(row * nFeatures, row * nFeatures + nInformative))
      for (let i = 0; i < nInformative; i++) x[row * nFeatures + i] += centroids[cluster][i]
    }
  }
}

/** out[j] = sum over i of values[i] * matrix[i, j]; matrix is [values.length, columns]. */
function combine(values: Float64Array, matrix: Float64Array, columns: number, out: Float64Array): void {
  out.fill(0)
  for (let i = 0; i < values.length; i++) {
    for (let j = 0; j < columns; j++) out[j] += values[i] * matrix[i * columns + j]
  }
}

function addRedundant(x: Float64Array, { nSamples, nFeatures, nInformative, nRedundant }: Settings, source: RandomSource): void {
  const mix = Float64Array.from({ length: nInformative * nRedundant }, () => source.uniform(-1, 1))
  for (let row = 0; row < nSamples; row++) {
    const informative = x.subarray(row * nFeatures, row * nFeatures + nInformative)
    const start = row * nFeatures + nInformative
    combine(informative, mix, nRedundant, x.subarray(start, start + nRedundant))
  }
}

function addRepeated(
  x: Float64Array,
  { nSamples, nFeatures, nInformative, nRedundant, nRepeated }: Settings,
  source: RandomSource,
): void {
  const useful = nInformative + nRedundant
  for (let copy = 0; copy < nRepeated; copy++) {
    const chosen = Math.floor((useful - 1) * source.uniform() + 0.5)
    for (let row = 0; row < nSamples; row++) x[row * nFeatures + useful + copy] = x[row * nFeatures + chosen]
  }
}

function addNoise(
  x: Float64Array,
  { nSamples, nFeatures, nInformative, nRedundant, nRepeated }: Settings,
  source: RandomSource,
): void {
  for (let row = 0; row < nSamples; row++) {
    for (let column = nInformative + nRedundant + nRepeated; column < nFeatures; column++)
      x[row * nFeatures + column] = source.normal()
  }
}

function shiftAndScale(x: Float64Array, { nFeatures, shift, scale, classSep }: Settings, source: RandomSource): void {
  const shifts = perColumn('shift', shift, nFeatures, () => source.uniform(-classSep, classSep))
  const scales = perColumn('scale', scale, nFeatures, () => 1 + 100 * source.uniform())
  for (let i = 0; i < x.length; i++) x[i] = (x[i] + shifts[i % nFeatures]) * scales[i % nFeatures]
}

function shuffled(
  x: Float64Array,
  y: Int32Array,
  kinds: readonly ColumnKind[],
  source: RandomSource,
): Omit<ClassificationArrays, 'centroids'> {
  const rows = source.permutation(y.length)
  const columns = source.permutation(kinds.length)
  const width = kinds.length
  return {
    x: x.map((_, i) => x[rows[Math.floor(i / width)] * width + columns[i % width]]),
    y: y.map((_, row) => y[rows[row]]),
    kinds: kinds.map((_, column) => kinds[columns[column]]),
  }
}
