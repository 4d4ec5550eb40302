// What a model knows about its training beside its weights: the compiled state and where the latest run stands.
// Invariant: a snapshot taken between two batches, loaded into an equal model, continues with the same bits.
import { noGrad } from '../autograd/mode.js'
import { StateError } from '../errors.js'
import { clone } from '../ops/cast.js'
import { random } from '../ops/random.js'
import type { Program } from '../program/program.js'
import type { DType } from '../tensor/dtype.js'
import type { Shape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { CallbackList, CallbackState } from './callbacks/callback.js'
import type { Compiled } from './compile.js'
import type { History } from './logs.js'
import type { TrackerState } from './tracker.js'

/** A run between two batches, as it is saved. */
export interface Snapshot {
  /** Number of the epoch to continue in, and of its next batch. */
  readonly epoch: number
  readonly batch: number
  /** Samples seen in this epoch. */
  readonly samples: number
  /** Seed of the random order; null if the order is kept. */
  readonly seed: number | null
  readonly history: History
  /** Figures of the epoch so far; null at its beginning. */
  readonly tracker: TrackerState | null
  readonly callbacks: readonly CallbackState[]
  /** State of the default random generator. */
  readonly random: Tensor
}

/** What a model is fed with: shape of one sample, and type. */
export interface InputSignature {
  readonly shape: Shape
  readonly dtype: DType
}

/** The run in progress, as the trainer needs to see it. */
export interface ActiveRun {
  readonly epoch: number
  readonly batch: number
  readonly samples: number
  readonly seed: number | null
  readonly history: History
  readonly callbacks: CallbackList
}

export class Trainer {
  compiled: Compiled | null = null
  /** What the model was last fed with; null if it has seen nothing. */
  input: InputSignature | null = null
  /** The recorded forward pass of `predict`; null until it is needed, and after anything that may change what it does. */
  predictor: Program<[Tensor], Tensor> | null = null
  /** The run in progress. */
  active: ActiveRun | null = null
  /** The state of a run that has ended, or that was read from a file. */
  saved: Snapshot | null = null

  /** The run in progress, or else the latest one; null if there was none. */
  snapshot(): Snapshot | null {
    return this.active ? this.snapshotOf(this.active) : this.saved
  }

  private snapshotOf({ epoch, batch, samples, seed, history, callbacks }: ActiveRun): Snapshot {
    const tracker = batch > 0 ? (this.compiled?.training?.getState() ?? null) : null
    const copied = { epoch: [...history.epoch], history: structuredClone(history.history) }
    return {
      epoch,
      batch,
      samples,
      seed,
      history: copied,
      tracker,
      callbacks: callbacks.states(),
      random: noGrad(() => clone(random.state)),
    }
  }

  /** Lets go of what was recorded of the model. */
  forget(): void {
    this.predictor?.dispose()
    this.predictor = null
  }

  /** Marks the beginning of a run; a second one at the same time is refused. */
  begin(run: ActiveRun): void {
    if (this.active) throw new StateError('fit: the model is being trained already; await the first fit before the next')
    this.forget()
    this.active = run
  }

  end(): void {
    this.saved = this.snapshot()
    this.active = null
  }
}
