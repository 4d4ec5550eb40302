// Stops training when a figure no longer improves. Rules and defaults are those of Keras 3.
import { checkOptions, ValueError, wrongArgument } from '../../errors.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Logs } from '../logs.js'
import { figure } from '../progress.js'
import { Callback } from './callback.js'
import { nonNegativeInteger } from './checks.js'
import { Monitor, type MonitorMode } from './monitor.js'

/** Options of `earlyStopping`. */
export interface EarlyStoppingOptions {
  /** Figure to watch. Default 'valLoss'. */
  monitor?: string
  /** A change of at most this much is no improvement. Default 0. */
  minDelta?: number
  /** Epochs without improvement before training stops. Default 0. */
  patience?: number
  /** Default 'auto'. */
  mode?: MonitorMode
  /** A value that must be beaten for an epoch to count as one with improvement. Default null. */
  baseline?: number | null
  /** Go back to the weights of the best epoch when training ends. Default false. */
  restoreBestWeights?: boolean
  /** Epochs before this one are not looked at. Default 0. */
  startFromEpoch?: number
  /** 1 prints a line when it acts. Default 0. */
  verbose?: 0 | 1
}

const names = ['monitor', 'minDelta', 'patience', 'mode', 'baseline', 'restoreBestWeights', 'startFromEpoch', 'verbose']

/** Ends training after `patience` epochs without improvement. */
export class EarlyStopping extends Callback {
  private readonly options: Required<EarlyStoppingOptions>
  private readonly monitor: Monitor
  private wait = 0
  private bestEpoch = -1
  private bestWeights: Record<string, Tensor> | null = null

  constructor(options: EarlyStoppingOptions = {}) {
    super()
    checkOptions('earlyStopping', options, names)
    this.options = {
      monitor: 'valLoss',
      minDelta: 0,
      patience: 0,
      mode: 'auto',
      baseline: null,
      restoreBestWeights: false,
      startFromEpoch: 0,
      verbose: 0,
      ...options,
    }
    const { monitor, mode, minDelta, patience, startFromEpoch, baseline } = this.options
    nonNegativeInteger('earlyStopping', 'patience', patience)
    nonNegativeInteger('earlyStopping', 'startFromEpoch', startFromEpoch)
    if (baseline !== null && !Number.isFinite(baseline))
      throw new ValueError(wrongArgument('earlyStopping', 'baseline', 'a finite number or null', baseline))
    this.monitor = new Monitor('earlyStopping', monitor, mode, minDelta)
  }

  /** Number of the best epoch so far, -1 before there is one. */
  get best(): number {
    return this.bestEpoch
  }

  override onTrainBegin(): void {
    this.monitor.reset()
    this.wait = 0
    this.bestEpoch = -1
    this.bestWeights = null
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.monitor.read(logs, this.run.validation)
    if (value === undefined || epoch < this.options.startFromEpoch) return
    const { restoreBestWeights, baseline, patience } = this.options
    if (restoreBestWeights && !this.bestWeights) this.keep(epoch)
    this.wait++
    if (this.monitor.improves(value)) {
      this.monitor.best = value
      this.keep(epoch)
      if (baseline === null || this.monitor.improves(value, baseline)) this.wait = 0
      return
    }
    if (this.wait >= patience && epoch > 0) {
      this.model.stopTraining = true
      if (this.options.verbose)
        this.run.print(`earlyStopping: ${this.monitor.name} has not improved since epoch ${this.bestEpoch + 1}`)
    }
  }

  override onTrainEnd(): void {
    if (!this.bestWeights) return
    this.model.loadState(this.bestWeights)
    if (this.options.verbose)
      this.run.print(`earlyStopping: weights of epoch ${this.bestEpoch + 1} restored (${figure(this.monitor.best)})`)
    this.bestWeights = null
  }

  private keep(epoch: number): void {
    this.bestEpoch = epoch
    if (this.options.restoreBestWeights) this.bestWeights = this.model.state()
  }

  override getState(): Record<string, unknown> {
    return { best: this.monitor.best, wait: this.wait, bestEpoch: this.bestEpoch }
  }

  override setState({ best, wait, bestEpoch }: Readonly<Record<string, unknown>>): void {
    if (Number.isFinite(best)) this.monitor.best = best as number
    this.wait = nonNegativeInteger('earlyStopping', 'wait', wait)
    this.bestEpoch = Number.isInteger(bestEpoch) ? (bestEpoch as number) : -1
  }

  override getTensors(): Record<string, Tensor> {
    return this.bestWeights ?? {}
  }

  override setTensors(tensors: Readonly<Record<string, Tensor>>): void {
    if (this.options.restoreBestWeights && Object.keys(tensors).length > 0) this.bestWeights = { ...tensors }
  }
}

/** Stops training when a figure has stopped improving; see EarlyStoppingOptions. */
export function earlyStopping(options?: EarlyStoppingOptions): EarlyStopping {
  return new EarlyStopping(options)
}
