// The loader: batches of [x, y] for a training loop, in an order that depends on seed and epoch only.
// Invariant: state() is the exact place in the sequence of batches; a loader that loads it yields the same batches from there on.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, StateError, ValueError, wrongArgument } from '../errors.js'
import { clone } from '../ops/cast.js'
import { slice } from '../ops/slice.js'
import type { TensorLike } from '../tensor/creation.js'
import { Tensor } from '../tensor/tensor.js'
import { takeSamples } from './arrays.js'
import { checkBoolean, checkInteger, checkOptions } from './check.js'
import { collate } from './collate.js'
import { Dataset, TensorDataset, tensorDataset } from './dataset.js'
import { RandomSource } from './rng.js'
import { seedOf } from './seed.js'
import { batchStream, shuffleStream } from './streams.js'
import { disposeUnlessShared, type Transform } from './transforms.js'

/** One batch: samples and targets, their first axis being the batch. */
export type Batch = [x: Tensor, y: Tensor]

/** A sample of a streamed dataset: a pair of whatever tensors can be made of. */
export type Sample = readonly [x: TensorLike, y: TensorLike]

/** What a loader reads: samples and targets in memory, or a dataset of pairs. */
export type LoaderSource = TensorDataset | Dataset<Sample> | readonly [x: TensorLike, y: TensorLike]

/** Options of `loader`. */
export interface LoaderOptions {
  /** Samples per batch. Default 32. */
  readonly batchSize?: number
  /** A new random order every epoch. Default false. */
  readonly shuffle?: boolean
  /** Fixes the orders and the randomness of transforms. Default: a random seed. */
  readonly seed?: number
  /** Leave out a last batch with fewer samples. Default false. */
  readonly dropLast?: boolean
  /** Applied to x of every batch: `toFloat()`, `normalize(…)`, augmentation, or a function of your own. */
  readonly transform?: Transform
  /** For streamed datasets, the number of samples among which `shuffle` chooses. Default 10 000. */
  readonly shuffleBuffer?: number
}

/** A place in the sequence of batches, as plain numbers. */
export interface LoaderState {
  readonly seed: number
  /** The epoch that is being read, from 0. */
  readonly epoch: number
  /** Batches of it that have been handed out. */
  readonly batch: number
}

const optionNames = ['batchSize', 'shuffle', 'seed', 'dropLast', 'transform', 'shuffleBuffer']

/**
 * Batches of a data set. Each `for await` (or plain `for`, where the samples are in memory) reads one epoch; leaving a loop early ends
 * its epoch. `for await` gives the event loop a turn after every batch.
 */
export class DataLoader implements AsyncIterable<Batch>, Iterable<Batch> {
  readonly batchSize: number
  private readonly source: TensorDataset | Dataset<Sample>
  private readonly shuffle: boolean
  private readonly dropLast: boolean
  private readonly transform: Transform | undefined
  private readonly shuffleBuffer: number
  private place: LoaderState
  private begun = false

  constructor(source: LoaderSource, options: LoaderOptions = {}) {
    checkOptions('loader', options, optionNames)
    this.source = toDataset(source)
    this.batchSize = checkInteger('loader', 'batchSize', options.batchSize ?? 32, 1)
    this.shuffle = checkBoolean('loader', 'shuffle', options.shuffle ?? false)
    this.dropLast = checkBoolean('loader', 'dropLast', options.dropLast ?? false)
    this.shuffleBuffer = checkInteger('loader', 'shuffleBuffer', options.shuffleBuffer ?? 10_000, 1)
    this.transform = options.transform
    if (this.transform !== undefined && typeof this.transform !== 'function') {
      throw new ValueError(wrongArgument('loader', 'transform', 'a function of a tensor', this.transform))
    }
    this.place = { seed: seedOf('loader', options.seed), epoch: 0, batch: 0 }
  }

  /** Number of samples, if it is known. */
  get size(): number | undefined {
    return this.source.size
  }

  /** Number of batches in an epoch, if it is known. */
  get length(): number | undefined {
    if (this.size === undefined) return undefined
    return this.dropLast ? Math.floor(this.size / this.batchSize) : Math.ceil(this.size / this.batchSize)
  }

  /** Where the loader is: store it beside a model to go on later with the very next batch. */
  state(): LoaderState {
    return this.place
  }

