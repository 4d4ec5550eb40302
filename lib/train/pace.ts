// Gives the event loop its turns during long work, and notices when the work is to stop.
import { setImmediate } from 'node:timers/promises'
import { ValueError, wrongArgument } from '../errors.js'

const turnMilliseconds = 10

export class Pace {
  private last = performance.now()

  constructor(
    fn: string,
    private readonly signal: AbortSignal | undefined,
  ) {
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new ValueError(wrongArgument(fn, 'signal', 'an AbortSignal', signal))
    signal?.throwIfAborted()
  }

  /** Lets timers and input be served if 10 ms have passed since they last were; throws the signal's reason if it was aborted. */
  async breathe(): Promise<void> {
    if (performance.now() - this.last >= turnMilliseconds) {
      await setImmediate()
      this.last = performance.now()
    }
    this.signal?.throwIfAborted()
  }
}
