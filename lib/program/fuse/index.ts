// The passes over recorded rows, each with its switch. Invariant: a pass leaves the values of state and results as they were, but for
// rounding that it states.
import type { Storage } from '../../tensor/storage.js'
import type { RecordedRow } from '../recorder.js'
import { type PassName, passNames, settings } from '../settings.js'
import { dropDeadRows } from './dead.js'

/** Rewrites rows. `isTemporary` tells whether a storage is named by rows only: no result, no state, no argument. */
export type Pass = (rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean) => readonly RecordedRow[]

const passes: Readonly<Partial<Record<PassName, Pass>>> = { dead: dropDeadRows }

export function runPasses(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): readonly RecordedRow[] {
  let result = rows
  for (const name of passNames) {
    const pass = passes[name]
    if (pass && !settings.without.has(name)) result = pass(result, isTemporary)
  }
  return result
}