  /** Goes to a place that `state()` returned, of a loader of the same data and options. Returns the loader. */
  loadState(state: LoaderState): this {
    const { seed, epoch, batch } = state ?? {}
    checkInteger('loadState', 'epoch', epoch, 0, 2 ** 20)
    checkInteger('loadState', 'batch', batch, 0, this.length ?? 2 ** 32 - 1)
    this.place = { seed: seedOf('loadState', seed ?? Number.NaN), epoch, batch }
    this.begun = false
    return this
  }

  /** The samples of an epoch in the order in which they are batched; undefined for data in its own order. */
  order(epoch: number): Int32Array | undefined {
    checkInteger('order', 'epoch', epoch, 0, 2 ** 20)
    if (this.size === undefined) throw new StateError('order: a streamed dataset has no order that is known beforehand')
    return this.shuffle ? new RandomSource(this.place.seed, epoch).permutation(this.size) : undefined
  }

  *[Symbol.iterator](): Generator<Batch> {
    if (!(this.source instanceof TensorDataset))
      throw new StateError('loader: a streamed dataset must be read with for await, got a plain for')
    const { x, y } = this.source
    const { epoch, batch } = this.begin()
    const order = this.order(epoch)
    const count = this.length as number
    for (let index = batch; index < count; index++) {
      const begin = index * this.batchSize
      const positions = order?.subarray(begin, begin + this.batchSize)
      const size = Math.min(this.batchSize, this.source.size - begin)
      yield this.deliver([part(x, begin, size, positions), part(y, begin, size, positions)], index)
    }
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for await (const batch of this.source instanceof TensorDataset ? this[Symbol.iterator]() : this.stream(this.source)) {
      yield batch
      await turn()
    }
  }

  /** One epoch of a streamed dataset. A resumed epoch reads and drops what was handed out before. */
  private async *stream(source: Dataset<Sample>): AsyncGenerator<Batch> {
    const { seed, epoch, batch } = this.begin()
    const samples = this.shuffle ? shuffleStream(source, this.shuffleBuffer, new RandomSource(seed, epoch)) : source
    let index = 0
    for await (const list of batchStream(samples, this.batchSize, this.dropLast)) {
      if (index >= batch) yield this.deliver(collatePairs(list), index)
      index++
    }
    this.end()
  }

  /** Begins an epoch: the one at hand if nobody has begun it, else the next. */
  private begin(): LoaderState {
    if (this.begun) this.end()
    this.begun = true
    return this.place
  }

  private end(): void {
    this.place = { seed: this.place.seed, epoch: this.place.epoch + 1, batch: 0 }
    this.begun = false
  }

  private deliver([x, y]: Batch, index: number): Batch {
    const { seed, epoch } = this.place
    this.place = { seed, epoch, batch: index + 1 }
    if (!this.transform) return [x, y]
    // The upper half of the stream number keeps these streams apart from those of the orders, which are below 2^32.
    const changed = this.transform(x, new RandomSource(seed, (epoch + 1) * 2 ** 32 + index))
    if (!(changed instanceof Tensor))
      throw new ValueError(wrongArgument('loader', 'transform', 'a function that returns a tensor', changed))
    disposeUnlessShared(x, changed)
    return [changed, y]
  }
}

function toDataset(source: LoaderSource): TensorDataset | Dataset<Sample> {
  if (source instanceof Dataset) return source
  if (Array.isArray(source) && source.length === 2) return tensorDataset(source[0], source[1])
  throw new ValueError(wrongArgument('loader', 'source', 'a dataset or a pair [x, y]', source))
}

/** A batch with memory of its own: disposing of it leaves the data set alone. */
function part(samples: Tensor, begin: number, size: number, positions: Int32Array | undefined): Tensor {
  return positions ? takeSamples(samples, positions) : clone(slice(samples, begin, size))
}

function collatePairs(samples: readonly Sample[]): Batch {
  const wrong = samples.find((sample) => !Array.isArray(sample) || sample.length !== 2)
  if (wrong) throw new ValueError(`loader: samples of a streamed dataset must be pairs [x, y], got ${describe(wrong)}`)
  return [
    collate(
      'loader',
      samples.map(([x]) => x),
    ) as Tensor,
    collate(
      'loader',
      samples.map(([, y]) => y),
    ) as Tensor,
  ]
}

/** Batches of `[x, y]` from tensors, arrays or a dataset: see `DataLoader`. */
export function loader(source: LoaderSource, options: LoaderOptions = {}): DataLoader {
  return new DataLoader(source, options)
}
