// Gives the event loop its turns during long work, and notices when the work is to stop. Invariant: JavaScript wakes up for a signal at once, and
// for everything else about every 20 ms, however short the steps are.
import { setImmediate } from 'node:timers/promises'
import { ValueError, wrongArgument } from '../errors.js'

const turnMilliseconds = 10
const wakeMilliseconds = 20

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

/** How many steps to run before JavaScript wakes up. Learnt from the time that steps took; one at first. */
export class Stride {
  private stepMilliseconds = wakeMilliseconds

  get steps(): number {
    return Math.max(1, Math.floor(wakeMilliseconds / this.stepMilliseconds))
  }

  /** Takes account of `steps` that have run. A first step that was recorded, or a last one that is smaller, misleads for a moment only. */
  took(steps: number, milliseconds: number): void {
    this.stepMilliseconds = Math.max(milliseconds / steps, this.stepMilliseconds / 2, 1e-3)
  }
}
