// The table that `model.summary()` prints: one row per layer, columns aligned, totals below.
import type { BatchShape } from '../nn/layer.js'
import type { Module } from '../nn/module.js'
import { dtypes } from '../tensor/dtype.js'
import type { Variable } from '../tensor/tensor.js'
import type { Model } from './model.js'

/** One part of a model. */
export interface LayerRow {
  readonly name: string
  readonly module: Module
  /** Shape of its output; null where it is not known. */
  readonly shape: BatchShape | null
}

const gap = '   '

function elements(variables: readonly Variable[]): number {
  return variables.reduce((sum, variable) => sum + variable.size, 0)
}

const grouped = (value: number): string => value.toLocaleString('en-US')

function bytesText(variables: readonly Variable[]): string {
  const bytes = variables.reduce((sum, { size, dtype }) => sum + size * dtypes[dtype].bytes, 0)
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

/** Variables that count: parameters and running statistics, not the states of random generators. */
function counted(module: Module): Variable[] {
  return module.variables().flatMap(([, variable]) => (variable.dtype.startsWith('float') ? [variable] : []))
}

function cells({ name, module, shape }: LayerRow): string[] {
  const kind = module.constructor.name
  const output = shape ? `[${shape.map((size) => size ?? 'batch').join(', ')}]` : '?'
  return [`${name} (${kind})`, output, grouped(elements(counted(module)))]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  const line = ([name, shape, parameters]: readonly string[]): string =>
    [name.padEnd(widths[0]), shape.padEnd(widths[1]), parameters.padStart(widths[2])].join(gap)
  const rule = '─'.repeat(widths[0] + widths[1] + widths[2] + 2 * gap.length)
  return [line(rows[0]), rule, ...rows.slice(1).map(line), rule]
}

/** The lines of the summary. */
export function summaryLines(model: Model): string[] {
  const rows = model.layerRows()
  const all = counted(model)
  const trainable = all.filter((variable) => variable.trainable)
  const fixed = all.filter((variable) => !variable.trainable)
  const total = (label: string, variables: readonly Variable[]): string =>
    `${label.padEnd(24)}${grouped(elements(variables))} (${bytesText(variables)})`
  return [
    ...table([['Layer', 'Output shape', 'Parameters'], ...rows.map(cells)]),
    total('Total parameters', all),
    total('Trainable', trainable),
    total('Not trainable', fixed),
  ]
}
