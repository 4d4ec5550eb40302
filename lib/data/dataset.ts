// Dataset: a stream of samples that can be read any number of times, with map filter batch shuffle prefetch take.
// TensorDataset: samples that lie in memory as tensors. Invariant: a dataset is never changed; every method returns a new one.
import { ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { reshape } from '../ops/shape-ops.js'
import { slice } from '../ops/slice.js'
import type { TensorLike } from '../tensor/creation.js'
import { Tensor } from '../tensor/tensor.js'
import { checkSameSamples, sampleCount, toSamples } from './arrays.js'
import { checkBoolean, checkInteger, checkOptions } from './check.js'
import { type Batched, collate } from './collate.js'
import { RandomSource } from './rng.js'
import { seedOf } from './seed.js'
import { batchStream, prefetchStream, type Source, shuffleStream } from './streams.js'

/** Options of `Dataset.batch`. */
export interface BatchOptions {
  /** Leave out a last batch with fewer samples. Default false. */
  readonly dropLast?: boolean
}

/** Options of `Dataset.shuffle`. */
export interface ShuffleOptions {
  /** Default: a random seed. */
  readonly seed?: number
  /** A new order each time the dataset is read. Default true. */
  readonly reshuffleEachIteration?: boolean
}

/** Samples in order, read with `for await`. */
export class Dataset<T> implements AsyncIterable<T> {
  /**
   * @param open begins a reading
   * @param size number of samples, if it is known
   */
  constructor(
    private readonly open: () => Source<T>,
    readonly size?: number,
  ) {
    checkFunction('Dataset', 'open', open)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    yield* this.open()
  }

  /** Every sample changed by `fn`, which may be asynchronous. */
  map<U>(fn: (sample: T) => U | Promise<U>): Dataset<U> {
    checkFunction('map', 'fn', fn)
    const source = this
    return new Dataset(async function* () {
      for await (const sample of source) yield await fn(sample)
    }, this.size)
  }

  /** The samples for which `predicate`, which may be asynchronous, is true. */
  filter(predicate: (sample: T) => boolean | Promise<boolean>): Dataset<T> {
    checkFunction('filter', 'predicate', predicate)
    const source = this
    return new Dataset(async function* () {
      for await (const sample of source) if (await predicate(sample)) yield sample
    })
  }

  /** Batches of `batchSize` samples, stacked along a new first axis; the components of tuples and objects each by itself. */
  batch(batchSize: number, options: BatchOptions = {}): Dataset<Batched<T>> {
    checkInteger('batch', 'batchSize', batchSize, 1)
    checkOptions('batch', options, ['dropLast'])
    const dropLast = checkBoolean('batch', 'dropLast', options.dropLast ?? false)
    const size =
      this.size === undefined ? undefined : dropLast ? Math.floor(this.size / batchSize) : Math.ceil(this.size / batchSize)
    const source = this
    return new Dataset(async function* () {
      for await (const samples of batchStream(source, batchSize, dropLast)) yield collate('batch', samples)
    }, size)
  }

  /** A random order, as far as a buffer of `bufferSize` samples reaches; a buffer of the whole size makes every order equally likely. */
  shuffle(bufferSize: number, options: ShuffleOptions = {}): Dataset<T> {
    checkInteger('shuffle', 'bufferSize', bufferSize, 1)
    checkOptions('shuffle', options, ['seed', 'reshuffleEachIteration'])
    const again = checkBoolean('shuffle', 'reshuffleEachIteration', options.reshuffleEachIteration ?? true)
    const seed = seedOf('shuffle', options.seed)
    let reading = 0
    return new Dataset(() => shuffleStream(this, bufferSize, new RandomSource(seed, again ? reading++ : 0)), this.size)
  }

  /** Prepares up to `count` samples ahead of the consumer. */
  prefetch(count: number): Dataset<T> {
    checkInteger('prefetch', 'count', count, 1)
    return new Dataset(() => prefetchStream(this, count), this.size)
  }

  /** The first `count` samples. */
  take(count: number): Dataset<T> {
    checkInteger('take', 'count', count)
    const source = this
    return new Dataset(
      async function* () {
        let left = count
        if (left > 0) {
          for await (const sample of source) {
            yield sample
            if (--left === 0) return
          }
        }
      },
      this.size === undefined ? undefined : Math.min(count, this.size),
    )
  }

  /** All but the first `count` samples. */
  skip(count: number): Dataset<T> {
    checkInteger('skip', 'count', count)
    const source = this
    return new Dataset(
      async function* () {
        let left = count
        for await (const sample of source) if (--left < 0) yield sample
      },
      this.size === undefined ? undefined : Math.max(0, this.size - count),
    )
  }

  /** The samples `count` times over; for ever without `count`. */
  repeat(count?: number): Dataset<T> {
    if (count !== undefined) checkInteger('repeat', 'count', count)
    const source = this
    return new Dataset(
      async function* () {
        for (let left = count ?? Number.POSITIVE_INFINITY; left > 0; left--) yield* source
      },
      this.size === undefined || count === undefined ? undefined : this.size * count,
    )
  }

  /** All samples in an array. */
  async toArray(): Promise<T[]> {
    const samples: T[] = []
    for await (const sample of this) samples.push(sample)
    return samples
  }
}

function checkFunction(fn: string, argument: string, value: unknown): void {
  if (typeof value !== 'function') throw new ValueError(wrongArgument(fn, argument, 'a function', value))
}

/**
 * A dataset of any samples: an array or another iterable, an asynchronous iterable (a Node stream, for one), or a function that returns
 * one of these each time the dataset is read. An iterator that can be read only once throws StateError the second time.
 */
export function dataset<T>(source: Source<T> | (() => Source<T>)): Dataset<T> {
  if (typeof source === 'function') return new Dataset(source)
  if (Array.isArray(source)) return new Dataset<T>(() => source, source.length)
  if (typeof source !== 'object' || source === null || !(Symbol.iterator in source || Symbol.asyncIterator in source)) {
    throw new ValueError(wrongArgument('dataset', 'source', 'an iterable or a function that returns one', source))
  }
  let started = false
  return new Dataset<T>(() => {
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
    const once = (iterator as unknown) === source
    if (once && started) throw new StateError('dataset: the source can be read only once; pass a function that opens it anew')
    started = true
    return source
  })
}

/** Samples and targets in memory; sample i is `[x[i], y[i]]`. */
export class TensorDataset extends Dataset<[x: Tensor, y: Tensor]> {
  override readonly size: number

  /**
   * @param x [samples, …]
   * @param y [samples, …]
   * @throws ShapeError if they differ in length
   */
  constructor(
    readonly x: Tensor,
    readonly y: Tensor,
  ) {
    for (const [argument, value] of Object.entries({ x, y }))
      if (!(value instanceof Tensor)) throw new ValueError(wrongArgument('TensorDataset', argument, 'a Tensor', value))
    checkSameSamples('tensorDataset', x, y)
    super(() => eachSample(x, y), sampleCount(x))
    this.size = sampleCount(x)
  }

  /** Sample i as views. */
  at(i: number): [x: Tensor, y: Tensor] {
    if (!Number.isInteger(i) || i < 0 || i >= this.size)
      throw new ShapeError(wrongArgument('at', 'i', `an integer from 0 to ${this.size - 1}`, i))
    return [sampleAt(this.x, i), sampleAt(this.y, i)]
  }
}

function* eachSample(x: Tensor, y: Tensor): Generator<[Tensor, Tensor]> {
  for (let i = 0; i < sampleCount(x); i++) yield [sampleAt(x, i), sampleAt(y, i)]
}

function sampleAt(samples: Tensor, i: number): Tensor {
  return reshape(slice(samples, i, 1), samples.shape.slice(1))
}

/** A dataset of samples and targets in memory: tensors, nested arrays or typed arrays of equal length. */
export function tensorDataset(x: TensorLike, y: TensorLike): TensorDataset {
  return new TensorDataset(toSamples('tensorDataset', 'x', x), toSamples('tensorDataset', 'y', y))
}
