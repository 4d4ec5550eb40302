// makeRegression and makeBlobs: synthetic problems built as scikit-learn builds them, with the same options; the random numbers differ.
// Everything is computed in double precision and handed out as float32.
import { misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkInteger, checkNumber, checkOptions } from './check.js'
import { RandomSource } from './rng.js'
import { seedOf } from './seed.js'

/** Options of `makeRegression`; the defaults are scikit-learn's. */
export interface RegressionOptions {
  /** Number of samples. Default 100. */
  readonly nSamples?: number
  /** Number of columns of x. Default 100. */
  readonly nFeatures?: number
  /** Columns that the target depends on; all of them if there are fewer. Default 10. */
  readonly nInformative?: number
  /** Numbers to predict per sample. Default 1. */
  readonly nTargets?: number
  /** Added to every target. Default 0. */
  readonly bias?: number
  /** About this many singular vectors explain most of x. Default: x is standard normal. */
  readonly effectiveRank?: number
  /** Weight of the tail of the singular values when effectiveRank is given, from 0 to 1. Default 0.5. */
  readonly tailStrength?: number
  /** Standard deviation of normal noise on the targets. Default 0. */
  readonly noise?: number
  /** Shuffle samples and columns. Default true. */
  readonly shuffle?: boolean
  /** Default: a random seed. */
  readonly seed?: number
}

const regressionDefaults = {
  nSamples: 100,
  nFeatures: 100,
  nInformative: 10,
  nTargets: 1,
  bias: 0,
  effectiveRank: undefined as number | undefined,
  tailStrength: 0.5,
  noise: 0,
  shuffle: true,
  seed: undefined as number | undefined,
}
type RegressionSettings = typeof regressionDefaults

/**
 * A random linear regression problem: y = x · coefficients + bias + noise, the informative coefficients uniform in [0, 100).
 *
 * @returns `[x, y, coefficients]`: x float32 [nSamples, nFeatures], y float32 [nSamples] ([nSamples, nTargets] if nTargets > 1),
 * coefficients float32 [nFeatures] ([nFeatures, nTargets])
 */
export function makeRegression(options: RegressionOptions = {}): [x: Tensor, y: Tensor, coefficients: Tensor] {
  const settings = regressionSettings(options)
  const { nSamples, nFeatures, nTargets } = settings
  const source = new RandomSource(seedOf('makeRegression', settings.seed))
  const x = regressionInputs(settings, source)
  const coefficients = regressionCoefficients(settings, source)
  const y = regressionTargets(x, coefficients, settings, source)
  const tail = nTargets === 1 ? [] : [nTargets]
  return [
    tensor(Float32Array.from(x), [nSamples, nFeatures]),
    tensor(Float32Array.from(y), [nSamples, ...tail]),
    tensor(Float32Array.from(coefficients), [nFeatures, ...tail]),
  ]
}

function regressionSettings(options: RegressionOptions): RegressionSettings {
  const fn = 'makeRegression'
  checkOptions(fn, options, Object.keys(regressionDefaults))
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const settings: RegressionSettings = { ...regressionDefaults, ...given }
  const { nSamples, nFeatures, nTargets } = settings
  for (const [name, value] of Object.entries({ nSamples, nFeatures, nTargets })) checkInteger(fn, name, value, 1, 2 ** 31)
  checkInteger(fn, 'nInformative', settings.nInformative)
  checkInteger(fn, 'effectiveRank', settings.effectiveRank ?? 1, 1)
  checkNumber(fn, 'bias', settings.bias)
  checkNumber(fn, 'tailStrength', settings.tailStrength, 0, 1)
  checkNumber(fn, 'noise', settings.noise, 0)
  checkBoolean(fn, 'shuffle', settings.shuffle)
  const largest = nFeatures * Math.max(nSamples, nTargets)
  if (largest > 2 ** 31) throw new ValueError(`${fn}: nSamples * nFeatures must be at most 2147483648, got ${largest}`)
  return settings
}

function regressionInputs(
  { nSamples, nFeatures, effectiveRank, tailStrength }: RegressionSettings,
  source: RandomSource,
): Float64Array {
  const x = new Float64Array(nSamples * nFeatures)
  if (effectiveRank === undefined) return x.map(() => source.normal())
  const count = Math.min(nSamples, nFeatures)
  const left = orthonormalColumns(nSamples, count, source)
  const right = orthonormalColumns(nFeatures, count, source)
  for (let k = 0; k < count; k++) {
    const singular =
      (1 - tailStrength) * Math.exp(-((k / effectiveRank) ** 2)) + tailStrength * Math.exp((-0.1 * k) / effectiveRank)
    for (let i = 0; i < x.length; i++) x[i] += left[k][Math.floor(i / nFeatures)] * singular * right[k][i % nFeatures]
  }
  return x
}

/** [nFeatures, nTargets]. Samples are drawn independently, so shuffling is a choice of informative columns. */
function regressionCoefficients(settings: RegressionSettings, source: RandomSource): Float64Array {
  const { nFeatures, nTargets, nInformative, shuffle } = settings
  const columns = shuffle ? source.permutation(nFeatures) : Int32Array.from({ length: nFeatures }, (_, column) => column)
  const coefficients = new Float64Array(nFeatures * nTargets)
  for (const column of columns.subarray(0, nInformative)) {
    for (let target = 0; target < nTargets; target++) coefficients[column * nTargets + target] = 100 * source.uniform()
  }
  return coefficients
}

function regressionTargets(
  x: Float64Array,
  coefficients: Float64Array,
  settings: RegressionSettings,
  source: RandomSource,
): Float64Array {
  const { nSamples, nFeatures, nTargets, bias, noise } = settings
  return new Float64Array(nSamples * nTargets).map((_, i) => {
    const row = Math.floor(i / nTargets) * nFeatures
    let sum = bias
    for (let column = 0; column < nFeatures; column++) sum += x[row + column] * coefficients[column * nTargets + (i % nTargets)]
    return noise > 0 ? source.normal(sum, noise) : sum
  })
}

