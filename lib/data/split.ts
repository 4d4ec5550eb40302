// trainTestSplit: disjoint samples for training and for testing.
// Invariant: every sample lands in at most one part, and in exactly one where the sizes add up to all of them.
import { misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import type { TensorLike } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkSameSamples, sampleCount, takeSamples, toLabels, toSamples } from './arrays.js'
import { checkBoolean, checkInteger, checkNumber, checkOptions } from './check.js'
import { RandomSource } from './rng.js'
import { seedOf } from './seed.js'

/** Options of `trainTestSplit`. */
export interface SplitOptions {
  /** Share (above 0 and below 1) or number of samples for testing. Default: what trainSize leaves, or 0.25. */
  readonly testSize?: number
  /** Share or number of samples for training. Default: what testSize leaves. */
  readonly trainSize?: number
  /** Shuffle before splitting. Default true; false takes the training samples from the front. */
  readonly shuffle?: boolean
  /** Keep the proportions of classes in both parts: true for the classes in y, or one integer per sample. Default false. */
  readonly stratify?: boolean | TensorLike
  /** Default: a random seed. */
  readonly seed?: number
}

const fn = 'trainTestSplit'

/**
 * Splits samples at random into a part for training and a part for testing. Shares are rounded as in scikit-learn: up for testing,
 * down for training.
 *
 * @param x samples [n, …]
 * @param y their targets [n, …]
 * @returns `[xTrain, xTest, yTrain, yTest]`
 * @throws ShapeError if x and y differ in length; ValueError for sizes that leave a part empty, or a class with one sample in `stratify`
 */
export function trainTestSplit(
  x: TensorLike,
  y: TensorLike,
  options: SplitOptions = {},
): [xTrain: Tensor, xTest: Tensor, yTrain: Tensor, yTest: Tensor] {
  checkOptions(fn, options, ['testSize', 'trainSize', 'shuffle', 'stratify', 'seed'])
  const [inputs, targets] = [toSamples(fn, 'x', x), toSamples(fn, 'y', y)]
  checkSameSamples(fn, inputs, targets)
  const count = sampleCount(inputs)
  const sizes = splitSizes(count, options)
  const shuffle = checkBoolean(fn, 'shuffle', options.shuffle ?? true)
  const classes = stratumOf(targets, options.stratify ?? false, shuffle)
  const source = new RandomSource(seedOf(fn, options.seed))
  const [train, test] = classes ? splitByClass(classes, sizes, source) : plainSplit(count, sizes, shuffle, source)
  return [takeSamples(inputs, train), takeSamples(inputs, test), takeSamples(targets, train), takeSamples(targets, test)]
}

/** The class of every sample if the split is to keep their proportions. */
function stratumOf(targets: Tensor, stratify: boolean | TensorLike, shuffle: boolean): Int32Array | undefined {
  if (stratify === false) return undefined
  if (!shuffle) throw new ValueError(wrongArgument(fn, 'shuffle', 'true with stratify', shuffle))
  const classes = toLabels(fn, 'stratify', stratify === true ? targets : stratify)
  if (classes.length !== sampleCount(targets)) {
    const wanted = `true or ${sampleCount(targets)} integers, one per sample`
    throw new ShapeError(misfit(fn, 'stratify', wanted, `${classes.length} integers`))
  }
  return classes
}

interface Sizes {
  readonly train: number
  readonly test: number
}

function splitSizes(count: number, { testSize, trainSize }: SplitOptions): Sizes {
  const test = testSize === undefined ? undefined : partSize('testSize', testSize, count, Math.ceil)
  const train = trainSize === undefined ? undefined : partSize('trainSize', trainSize, count, Math.floor)
  const sizes = {
    test: test ?? (train === undefined ? Math.ceil(count * 0.25) : count - train),
    train: train ?? count - (test ?? Math.ceil(count * 0.25)),
  }
  if (sizes.train < 1 || sizes.test < 1 || sizes.train + sizes.test > count) {
    throw new ValueError(
      `${fn}: testSize and trainSize must leave both parts a sample and sum to at most ${count}, got ${sizes.test} and ${sizes.train}`,
    )
  }
  return sizes
}

function partSize(name: string, size: number, count: number, round: (share: number) => number): number {
  if (Number.isInteger(size)) return checkInteger(fn, name, size, 1, count)
  checkNumber(fn, name, size)
  if (size <= 0 || size >= 1)
    throw new ValueError(wrongArgument(fn, name, 'a share above 0 and below 1, or a number of samples', size))
  return round(size * count)
}

function plainSplit(count: number, { train, test }: Sizes, shuffle: boolean, source: RandomSource): [Int32Array, Int32Array] {
  if (!shuffle) {
    const order = Int32Array.from({ length: train + test }, (_, sample) => sample)
    return [order.subarray(0, train), order.subarray(train)]
  }
  const order = source.permutation(count)
  return [order.subarray(test, test + train), order.subarray(0, test)]
}

function splitByClass(classes: Int32Array, sizes: Sizes, source: RandomSource): [Int32Array, Int32Array] {
  const members = new Map<number, number[]>()
  for (let sample = 0; sample < classes.length; sample++) {
    const list = members.get(classes[sample] as number)
    if (list) list.push(sample)
    else members.set(classes[sample] as number, [sample])
  }
  const lists = [...members.entries()].sort(([a], [b]) => a - b).map(([, list]) => source.shuffle(list))
  const smallest = Math.min(...lists.map((list) => list.length))
  if (smallest < 2 || Math.min(sizes.train, sizes.test) < lists.length) {
    throw new ValueError(
      `${fn}: stratify must have at least 2 samples of every class, and each part at least as many samples as there are classes (${lists.length}), got a class of ${smallest} and parts of ${sizes.train} and ${sizes.test}`,
    )
  }
  const counts = lists.map((list) => list.length)
  const test = allot(counts, sizes.test)
  const left = counts.map((count, k) => count - (test[k] as number))
  const train = allot(left, sizes.train)
  const testing = lists.flatMap((list, k) => list.slice(0, test[k]))
  const training = lists.flatMap((list, k) => list.slice(test[k], (test[k] as number) + (train[k] as number)))
  return [source.shuffle(Int32Array.from(training)), source.shuffle(Int32Array.from(testing))]
}

/** Divides `total` in proportion to `counts`: rounded down, and what is left to the largest remainders. */
function allot(counts: readonly number[], total: number): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0)
  const exact = counts.map((count) => (count * total) / all)
  const parts = exact.map(Math.floor)
  const byRemainder = exact
    .map((share, k) => ({ k, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder)
  const left = total - parts.reduce((sum, part) => sum + part, 0)
  for (const { k } of byRemainder.slice(0, left)) parts[k] = (parts[k] as number) + 1
  return parts
}
