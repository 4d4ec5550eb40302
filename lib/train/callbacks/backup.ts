// Lets a run survive the end of its process: saves everything at intervals, and continues from there when the program is started again.
import { rm, stat } from 'node:fs/promises'
import { checkOptions } from '../../errors.js'
import { SavingCallback } from './callback.js'
import { filePath, saveFrequency } from './checks.js'

/** Options of `backupAndRestore`. */
export interface BackupAndRestoreOptions {
  /** The file; its folder must exist. */
  filepath: string
  /** After each epoch, or after every so many batches. Default 'epoch'. */
  saveFreq?: 'epoch' | number
  /** Remove the file when training ends normally. Default true. */
  deleteCheckpoint?: boolean
}

/**
 * Saves the whole state of training at intervals. When `fit` begins and the file is there, training continues from it, bit for bit as if
 * it had never stopped, provided that data and options are the same.
 */
export class BackupAndRestore extends SavingCallback {
  private readonly options: Required<BackupAndRestoreOptions>
  private batches = 0

  constructor(options: BackupAndRestoreOptions) {
    super()
    checkOptions('backupAndRestore', options, ['filepath', 'saveFreq', 'deleteCheckpoint'])
    this.options = { saveFreq: 'epoch', deleteCheckpoint: true, ...options }
    filePath('backupAndRestore', 'filepath', this.options.filepath)
    saveFrequency('backupAndRestore', this.options.saveFreq)
    if (this.options.saveFreq !== 'epoch') this.onBatchEnd = this.countBatch
  }

  /** The file to continue from, if there is one. */
  async source(): Promise<string | null> {
    const { filepath } = this.options
    const found = await stat(filepath).catch(() => null)
    return found ? filepath : null
  }

  private async countBatch(): Promise<void> {
    this.batches++
    const { saveFreq, filepath } = this.options
    if (saveFreq !== 'epoch' && this.batches % saveFreq === 0) await this.model.save(filepath)
  }

  override async onEpochEnd(): Promise<void> {
    if (this.options.saveFreq === 'epoch') await this.model.save(this.options.filepath)
  }

  /** Called by `fit` when training came to its normal end. */
  async finished(): Promise<void> {
    if (this.options.deleteCheckpoint) await rm(this.options.filepath, { force: true })
  }

  override getState(): Record<string, unknown> {
    return { batches: this.batches }
  }

  override setState({ batches }: Readonly<Record<string, unknown>>): void {
    if (Number.isSafeInteger(batches)) this.batches = batches as number
  }
}

/** Makes a run continue where it was killed; see BackupAndRestoreOptions. */
export function backupAndRestore(options: BackupAndRestoreOptions): BackupAndRestore {
  return new BackupAndRestore(options)
}
