// What a callback is, and how `fit` runs them. Invariant: callbacks run in the order given, but for those that save, which run last and so
// save what the others have done.
import { inNameOf, ValueError, wrongArgument } from '../../errors.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Logs } from '../logs.js'
import type { Model } from '../model.js'

/** Facts about a run, the same for all of its callbacks. */
export interface RunParameters {
  readonly epochs: number
  /** Batches of an epoch, null if only iterating tells. */
  readonly steps: number | null
  readonly validation: boolean
  /** Writes a line where the progress goes; silent with `verbose: 0`. */
  print(text: string): void
}

/** The moments at which callbacks are called. Epochs and batches count from 0; `fit` waits for returned promises. */
export interface Hooks {
  onTrainBegin?(): void | Promise<void>
  /** Also called when training was aborted or failed. */
  onTrainEnd?(logs: Logs): void | Promise<void>
  onEpochBegin?(epoch: number): void | Promise<void>
  /** `logs` may be added to; the history receives what is there after all callbacks. */
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>
  onBatchBegin?(batch: number): void | Promise<void>
  /** `logs` are the figures of the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>
}

/** Base class of callbacks: override the hooks that matter. Setting `this.model.stopTraining` ends training after the batch or epoch. */
export abstract class Callback implements Hooks {
  /** The model being trained; set before `onTrainBegin`. */
  model!: Model
  /** Facts about the run; set before `onTrainBegin`. */
  run!: RunParameters

  onTrainBegin?(): void | Promise<void>
  onTrainEnd?(logs: Logs): void | Promise<void>
  onEpochBegin?(epoch: number): void | Promise<void>
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>
  onBatchBegin?(batch: number): void | Promise<void>
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>

  /** What must be saved so that a resumed run continues as this one would; plain data. */
  getState?(): Record<string, unknown>
  setState?(state: Readonly<Record<string, unknown>>): void
  /** The same for tensors. */
  getTensors?(): Record<string, Tensor>
  setTensors?(tensors: Readonly<Record<string, Tensor>>): void
}

class LambdaCallback extends Callback {
  constructor(hooks: Hooks) {
    super()
    Object.assign(this, hooks)
  }
}

const hookNames = ['onTrainBegin', 'onTrainEnd', 'onEpochBegin', 'onEpochEnd', 'onBatchBegin', 'onBatchEnd'] as const

/** A callback from functions: `lambda({ onEpochEnd: (epoch, logs) => … })`. */
export function lambda(hooks: Hooks): Callback {
  if (typeof hooks !== 'object' || hooks === null)
    throw new ValueError(wrongArgument('lambda', 'hooks', 'an object of functions', hooks))
  for (const [name, hook] of Object.entries(hooks)) {
    if (!hookNames.includes(name as (typeof hookNames)[number]))
      throw new ValueError(`lambda: unknown hook '${name}'; it takes ${hookNames.join(', ')}`)
    if (typeof hook !== 'function') throw new ValueError(wrongArgument('lambda', name, 'a function', hook))
  }
  return new LambdaCallback(hooks)
}

/** Callbacks that write files, so that they run after all others. */
export abstract class SavingCallback extends Callback {}

/** What one callback saves. */
export interface CallbackState {
  readonly state: Readonly<Record<string, unknown>> | null
  readonly tensors: Readonly<Record<string, Tensor>>
}

type HookName = (typeof hookNames)[number]

/** The callbacks of one run, by hook, so that a hook which nobody has costs nothing. */
export class CallbackList {
  readonly all: readonly Callback[]

  constructor(fn: string, given: readonly (Callback | Hooks)[]) {
    if (!Array.isArray(given)) throw new ValueError(wrongArgument(fn, 'callbacks', 'an array of callbacks', given))
    const made = given.map((item) => (item instanceof Callback ? item : inNameOf(fn, 'lambda', () => lambda(item))))
    this.all = [
      ...made.filter((item) => !(item instanceof SavingCallback)),
      ...made.filter((item) => item instanceof SavingCallback),
    ]
  }

  begin(model: Model, run: RunParameters): void {
    for (const callback of this.all) {
      callback.model = model
      callback.run = run
    }
  }

  has(hook: HookName): boolean {
    return this.all.some((callback) => callback[hook] !== undefined)
  }

  async trainBegin(): Promise<void> {
    for (const callback of this.all) await callback.onTrainBegin?.()
  }

  async trainEnd(logs: Logs): Promise<void> {
    for (const callback of this.all) await callback.onTrainEnd?.(logs)
  }

  async epochBegin(epoch: number): Promise<void> {
    for (const callback of this.all) await callback.onEpochBegin?.(epoch)
  }

  /** Runs the hooks of the plain callbacks, then `record`, then the hooks of those that save. */
  async epochEnd(epoch: number, logs: Logs, record: () => void): Promise<void> {
    for (const callback of this.all) if (!(callback instanceof SavingCallback)) await callback.onEpochEnd?.(epoch, logs)
    record()
    for (const callback of this.all) if (callback instanceof SavingCallback) await callback.onEpochEnd?.(epoch, logs)
  }

  async batchBegin(batch: number): Promise<void> {
    for (const callback of this.all) await callback.onBatchBegin?.(batch)
  }

  async batchEnd(batch: number, logs: Logs): Promise<void> {
    for (const callback of this.all) await callback.onBatchEnd?.(batch, logs)
  }

  /** States for a saved run, in order; null for a callback without any. */
  states(): CallbackState[] {
    return this.all.map((callback) => ({ state: callback.getState?.() ?? null, tensors: callback.getTensors?.() ?? {} }))
  }

  /** Restores the states of a saved run, where it had the same callbacks in the same order. */
  restore(states: readonly CallbackState[]): void {
    this.all.forEach((callback, i) => {
      const saved = states[i]
      if (saved?.state) callback.setState?.(saved.state)
      if (saved) callback.setTensors?.(saved.tensors)
    })
  }
}
