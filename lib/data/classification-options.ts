// Options of makeClassification: their defaults and their checks. Invariant: settings that pass can be built.
import { misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { checkBoolean, checkInteger, checkNumber, checkOptions } from './check.js'

/** Options of `makeClassification`; the defaults are scikit-learn's. */
export interface ClassificationOptions {
  /** Number of samples. Default 100. */
  readonly nSamples?: number
  /** Number of columns. Default 20. */
  readonly nFeatures?: number
  /** Columns that tell the classes apart. Default 2. */
  readonly nInformative?: number
  /** Columns that are random linear combinations of the informative ones. Default 2. */
  readonly nRedundant?: number
  /** Columns that are copies of informative or redundant ones. Default 0. */
  readonly nRepeated?: number
  /** Number of classes. Default 2. */
  readonly nClasses?: number
  /** Gaussian clusters per class, each around its own vertex of a hypercube. Default 2. */
  readonly nClustersPerClass?: number
  /** Share of each class (the last may be left out). Default: equal shares. */
  readonly weights?: readonly number[]
  /** Share of samples whose class is redrawn at random. Default 0.01. */
  readonly flipY?: number
  /** Half the side of the hypercube: larger is easier. Default 1. */
  readonly classSep?: number
  /** Clusters at the vertices of a hypercube (default), or of a random polytope. */
  readonly hypercube?: boolean
  /** Added to the columns: a number, one per column, or null for random ones in [-classSep, classSep]. Default 0. */
  readonly shift?: number | readonly number[] | null
  /** Multiplied into the columns, after the shift: a number, one per column, or null for random ones in [1, 101]. Default 1. */
  readonly scale?: number | readonly number[] | null
  /** Shuffle samples and columns. Default true. */
  readonly shuffle?: boolean
  /** Default: a random seed. */
  readonly seed?: number
}

const fn = 'makeClassification'
const defaults = {
  nSamples: 100,
  nFeatures: 20,
  nInformative: 2,
  nRedundant: 2,
  nRepeated: 0,
  nClasses: 2,
  nClustersPerClass: 2,
  weights: undefined as readonly number[] | undefined,
  flipY: 0.01,
  classSep: 1,
  hypercube: true,
  shift: 0 as number | readonly number[] | null,
  scale: 1 as number | readonly number[] | null,
  shuffle: true,
  seed: undefined as number | undefined,
}
/** All options, given or by default. */
export type Settings = typeof defaults

/** The options with defaults filled in, checked. */
export function classificationSettings(options: ClassificationOptions): Settings {
  checkOptions(fn, options, Object.keys(defaults))
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const settings: Settings = { ...defaults, ...given }
  checkCounts(settings)
  checkNumber(fn, 'flipY', settings.flipY, 0, 1)
  checkNumber(fn, 'classSep', settings.classSep, 0)
  checkBoolean(fn, 'hypercube', settings.hypercube)
  checkBoolean(fn, 'shuffle', settings.shuffle)
  return settings
}

function checkCounts({ nSamples, nFeatures, nInformative, nRedundant, nRepeated, nClasses, nClustersPerClass }: Settings): void {
  for (const [name, value] of Object.entries({ nSamples, nFeatures, nInformative, nClasses, nClustersPerClass })) {
    checkInteger(fn, name, value, 1, 2 ** 31)
  }
  checkInteger(fn, 'nRedundant', nRedundant)
  checkInteger(fn, 'nRepeated', nRepeated)
  if (nSamples * nFeatures > 2 ** 31)
    throw new ValueError(`${fn}: nSamples * nFeatures must be at most 2147483648, got ${nSamples * nFeatures}`)
  const useful = nInformative + nRedundant + nRepeated
  if (useful > nFeatures) {
    throw new ValueError(`${fn}: nInformative + nRedundant + nRepeated must be at most nFeatures = ${nFeatures}, got ${useful}`)
  }
  if (Math.log2(nClasses * nClustersPerClass) > nInformative) {
    const product = nClasses * nClustersPerClass
    throw new ValueError(
      `${fn}: nClasses * nClustersPerClass must be at most 2^nInformative = ${2 ** nInformative}, got ${product}`,
    )
  }
}

/** The share of each class; they sum to at most 1. */
export function classShares({ weights, nClasses }: Settings): number[] {
  if (weights === undefined) return Array<number>(nClasses).fill(1 / nClasses)
  const sum = Array.isArray(weights) ? weights.reduce((total: number, weight: number) => total + weight, 0) : Number.NaN
  const fits = weights.length === nClasses || weights.length === nClasses - 1
  if (!fits || !weights.every((weight) => weight >= 0) || !(sum <= 1 + 1e-9)) {
    const wanted = `${nClasses} or ${nClasses - 1} non-negative numbers that sum to at most 1`
    throw new ValueError(wrongArgument(fn, 'weights', wanted, weights))
  }
  return weights.length === nClasses ? [...weights] : [...weights, Math.max(0, 1 - sum)]
}

/** A number for every column: the given one, the given ones, or drawn ones for null. */
export function perColumn(
  name: string,
  value: number | readonly number[] | null,
  columns: number,
  draw: () => number,
): ArrayLike<number> {
  if (value === null) return Float64Array.from({ length: columns }, draw)
  if (!Array.isArray(value)) return Array<number>(columns).fill(checkNumber(fn, name, value as number))
  if (value.length !== columns)
    throw new ShapeError(misfit(fn, name, `a number or ${columns} of them`, `${value.length} numbers`))
  return value.map((number) => checkNumber(fn, name, number))
}
