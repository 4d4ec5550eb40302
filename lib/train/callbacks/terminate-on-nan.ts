// Stops training at the first batch whose loss is no finite number: everything after it would be lost work.
import type { Logs } from '../logs.js'
import { Callback } from './callback.js'

/** Stops training when the loss becomes NaN or infinite. */
export class TerminateOnNaN extends Callback {
  override onBatchEnd(batch: number, { loss }: Logs): void {
    if (Number.isFinite(loss)) return
    this.model.stopTraining = true
    this.run.print(`terminateOnNaN: batch ${batch}, loss ${loss}; training stops`)
  }
}

/** Stops training when the loss becomes NaN or infinite. Reads the loss after every batch. */
export function terminateOnNaN(): TerminateOnNaN {
  return new TerminateOnNaN()
}
