// Evaluation and prediction over batches: recorded once, run off the event loop.
import { ValueError } from '../errors.js'
import { type Program, program } from '../program/program.js'
import type { Tensor } from '../tensor/tensor.js'
import type { BatchParts, BatchSource } from './batches.js'
import type { Compiled } from './compile.js'
import type { Logs } from './logs.js'
import { Model } from './model.js'
import { type Pace, Stride } from './pace.js'
import { evaluationStep, predictionStep, withMode } from './step.js'
import type { Tracker } from './tracker.js'

/** Loss and metrics of a model over a source, any number of times. */
export class Evaluation {
  private tracker: Tracker | null = null
  private readonly stride = new Stride()
  private readonly step: Program<[BatchParts, number], void>

  constructor(
    private readonly fn: string,
    private readonly model: Model,
    private readonly compiled: Compiled,
    private readonly source: BatchSource,
    signal: AbortSignal | undefined,
  ) {
    this.step = program((parts: BatchParts, size: number) => this.evaluate(parts, size), { name: fn, signal })
  }

  private evaluate(parts: BatchParts, size: number): void {
    evaluationStep(
      this.fn,
      this.model,
      this.compiled,
      () => this.source.read(parts, size),
      (shape) => {
        this.tracker ??= this.compiled.newTracker(shape)
        return this.tracker
      },
    )
  }

  async run(pace: Pace): Promise<Logs> {
    const { model, tracker } = this
    tracker?.reset()
    const most = (): number => (model.runEagerly ? 1 : this.stride.steps)
    for await (const { parts, size, count } of this.source.runs(0, 0, most)) {
      const start = performance.now()
      await withMode(model, false, () => (model.runEagerly ? this.evaluate(parts, size) : this.step.repeat(count, parts, size)))
      this.stride.took(count, performance.now() - start)
      await pace.breathe()
    }
    if (!this.tracker || this.tracker.count === 0)
      throw new ValueError(`${this.fn}: there is nothing to evaluate: the data has no batches`)
    return this.tracker.logs()
  }

  dispose(): void {
    this.step.dispose()
    this.source.dispose?.()
  }
}

/** The prediction for each batch of a source, by the model as it is when the batch's turn comes. */
export async function* predictions(model: Model, source: BatchSource, pace: Pace): AsyncGenerator<Tensor> {
  const trainer = Model.trainerOf(model)
  // Asked for at each batch: between two of them the model may be compiled, trained or changed, which disposes of the recording.
  const predictor = (): Program<[Tensor], Tensor> => {
    trainer.predictor ??= program((x: Tensor) => predictionStep(model, x), { name: 'predict' })
    return trainer.predictor
  }
  for await (const x of source.inputs()) {
    yield await withMode(model, false, () => (model.runEagerly ? predictionStep(model, x) : predictor()(x)))
    await pace.breathe()
  }
}
