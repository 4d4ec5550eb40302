// Callbacks that change the learning rate: by a function of the epoch, or when a figure has stopped improving.
import { checkOptions, ValueError, wrongArgument } from '../../errors.js'
import type { Logs } from '../logs.js'
import { Callback } from './callback.js'
import { nonNegativeInteger } from './checks.js'
import { Monitor, type MonitorMode } from './monitor.js'

/** The learning rate of an epoch (from 0), given the one in use. */
export type LearningRateFunction = (epoch: number, learningRate: number) => number

/** Options of `learningRateScheduler`. */
export interface LearningRateSchedulerOptions {
  /** 1 prints the learning rate of each epoch. Default 0. */
  verbose?: 0 | 1
}

/** Sets the learning rate at the beginning of each epoch. */
export class LearningRateScheduler extends Callback {
  constructor(
    private readonly schedule: LearningRateFunction,
    private readonly options: LearningRateSchedulerOptions = {},
  ) {
    super()
    if (typeof schedule !== 'function')
      throw new ValueError(
        wrongArgument('learningRateScheduler', 'schedule', 'a function (epoch, learningRate) => number', schedule),
      )
    checkOptions('learningRateScheduler', options, ['verbose'])
  }

  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model
    const next = this.schedule(epoch, optimizer.learningRate)
    if (!Number.isFinite(next) || next < 0)
      throw new ValueError(
        wrongArgument('learningRateScheduler', 'schedule', 'a function that returns a non-negative number', next),
      )
    optimizer.learningRate = next
    if (this.options.verbose) this.run.print(`learningRateScheduler: epoch ${epoch + 1}, learning rate ${next}`)
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learningRate = this.model.optimizer.learningRate
  }
}

/** Sets the learning rate of each epoch from a function. */
export function learningRateScheduler(
  schedule: LearningRateFunction,
  options?: LearningRateSchedulerOptions,
): LearningRateScheduler {
  return new LearningRateScheduler(schedule, options)
}

/** Options of `reduceLROnPlateau`; rules and defaults are those of Keras 3. */
export interface ReduceLROnPlateauOptions {
  /** Figure to watch. Default 'valLoss'. */
  monitor?: string
  /** The learning rate is multiplied by this. Default 0.1. */
  factor?: number
  /** Epochs without improvement before it is. Default 10. */
  patience?: number
  /** Default 'auto'. */
  mode?: MonitorMode
  /** A change of at most this much is no improvement. Default 1e-4. */
  minDelta?: number
  /** Epochs to wait after a reduction before watching again. Default 0. */
  cooldown?: number
  /** Lower bound. Default 0. */
  minLR?: number
  /** 1 prints a line per reduction. Default 0. */
  verbose?: 0 | 1
}

const names = ['monitor', 'factor', 'patience', 'mode', 'minDelta', 'cooldown', 'minLR', 'verbose']

/** Reduces the learning rate when a figure has stopped improving. */
export class ReduceLROnPlateau extends Callback {
  private readonly options: Required<ReduceLROnPlateauOptions>
  private readonly monitor: Monitor
  private wait = 0
  private cooling = 0

  constructor(options: ReduceLROnPlateauOptions = {}) {
    super()
    checkOptions('reduceLROnPlateau', options, names)
    this.options = {
      monitor: 'valLoss',
      factor: 0.1,
      patience: 10,
      mode: 'auto',
      minDelta: 1e-4,
      cooldown: 0,
      minLR: 0,
      verbose: 0,
      ...options,
    }
    const { monitor, mode, minDelta, factor, patience, cooldown, minLR } = this.options
    if (!(factor > 0 && factor < 1))
      throw new ValueError(wrongArgument('reduceLROnPlateau', 'factor', 'a number between 0 and 1', factor))
    if (!(Number.isFinite(minLR) && minLR >= 0))
      throw new ValueError(wrongArgument('reduceLROnPlateau', 'minLR', 'a non-negative number', minLR))
    nonNegativeInteger('reduceLROnPlateau', 'patience', patience)
    nonNegativeInteger('reduceLROnPlateau', 'cooldown', cooldown)
    this.monitor = new Monitor('reduceLROnPlateau', monitor, mode, minDelta)
  }

  override onTrainBegin(): void {
    this.monitor.reset()
    this.wait = 0
    this.cooling = 0
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { optimizer } = this.model
    logs.learningRate = optimizer.learningRate
    const value = this.monitor.read(logs, this.run.validation)
    if (value === undefined) return
    if (this.cooling > 0) {
      this.cooling--
      this.wait = 0
    }
    if (this.monitor.improves(value)) {
      this.monitor.best = value
      this.wait = 0
    } else if (this.cooling === 0 && ++this.wait >= this.options.patience) this.reduce(epoch)
  }

  private reduce(epoch: number): void {
    const { optimizer } = this.model
    const { factor, minLR, cooldown, verbose } = this.options
    if (optimizer.learningRate <= Math.fround(minLR)) return
    optimizer.learningRate = Math.max(optimizer.learningRate * factor, minLR)
    this.cooling = cooldown
    this.wait = 0
    if (verbose) this.run.print(`reduceLROnPlateau: epoch ${epoch + 1}, learning rate ${optimizer.learningRate}`)
  }

  override getState(): Record<string, unknown> {
    return { best: this.monitor.best, wait: this.wait, cooling: this.cooling }
  }

  override setState({ best, wait, cooling }: Readonly<Record<string, unknown>>): void {
    if (Number.isFinite(best)) this.monitor.best = best as number
    this.wait = nonNegativeInteger('reduceLROnPlateau', 'wait', wait)
    this.cooling = nonNegativeInteger('reduceLROnPlateau', 'cooling', cooling)
  }
}

/** Reduces the learning rate when a figure has stopped improving; see ReduceLROnPlateauOptions. */
export function reduceLROnPlateau(options?: ReduceLROnPlateauOptions): ReduceLROnPlateau {
  return new ReduceLROnPlateau(options)
}
