// Where batches come from: arrays held as tensors, or a data set that yields batches by itself.
// Invariant: the batches of an epoch depend on the seed and the epoch's number only, so that a run can be continued from any batch.
import { DataLoader } from '../data/loader.js'
import { describe, misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { slice } from '../ops/slice.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

/** One batch of a data set: inputs, labels, and optionally a weight for each sample. A lone tensor is inputs without labels. */
export type DataBatch = TensorLike | readonly [x: TensorLike, y?: TensorLike, weight?: TensorLike]
/** A data set: yields batches, anew each time it is iterated. Loaders, arrays of batches behind an iterator, generators' objects. */
export type DataSet = AsyncIterable<DataBatch> | Iterable<DataBatch>

/** A batch as a step receives it; the first axis of every tensor is `size`. */
export interface Batch {
  readonly x: Tensor
  readonly y: Tensor | null
  readonly weight: Tensor | null
  readonly size: number
}

/** The tensors that a step is given to read its batch from; none where the source's own state tells which batch comes next. */
export type BatchParts = readonly (Tensor | null)[]

/** Batches that follow one another and look the same: a recorded step runs `count` times with the same arguments. */
export interface BatchRun {
  readonly parts: BatchParts
  /** Samples of each batch. */
  readonly size: number
  readonly count: number
}

export interface BatchSource {
  /** Batches of an epoch, null if only iterating tells. */
  readonly steps: number | null
  /** Seed of the order of batches; null for a source without one. */
  readonly seed: number | null
  /** Prepares to continue at a batch of an epoch of an earlier run. */
  resume?(seed: number | null, epoch: number, batch: number): void
  /** The next batch: operations, so that a recorded step reads its samples itself. */
  read(parts: BatchParts, size: number): Batch
  /** The batches of one epoch, from batch `start` on, at most `most()` in a run. The next run is asked for when the last has been taken. */
  runs(epoch: number, start: number, most: () => number): AsyncIterable<BatchRun>
  /** Inputs of the shape and type of a batch's, but for the first axis. */
  like(parts: BatchParts): Tensor
  /** The inputs alone, batch by batch. */
  inputs(): AsyncIterable<Tensor> | Iterable<Tensor>
  /** Frees what the source has made for itself. */
  dispose?(): void
}

/** Arrays that belong together: the first axis of each counts the samples. */
export interface Samples {
  readonly x: Tensor
  readonly y: Tensor | null
  readonly weight: Tensor | null
}

/** Whether a value is a data set rather than an array: iterable, and none of the things that a tensor is made of. */
export function isDataSet(value: unknown): value is DataSet {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Tensor || Array.isArray(value) || ArrayBuffer.isView(value)) return false
  return Symbol.asyncIterator in value || Symbol.iterator in value
}

/** Tensors of the arrays, checked against one another. */
export function toSamples(fn: string, x: TensorLike, y?: TensorLike | null, weight?: TensorLike | null): Samples {
  const samples = {
    x: samplesOf(fn, 'x', x),
    y: y === undefined || y === null ? null : samplesOf(fn, 'y', y),
    weight: weight === undefined || weight === null ? null : samplesOf(fn, 'sampleWeight', weight),
  }
  const count = samples.x.shape[0] as number
  for (const [name, value] of Object.entries({ y: samples.y, sampleWeight: samples.weight })) {
    if (value && value.shape[0] !== count) {
      throw new ShapeError(
        `${fn}: argument '${name}' must have one entry per sample of x (${count}), got shape ${showShape(value.shape)}`,
      )
    }
  }
  return samples
}

function samplesOf(fn: string, argument: string, value: TensorLike): Tensor {
  if (value === undefined || value === null || typeof value !== 'object')
    throw new ValueError(wrongArgument(fn, argument, 'a tensor, a typed array, nested arrays or a data set', value))
  const result = toTensor(fn, value, undefined, argument)
  if (result.rank === 0) throw new ShapeError(misfit(fn, argument, 'an array of samples', 'a scalar'))
  return result
}

/** The samples from `begin` up to `end`, as views. */
export function sliceSamples({ x, y, weight }: Samples, begin: number, end: number): Samples {
  const cut = (value: Tensor): Tensor => slice(value, begin, end - begin)
  return { x: cut(x), y: y && cut(y), weight: weight && cut(weight) }
}

/** Batches of a data set. With a fixed number of steps the data set is read on from epoch to epoch, else from its beginning in each. */
export class DataSetSource implements BatchSource {
  readonly steps: number | null
  private open: Iterator<DataBatch> | AsyncIterator<DataBatch> | null = null
  /** Batches of the next epoch to drop. */
  private skip = 0

  constructor(
    private readonly fn: string,
    private readonly data: DataSet,
    private readonly fixedSteps: number | null,
  ) {
    const { length } = data as { length?: unknown }
    this.steps = fixedSteps ?? (Number.isSafeInteger(length) ? (length as number) : null)
  }

  get seed(): number | null {
    return this.data instanceof DataLoader ? this.data.state().seed : null
  }

  /** A loader goes to the very batch; of other data sets the batches before it are read and dropped. */
  resume(seed: number | null, epoch: number, batch: number): void {
    const { data, fixedSteps } = this
    const passed = fixedSteps === null ? batch : epoch * fixedSteps + batch
    if (!(data instanceof DataLoader)) this.skip = passed
    else {
      const length = data.length ?? Number.POSITIVE_INFINITY
      const place = fixedSteps === null ? { epoch, batch } : { epoch: Math.floor(passed / length), batch: passed % length }
      data.loadState({ seed: seed ?? data.state().seed, ...place })
    }
  }

  async *runs(_epoch: number, start: number): AsyncIterable<BatchRun> {
    const first = start - this.skip
    this.skip = 0
    try {
      for (let step = first; this.fixedSteps === null || step < this.fixedSteps; step++) {
        const next = await this.next()
        if (next === null) return
        if (step < start) continue
        const { x, y, weight } = this.samplesOf(next)
        yield { parts: [x, y, weight], size: x.shape[0] as number, count: 1 }
      }
    } finally {
      if (this.fixedSteps === null) await this.close()
    }
  }

  like(parts: BatchParts): Tensor {
    return parts[0] as Tensor
  }

  async *inputs(): AsyncIterable<Tensor> {
    for await (const { parts } of this.runs(0, 0)) yield parts[0] as Tensor
  }

  private async close(): Promise<void> {
    const { open } = this
    this.open = null
    await open?.return?.()
  }

  /** The next batch; at the end of the data null, or from the beginning again where the number of steps is fixed. */
  private async next(): Promise<DataBatch | null> {
    const fresh = this.open === null
    this.open ??= iteratorOf(this.data)
    const result = await this.open.next()
    if (!result.done) return result.value
    this.open = null
    return this.fixedSteps === null || fresh ? null : this.next()
  }

  read([x, y, weight]: BatchParts, size: number): Batch {
    return { x: x as Tensor, y: y ?? null, weight: weight ?? null, size }
  }

  private samplesOf(value: DataBatch): Samples {
    const isList = Array.isArray(value) && value.length > 0 && value.some((part) => typeof part === 'object')
    const [x, y, weight] = (isList ? value : [value]) as [TensorLike, TensorLike?, TensorLike?]
    if (isList && value.length > 3)
      throw new ValueError(`${this.fn}: a data set must yield [x, y] or [x, y, weight], got ${describe(value)}`)
    return toSamples(this.fn, x, y, weight)
  }
}

function iteratorOf(data: DataSet): Iterator<DataBatch> | AsyncIterator<DataBatch> {
  return Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]()
}
