// Watching one figure: which direction is better, and whether a value is an improvement. Shared by all callbacks that monitor.
import { ValueError, wrongArgument } from '../../errors.js'
import type { Logs } from '../logs.js'

/** 'auto' takes 'max' for accuracies and the like, else 'min'. */
export type MonitorMode = 'auto' | 'min' | 'max'

const rising = /accuracy|auc|precision|recall|f1/i

export class Monitor {
  /** The best value so far; ±Infinity before there is one. */
  best: number
  private readonly sign: 1 | -1

  constructor(
    private readonly fn: string,
    readonly name: string,
    mode: MonitorMode,
    private readonly minDelta = 0,
  ) {
    if (typeof name !== 'string' || name === '') throw new ValueError(wrongArgument(fn, 'monitor', "a figure's name", name))
    if (!['auto', 'min', 'max'].includes(mode)) throw new ValueError(wrongArgument(fn, 'mode', "'auto', 'min' or 'max'", mode))
    if (!Number.isFinite(minDelta)) throw new ValueError(wrongArgument(fn, 'minDelta', 'a finite number', minDelta))
    this.sign = (mode === 'auto' ? rising.test(name) : mode === 'max') ? 1 : -1
    this.best = Number.NEGATIVE_INFINITY * this.sign
  }

  /** Forgets the best value. */
  reset(): void {
    this.best = Number.NEGATIVE_INFINITY * this.sign
  }

  /** The figure's value in this epoch; undefined in epochs that do not measure it (see `validationFreq`). */
  read(logs: Readonly<Logs>, validation: boolean): number | undefined {
    const value = logs[this.name]
    if (value === undefined && !(validation && this.name.startsWith('val'))) {
      const known = Object.keys(logs).join(', ')
      throw new ValueError(`${this.fn}: monitor '${this.name}' is not measured; there are ${known}`)
    }
    return value
  }

  /** Whether `value` beats `reference` by more than minDelta. NaN never does. */
  improves(value: number, reference = this.best): boolean {
    return (value - reference) * this.sign > Math.abs(this.minDelta)
  }
}