/** Random orthonormal vectors, by Gram-Schmidt applied twice (once leaves an error that grows with the condition number). */
function orthonormalColumns(size: number, count: number, source: RandomSource): Float64Array[] {
  const columns: Float64Array[] = []
  while (columns.length < count) {
    const column = Float64Array.from({ length: size }, () => source.normal())
    for (const other of [...columns, ...columns]) {
      const overlap = column.reduce((sum, value, i) => sum + value * other[i], 0)
      for (let i = 0; i < size; i++) column[i] -= overlap * other[i]
    }
    const norm = Math.sqrt(column.reduce((sum, value) => sum + value * value, 0))
    columns.push(column.map((value) => value / norm))
  }
  return columns
}

/** Options of `makeBlobs`; the defaults are scikit-learn's. */
export interface BlobsOptions {
  /** Number of samples, divided evenly, or the number of samples of each blob. Default 100. */
  readonly nSamples?: number | readonly number[]
  /** Number of columns (taken from `centers` if those are given). Default 2. */
  readonly nFeatures?: number
  /** Number of blobs, or their centres. Default 3, or as many as nSamples lists. */
  readonly centers?: number | readonly (readonly number[])[]
  /** Standard deviation of the blobs, one for all or one for each. Default 1. */
  readonly clusterStd?: number | readonly number[]
  /** Range of the coordinates of random centres. Default [-10, 10]. */
  readonly centerBox?: readonly [number, number]
  /** Shuffle the samples. Default true. */
  readonly shuffle?: boolean
  /** Default: a random seed. */
  readonly seed?: number
}

/**
 * Gaussian blobs for clustering and classification.
 *
 * @returns `[x, y, centers]`: x float32 [samples, features], y int32 [samples] (the blob of each), centers float32 [blobs, features]
 */
export function makeBlobs(options: BlobsOptions = {}): [x: Tensor, y: Tensor, centers: Tensor] {
  const fn = 'makeBlobs'
  checkOptions(fn, options, ['nSamples', 'nFeatures', 'centers', 'clusterStd', 'centerBox', 'shuffle', 'seed'])
  const source = new RandomSource(seedOf(fn, options.seed))
  const centers = blobCenters(options, source)
  const features = centers[0].length
  const sizes = blobSizes(options.nSamples ?? 100, centers.length)
  const deviations = blobDeviations(options.clusterStd ?? 1, centers.length)
  const blobs = sizes.flatMap((size, blob) => Array<number>(size).fill(blob))
  if (checkBoolean(fn, 'shuffle', options.shuffle ?? true)) source.shuffle(blobs)
  const x = new Float32Array(blobs.length * features)
  for (let i = 0; i < x.length; i++) {
    const blob = blobs[Math.floor(i / features)]
    x[i] = source.normal(centers[blob][i % features], deviations[blob])
  }
  return [
    tensor(x, [blobs.length, features]),
    tensor(Int32Array.from(blobs)),
    tensor(Float32Array.from(centers.flat()), [centers.length, features]),
  ]
}

function blobCenters({ centers, nFeatures, nSamples, centerBox }: BlobsOptions, source: RandomSource): (readonly number[])[] {
  if (Array.isArray(centers)) return checkCenters(centers)
  const blobs = (centers as number | undefined) ?? (Array.isArray(nSamples) ? nSamples.length : 3)
  const count = checkInteger('makeBlobs', 'centers', blobs, 1, 2 ** 20)
  const features = checkInteger('makeBlobs', 'nFeatures', nFeatures ?? 2, 1, 2 ** 20)
  const [low, high] = centerBox ?? [-10, 10]
  checkNumber('makeBlobs', 'centerBox[0]', low)
  checkNumber('makeBlobs', 'centerBox[1]', high, low)
  return Array.from({ length: count }, () => Array.from({ length: features }, () => source.uniform(low, high)))
}

function checkCenters(centers: readonly (readonly number[])[]): (readonly number[])[] {
  const width = centers[0]?.length ?? 0
  const alike = (center: unknown) => Array.isArray(center) && center.length === width && center.every(Number.isFinite)
  if (width > 0 && centers.every(alike)) return [...centers]
  const wanted = 'a count or a list of points with equally many finite coordinates'
  throw new ValueError(wrongArgument('makeBlobs', 'centers', wanted, centers))
}

function blobSizes(samples: number | readonly number[], blobs: number): number[] {
  if (!Array.isArray(samples)) {
    const total = checkInteger('makeBlobs', 'nSamples', samples as number, 1, 2 ** 31)
    return Array.from({ length: blobs }, (_, blob) => Math.floor(total / blobs) + (blob < total % blobs ? 1 : 0))
  }
  if (samples.length !== blobs)
    throw new ShapeError(
      misfit('makeBlobs', 'nSamples', `a count or ${blobs} of them, one per centre`, `${samples.length} counts`),
    )
  return samples.map((size) => checkInteger('makeBlobs', 'nSamples', size))
}

function blobDeviations(deviation: number | readonly number[], blobs: number): number[] {
  if (!Array.isArray(deviation)) return Array<number>(blobs).fill(checkNumber('makeBlobs', 'clusterStd', deviation as number, 0))
  if (deviation.length !== blobs) {
    throw new ShapeError(
      misfit('makeBlobs', 'clusterStd', `a number or ${blobs} of them, one per centre`, `${deviation.length} numbers`),
    )
  }
  return deviation.map((value) => checkNumber('makeBlobs', 'clusterStd', value, 0))
}
