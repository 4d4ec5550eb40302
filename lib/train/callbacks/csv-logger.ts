// Writes the figures of each epoch to a CSV file: one line per epoch, complete on disk when the epoch's hook returns.
import { appendFile, stat, writeFile } from 'node:fs/promises'
import { checkOptions, ValueError, wrongArgument } from '../../errors.js'
import { type Logs, validationName } from '../logs.js'
import { Callback } from './callback.js'
import { filePath } from './checks.js'

/** Options of `csvLogger`. */
export interface CSVLoggerOptions {
  /** The file; its folder must exist. */
  filename: string
  /** Default ','. */
  separator?: string
  /** Add to an existing file instead of replacing it. Default false. */
  append?: boolean
}

/** Logs epochs to a CSV file. */
export class CSVLogger extends Callback {
  private readonly options: Required<CSVLoggerOptions>
  private names: readonly string[] | null = null

  constructor(options: CSVLoggerOptions) {
    super()
    checkOptions('csvLogger', options, ['filename', 'separator', 'append'])
    this.options = { separator: ',', append: false, ...options }
    filePath('csvLogger', 'filename', this.options.filename)
    const { separator } = this.options
    if (typeof separator !== 'string' || separator.length !== 1)
      throw new ValueError(wrongArgument('csvLogger', 'separator', 'one character', separator))
  }

  override onTrainBegin(): void {
    this.names = null
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { separator, filename } = this.options
    this.names ??= await this.begin(logs)
    const values = this.names.map((name) => (name in logs ? String(logs[name]) : 'NA'))
    await appendFile(filename, `${[epoch, ...values].join(separator)}\n`)
  }

  /** The columns: those of an existing file, else the first epoch's figures, those of the validation included even if it comes later. */
  private async begin(logs: Logs): Promise<readonly string[]> {
    const { separator, filename, append } = this.options
    const names = Object.keys(logs)
    if (this.run.validation && !names.some((name) => name.startsWith('val'))) names.push(...names.map(validationName))
    const existing = append ? await stat(filename).catch(() => null) : null
    if (!existing || existing.size === 0) await writeFile(filename, `${['epoch', ...names].join(separator)}\n`)
    return names
  }

  // A resumed run goes on in its file.
  override getState(): Record<string, unknown> {
    return { names: this.names }
  }

  override setState({ names }: Readonly<Record<string, unknown>>): void {
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) this.names = names
  }
}

/** Writes the figures of each epoch to a CSV file; see CSVLoggerOptions. */
export function csvLogger(options: CSVLoggerOptions): CSVLogger {
  return new CSVLogger(options)
}
