// The training loop: epochs, batches, validation, callbacks, progress. One object per call of `fit`.
// Invariant: at every await the run's position says exactly which batch comes next, so that a save at that moment can be resumed.
import { setImmediate } from 'node:timers/promises'
import { StateError } from '../errors.js'
import { random } from '../ops/random.js'
import { type Program, program } from '../program/program.js'
import type { Tensor } from '../tensor/tensor.js'
import type { BatchParts, BatchRun, BatchSource } from './batches.js'
import { BackupAndRestore } from './callbacks/backup.js'
import { CallbackList } from './callbacks/callback.js'
import { type Compiled, needCompiled } from './compile.js'
import type { FitData } from './data.js'
import { Evaluation } from './evaluate.js'
import { emptyHistory, type History, type Logs, recordEpoch, validationName } from './logs.js'
import { Model } from './model.js'
import type { FitOptions } from './options.js'
import { Pace, Stride } from './pace.js'
import { Progress } from './progress.js'
import { trainStep } from './step.js'
import type { ActiveRun, Snapshot, Trainer } from './trainer.js'
import { classWeightTable } from './weights.js'

export class FitRun implements ActiveRun {
  epoch: number
  batch = 0
  samples = 0
  seed: number | null = null
  history: History = emptyHistory()
  readonly callbacks: CallbackList
  private readonly trainer: Trainer
  private readonly compiled: Compiled
  private readonly pace: Pace
  private readonly stride = new Stride()
  private readonly progress: Progress
  private readonly epochs: number
  private readonly classWeights: Tensor | null
  private source!: BatchSource
  /** Whether a callback is to be called before or after each batch. */
  private readonly everyBatch: boolean
  private readonly step: Program<[BatchParts, number], void>
  /** Sizes of batches that the step is recorded for. */
  private readonly sizes = new Set<number>()
  private readonly validation: Evaluation | null
  /** Whether the first epoch continues one that a saved run had begun. */
  private continued: Snapshot | null = null

  constructor(
    private readonly model: Model,
    private readonly data: FitData,
    private readonly options: FitOptions,
  ) {
    this.trainer = Model.trainerOf(model)
    this.compiled = needCompiled('fit', this.trainer.compiled)
    this.pace = new Pace('fit', options.signal)
    this.callbacks = new CallbackList('fit', options.callbacks ?? [])
    this.everyBatch = this.callbacks.has('onBatchBegin') || this.callbacks.has('onBatchEnd')
    this.epochs = options.epochs ?? 1
    this.epoch = options.initialEpoch ?? 0
    this.classWeights = options.classWeight ? classWeightTable('fit', options.classWeight) : null
    const { signal } = options
    this.step = program((parts: BatchParts, size: number) => this.trainBatch(parts, size), { name: 'fit', signal })
    this.validation = data.validation && new Evaluation('fit', model, this.compiled, data.validation, signal)
    this.progress = new Progress({ stream: options.stream ?? process.stdout, verbose: options.verbose ?? 1, epochs: this.epochs })
  }

  async run(): Promise<History> {
    const { model, trainer } = this
    trainer.begin(this)
    try {
      const saved = await this.restore()
      this.source = this.data.source(this.chooseSeed(saved))
      this.seed = saved ? saved.seed : this.source.seed
      if (saved) this.source.resume?.(saved.seed, saved.epoch, saved.batch)
      await this.train(saved)
    } finally {
      this.progress.clear()
      this.step.dispose()
      this.source?.dispose?.()
      this.validation?.dispose()
      trainer.end()
      model.stopTraining = false
    }
    for (const callback of this.callbacks.all) if (callback instanceof BackupAndRestore) await callback.finished()
    return this.history
  }

  /** The saved run to continue, if any: read by a backup callback, or with the model. */
  private async restore(): Promise<Snapshot | null> {
    for (const callback of this.callbacks.all) {
      const path = callback instanceof BackupAndRestore ? await callback.source() : null
      if (path === null) continue
      await this.model.load(path)
      return this.trainer.saved
    }
    if (!this.options.resume) return null
    if (!this.trainer.saved)
      throw new StateError('fit: there is no training to resume; load a model that was saved while or after it was trained')
    return this.trainer.saved
  }

  private chooseSeed(saved: Snapshot | null): number | null {
    if (saved) return saved.seed
    if (!this.data.shuffled) return null
    return this.options.seed ?? random.integers([], 0, 2 ** 31 - 1).item()
  }

