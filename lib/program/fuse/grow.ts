// Rows that take in the rows behind them: one after the other, as long as the next row alone reads what the last one made.
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { changesBetween, readersOf } from './readers.js'

/** A row with what it has taken in so far. */
export interface Grown {
  readonly row: RecordedRow
  /** What the last row taken in made. */
  readonly outputs: readonly Tensor[]
  readonly labels: readonly string[]
}

export interface Growth<G extends Grown> {
  /** Which rows grow. */
  begin(row: RecordedRow): G | null
  /** The row with the next one, if it can be taken in. `isRead` tells whether anybody reads a tensor. */
  absorb(grown: G, next: RecordedRow, isRead: (tensor: Tensor) => boolean): G | null
  /** What the rows taken in so far read besides. */
  operands(grown: G): readonly Tensor[]
  finish(grown: G): RecordedRow
}

/** The rows after growth; each stands where the last one that it took in stood. */
export function grow<G extends Grown>(
  rows: readonly RecordedRow[],
  isTemporary: (storage: Storage) => boolean,
  growth: Growth<G>,
): RecordedRow[] {
  const readers = readersOf(rows)
  const isRead = ({ storage }: Tensor): boolean => !isTemporary(storage) || readers.has(storage)
  const result: (RecordedRow | null)[] = [...rows]
  rows.forEach((row, i) => {
    let grown = growth.begin(row)
    let at = i
    while (grown) {
      const { storage } = grown.outputs[0] as Tensor
      const [next, ...others] = isTemporary(storage) ? (readers.get(storage) ?? []) : []
      // A row that joins the results of two goes to the first one.
      if (next === undefined || others.length > 0 || result[next] !== rows[next]) break
      const read = [...row.inputs, ...growth.operands(grown)]
      const taken = changesBetween(rows, at, next, read) ? null : growth.absorb(grown, rows[next] as RecordedRow, isRead)
      if (!taken) break
      result[at] = null
      grown = taken
      at = next
    }
    if (grown && at !== i) result[at] = growth.finish(grown)
  })
  return result.filter((row) => row !== null)
}
