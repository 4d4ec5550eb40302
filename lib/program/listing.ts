// The readable form of a recording: a line per row.

import { dtypes } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { operationsOf } from './cost.js'
import type { Signature } from './signature.js'

const show = ({ dtype, shape }: Tensor): string => `${dtype}[${shape.join(',')}]`
const bytes = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, { size, dtype }) => sum + size * dtypes[dtype].bytes, 0)

/** Columns padded to one width each. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function listing(name: string, { compiled, nanoseconds, runs }: Signature): string {
  const { rows, prepared, offsets, home, bound, arenaBytes } = compiled
  const place = ({ storage }: Tensor): string => {
    const own = home(storage)
    const at = offsets.get(own)
    if (at !== undefined) return `+${at}`
    if (prepared.memory.has(own)) return 'kept'
    return bound.includes(own) ? `binding ${bound.indexOf(own)}` : own.kind === 'native' ? 'state' : 'constant'
  }
  const header = ['row', 'operation', 'kernel', 'outputs', 'inputs', 'bytes', 'flops', 'place', ...(nanoseconds ? ['µs'] : [])]
  const lines = rows.map((row, i) => [
    String(i),
    row.label,
    row.kernel.name,
    row.outputs.map(show).join(' '),
    row.inputs.map(show).join(' '),
    String(bytes(row.outputs) + bytes(row.inputs)),
    String(operationsOf(row)),
    row.outputs.map(place).join(' '),
    ...(nanoseconds ? [((nanoseconds[i] as number) / Math.max(1, runs) / 1000).toFixed(1)] : []),
  ])
  const keptBytes = [...prepared.memory.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  const ahead = prepared.count > 0 ? `, ${prepared.count} of them prepared and ${keptBytes} bytes kept` : ''
  return `${name}: ${rows.length} rows, arena of ${arenaBytes} bytes${ahead}\n${table([header, ...lines])}`
}
