// Drops rows whose outputs nobody reads.
import type { Storage } from '../../tensor/storage.js'
import type { RecordedRow } from '../recorder.js'

export function dropDeadRows(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const read = new Set<Storage>()
  const alive: RecordedRow[] = []
  for (const row of [...rows].reverse()) {
    if (row.outputs.every(({ storage }) => isTemporary(storage) && !read.has(storage))) continue
    for (const { storage } of row.inputs) read.add(storage)
    alive.push(row)
  }
  return alive.reverse()
}
