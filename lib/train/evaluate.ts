// Evaluation and prediction over batches; the event loop gets its turns between them.
import { ValueError } from '../errors.js'
import type { Tensor } from '../tensor/tensor.js'
import type { BatchSource } from './batches.js'
import type { Compiled } from './compile.js'
import type { Logs } from './logs.js'
import type { Model } from './model.js'
import type { Pace } from './pace.js'
import { evaluationStep, predictionStep } from './step.js'
import type { Tracker } from './tracker.js'

/** Loss and metrics over all batches of a source. */
export async function evaluateSource(
  fn: string,
  model: Model,
  compiled: Compiled,
  source: BatchSource,
  pace: Pace,
): Promise<Logs> {
  let tracker: Tracker | null = null
  for await (const read of source.batches(0, 0)) {
    tracker = evaluationStep(fn, model, compiled, read, tracker)
    await pace.breathe()
  }
  if (!tracker) throw new ValueError(`${fn}: there is nothing to evaluate: the data has no batches`)
  return tracker.logs()
}

/** The prediction for each batch of a source. */
export async function* predictions(model: Model, source: BatchSource, pace: Pace): AsyncGenerator<Tensor> {
  for await (const read of source.batches(0, 0)) {
    yield predictionStep(model, read)
    await pace.breathe()
  }
}