  private async train(saved: Snapshot | null): Promise<void> {
    const { model, callbacks, progress } = this
    const print = (text: string): void => progress.print(text)
    callbacks.begin(model, { epochs: this.epochs, steps: this.source.steps, validation: this.data.validation !== null, print })
    const trained = model.training
    let logs: Logs = {}
    try {
      await callbacks.trainBegin()
      if (saved) this.continueFrom(saved)
      model.train()
      while (this.epoch < this.epochs && !model.stopTraining) logs = await this.runEpoch()
    } finally {
      model.train(trained)
      await callbacks.trainEnd(logs)
    }
  }

  private continueFrom(saved: Snapshot): void {
    this.epoch = saved.epoch
    this.batch = saved.batch
    this.samples = saved.samples
    this.history = { epoch: [...saved.history.epoch], history: structuredClone(saved.history.history) }
    this.callbacks.restore(saved.callbacks)
    random.state.assign(saved.random)
    this.continued = saved
  }

  private async runEpoch(): Promise<Logs> {
    const { epoch, callbacks, progress, compiled } = this
    const firstBatch = this.batch
    await callbacks.epochBegin(epoch)
    this.beginFigures()
    progress.epochBegin(epoch, this.source.steps, firstBatch)
    const before = this.samples
    for await (const run of this.source.runs(epoch, firstBatch, () => this.most)) {
      await this.take(run, before)
      if (this.model.stopTraining) break
    }
    const logs = compiled.training?.logs() ?? {}
    progress.trained()
    if (this.validates(epoch)) Object.assign(logs, await this.validate())
    this.epoch++
    const batches = this.batch
    this.batch = 0
    const samples = this.samples - before
    this.samples = 0
    await callbacks.epochEnd(epoch, logs, () => recordEpoch(this.history, epoch, logs))
    progress.epochEnd(batches - firstBatch, samples, logs)
    return logs
  }

  /** The figures of an epoch start from nothing, or from where a saved epoch stood. */
  private beginFigures(): void {
    const { compiled, continued } = this
    compiled.training?.reset()
    if (this.batch > 0 && continued?.tracker) {
      compiled.training = compiled.newTracker(continued.tracker.outputShape)
      compiled.training.setState(continued.tracker)
    }
    this.continued = null
  }

  private trainBatch(parts: BatchParts, size: number): void {
    trainStep(this.model, this.compiled, () => this.source.read(parts, size), this.classWeights)
  }

  /** How many batches may pass before JavaScript wakes up. */
  private get most(): number {
    return this.everyBatch || this.model.runEagerly ? 1 : this.stride.steps
  }

  /** Makes weights, recording and its memory ahead, with turns of the event loop between. */
  private async prepare(parts: BatchParts, size: number): Promise<void> {
    if (this.sizes.size === 0) for (const _ of this.model.building(this.source.like(parts).shape)) await setImmediate()
    await this.step.prepare(parts, size)
    this.sizes.add(size)
  }

  private async take({ parts, size, count }: BatchRun, samplesBefore: number): Promise<void> {
    const { callbacks, progress, compiled, model } = this
    if (callbacks.has('onBatchBegin')) await callbacks.batchBegin(this.batch)
    if (!model.runEagerly && !this.sizes.has(size)) await this.prepare(parts, size)
    const counted = (): number => compiled.training?.count ?? 0
    const [before, start] = [counted(), performance.now()]
    try {
      if (model.runEagerly) this.trainBatch(parts, size)
      else await this.step.repeat(count, parts, size)
    } finally {
      // Steps that an abort or a bad sample cut short are counted as far as they came.
      const samples = counted() - before
      this.samples += samples
      this.batch += samples / size
    }
    this.stride.took(count, performance.now() - start)
    const figures = (): Logs => compiled.training?.logs() ?? {}
    if (callbacks.has('onBatchEnd')) await callbacks.batchEnd(this.batch - 1, figures())
    if (progress.due) progress.draw(this.batch, this.samples - samplesBefore, figures())
    await this.pace.breathe()
  }

  private validates(epoch: number): boolean {
    const { validationFreq = 1 } = this.options
    return this.data.validation !== null && (epoch + 1) % validationFreq === 0
  }

  private async validate(): Promise<Logs> {
    const logs = await (this.validation as Evaluation).run(this.pace)
    return Object.fromEntries(Object.entries(logs).map(([name, value]) => [validationName(name), value]))
  }
}
