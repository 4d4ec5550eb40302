// Batches of arrays, gathered by the step itself: the epoch's order of the samples and the place of the next batch are state, so that a
// recorded step takes any number of batches without JavaScript. Invariant: every batch that is read moves the place on by its size.
import { formula } from '../ops/elementwise.js'
import { gather } from '../ops/gather.js'
import { Generator } from '../ops/random.js'
import { slice } from '../ops/slice.js'
import { type Program, program } from '../program/program.js'
import { arange, full, tensor, zeros } from '../tensor/creation.js'
import { type Tensor, Variable } from '../tensor/tensor.js'
import type { Batch, BatchParts, BatchRun, BatchSource, Samples } from './batches.js'

const state = { trainable: false } as const
const sum = formula('batchPositions', 2, (offset, place) => offset.add(place))

/** The samples in an order that is random in each epoch, or in their own. The last batch may be smaller. */
export class ArraySource implements BatchSource {
  readonly steps: number
  private readonly count: number
  /** Position in the order of the first sample of the next batch. */
  private readonly place = new Variable(zeros([1], 'int32'), { ...state, name: 'place' })
  private readonly offsets: Tensor
  private readonly order: Variable | null
  private readonly generator: Generator | null
  private readonly shuffle: Program<[], void>

  /** @param seed of the random order; null keeps the order of the samples */
  constructor(
    private readonly samples: Samples,
    private readonly batchSize: number,
    readonly seed: number | null,
    maxSteps = Number.POSITIVE_INFINITY,
  ) {
    this.count = samples.x.shape[0] as number
    this.steps = Math.min(Math.ceil(this.count / batchSize), maxSteps)
    this.offsets = arange(0, Math.min(batchSize, this.count), 1, 'int32')
    this.generator = seed === null ? null : new Generator(seed)
    this.order = seed === null ? null : new Variable(zeros([this.count], 'int32'), { ...state, name: 'order' })
    this.shuffle = program(() => void this.order?.assign((this.generator as Generator).permutation(this.count)), {
      name: 'shuffle',
    })
  }

  async *runs(epoch: number, start: number, most: () => number): AsyncIterable<BatchRun> {
    await this.begin(epoch, start)
    const whole = Math.min(this.steps, Math.floor(this.count / this.batchSize))
    for (let step = start; step < this.steps; ) {
      const size = Math.min(this.batchSize, this.count - step * this.batchSize)
      const count = Math.max(1, Math.min(most(), whole - step))
      yield { parts: [], size, count }
      step += count
    }
  }

  read(_parts: BatchParts, size: number): Batch {
    const [positions] = sum.apply([slice(this.offsets, 0, size), this.place]) as [Tensor]
    sum.assign([this.place], [this.place, full([1], size, 'int32')])
    const rows = this.order ? gather(this.order, positions) : positions
    const { x, y, weight } = this.samples
    return { x: gather(x, rows), y: y && gather(y, rows), weight: weight && gather(weight, rows), size }
  }

  like(): Tensor {
    return this.samples.x
  }

  *inputs(): Iterable<Tensor> {
    const end = Math.min(this.count, this.steps * this.batchSize)
    for (let begin = 0; begin < end; begin += this.batchSize)
      yield slice(this.samples.x, begin, Math.min(this.batchSize, end - begin))
  }

  dispose(): void {
    this.shuffle.dispose()
    this.place.dispose()
    this.order?.dispose()
  }

  /** The upper half of the generator's counter is the epoch, so the streams of epochs never overlap. */
  private async begin(epoch: number, start: number): Promise<void> {
    this.place.assign(tensor([start * this.batchSize], [1], 'int32'))
    if (!this.generator || this.seed === null) return
    this.generator.state.assign(tensor([this.seed | 0, Math.floor(this.seed / 2 ** 32) | 0, 0, epoch], [4], 'int32'))
    await this.shuffle()
  }
}
