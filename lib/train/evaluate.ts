// Evaluation and prediction over batches: recorded once, run off the event loop.
import { ValueError } from '../errors.js'
import { type Program, program } from '../program/program.js'
import type { Tensor } from '../tensor/tensor.js'
import type { BatchParts, BatchSource } from './batches.js'
import type { Compiled } from './compile.js'
import type { Logs } from './logs.js'
import { Model } from './model.js'
import type { Pace } from './pace.js'
import { evaluationStep, predictionStep, withMode } from './step.js'
import type { Tracker } from './tracker.js'

/** Loss and metrics of a model over a source, any number of times. */
export class Evaluation {
  private tracker: Tracker | null = null
  private readonly step: Program<[BatchParts], void>

  constructor(
    private readonly fn: string,
    private readonly model: Model,
    private readonly compiled: Compiled,
    private readonly source: BatchSource,
  ) {
    this.step = program((parts: BatchParts) => this.evaluate(parts), { name: fn })
  }

  private evaluate(parts: BatchParts): void {
    evaluationStep(
      this.fn,
      this.model,
      this.compiled,
      () => this.source.toBatch(parts),
      (shape) => {
        this.tracker ??= this.compiled.newTracker(shape)
        return this.tracker
      },
    )
  }

  async run(pace: Pace): Promise<Logs> {
    this.tracker?.reset()
    let batches = 0
    for await (const read of this.source.batches(0, 0)) {
      const parts = read()
      await withMode(this.model, false, () => (this.model.runEagerly ? this.evaluate(parts) : this.step(parts)))
      this.tracker?.add(parts[0].shape[0] as number)
      batches++
      await pace.breathe()
    }
    if (!this.tracker || batches === 0) throw new ValueError(`${this.fn}: there is nothing to evaluate: the data has no batches`)
    return this.tracker.logs()
  }

  dispose(): void {
    this.step.dispose()
  }
}

/** The prediction for each batch of a source. */
export async function* predictions(model: Model, source: BatchSource, pace: Pace): AsyncGenerator<Tensor> {
  const trainer = Model.trainerOf(model)
  trainer.predictor ??= program((x: Tensor) => predictionStep(model, x), { name: 'predict' })
  const { predictor } = trainer
  for await (const read of source.batches(0, 0)) {
    const [x] = read()
    yield await withMode(model, false, () => (model.runEagerly ? predictionStep(model, x) : predictor(x)))
    await pace.breathe()
  }
}
