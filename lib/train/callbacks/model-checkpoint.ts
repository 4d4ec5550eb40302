// Saves the model while it trains. Rules and defaults are those of Keras 3; the file is that of `model.save`, written atomically.
import { checkOptions, ValueError, wrongArgument } from '../../errors.js'
import type { Logs } from '../logs.js'
import { figure } from '../progress.js'
import { SavingCallback } from './callback.js'
import { filePath, saveFrequency } from './checks.js'
import { Monitor, type MonitorMode } from './monitor.js'

/** Options of `modelCheckpoint`. */
export interface ModelCheckpointOptions {
  /** Where to save. `{epoch}` and names of figures are filled in, with a format if wanted: `runs/{epoch:02d}-{valLoss:.3f}.safetensors`. */
  filepath: string
  /** Figure that decides what is best. Default 'valLoss'. */
  monitor?: string
  /** Save only when the figure has improved. Default false. */
  saveBestOnly?: boolean
  /** Save with `saveWeights` instead of `save`. Default false. */
  saveWeightsOnly?: boolean
  /** Default 'auto'. */
  mode?: MonitorMode
  /** After each epoch, or after every so many batches (counted over the whole run). Default 'epoch'. */
  saveFreq?: 'epoch' | number
  /** The value that the first save must beat, with saveBestOnly. Default null. */
  initialValueThreshold?: number | null
  /** 1 prints a line per save. Default 0. */
  verbose?: 0 | 1
}

const names = ['filepath', 'monitor', 'saveBestOnly', 'saveWeightsOnly', 'mode', 'saveFreq', 'initialValueThreshold', 'verbose']

/** Saves the model after epochs or batches. */
export class ModelCheckpoint extends SavingCallback {
  private readonly options: Required<ModelCheckpointOptions>
  private readonly monitor: Monitor
  private batches = 0
  private epoch = 0

  constructor(options: ModelCheckpointOptions) {
    super()
    checkOptions('modelCheckpoint', options, names)
    this.options = {
      monitor: 'valLoss',
      saveBestOnly: false,
      saveWeightsOnly: false,
      mode: 'auto',
      saveFreq: 'epoch',
      initialValueThreshold: null,
      verbose: 0,
      ...options,
    }
    const { filepath, saveFreq, monitor, mode, initialValueThreshold } = this.options
    filePath('modelCheckpoint', 'filepath', filepath)
    saveFrequency('modelCheckpoint', saveFreq)
    if (saveFreq !== 'epoch' || filepath.includes('{batch')) this.onBatchEnd = this.countBatch
    this.monitor = new Monitor('modelCheckpoint', monitor, mode)
    if (initialValueThreshold !== null) {
      if (!Number.isFinite(initialValueThreshold))
        throw new ValueError(
          wrongArgument('modelCheckpoint', 'initialValueThreshold', 'a finite number or null', initialValueThreshold),
        )
      this.monitor.best = initialValueThreshold
    }
  }

  override onEpochBegin(epoch: number): void {
    this.epoch = epoch
  }

  private async countBatch(_batch: number, logs: Logs): Promise<void> {
    this.batches++
    const { saveFreq } = this.options
    if (saveFreq !== 'epoch' && this.batches % saveFreq === 0) await this.save(logs)
  }

  override async onEpochEnd(_epoch: number, logs: Logs): Promise<void> {
    if (this.options.saveFreq === 'epoch') await this.save(logs)
  }

  private async save(logs: Logs): Promise<void> {
    const { filepath, saveBestOnly, saveWeightsOnly, verbose } = this.options
    if (saveBestOnly) {
      const value = this.monitor.read(logs, this.run.validation)
      if (value === undefined || !this.monitor.improves(value)) return
      this.monitor.best = value
    }
    const path = fillIn(filepath, { epoch: this.epoch + 1, batch: this.batches, ...logs })
    if (saveWeightsOnly) await this.model.saveWeights(path)
    else await this.model.save(path)
    if (verbose)
      this.run.print(`modelCheckpoint: ${path} saved${saveBestOnly ? `, ${this.monitor.name} ${figure(this.monitor.best)}` : ''}`)
  }

  override getState(): Record<string, unknown> {
    return { best: this.monitor.best, batches: this.batches }
  }

  override setState({ best, batches }: Readonly<Record<string, unknown>>): void {
    if (Number.isFinite(best)) this.monitor.best = best as number
    if (Number.isSafeInteger(batches)) this.batches = batches as number
  }
}

/** Fills `{name}`, `{name:03d}` and `{name:.4f}` in a path. */
function fillIn(template: string, values: Readonly<Record<string, number>>): string {
  return template.replace(/\{(\w+)(?::(0?)(\d*)(?:\.(\d+))?([df]?))?\}/g, (whole, name: string, zero, width, digits, kind) => {
    const value = values[name]
    if (value === undefined)
      throw new ValueError(`modelCheckpoint: filepath names ${whole}, but there are only ${Object.keys(values).join(', ')}`)
    const text = kind === 'f' || digits !== undefined ? value.toFixed(digits === undefined ? 6 : Number(digits)) : String(value)
    return text.padStart(Number(width || 0), zero ? '0' : ' ')
  })
}

/** Saves the model while it trains; see ModelCheckpointOptions. */
export function modelCheckpoint(options: ModelCheckpointOptions): ModelCheckpoint {
  return new ModelCheckpoint(options)
}
