// The passes over recorded rows, each with its switch. Invariant: a pass leaves state and results as they were, to the bit.
import type { Storage } from '../../tensor/storage.js'
import type { RecordedRow } from '../recorder.js'
import { type PassName, passNames, settings } from '../settings.js'
import { fuseConvolutions } from './convolution.js'
import { dropDeadRows } from './dead.js'
import { fuseEpilogues } from './epilogue.js'
import { mergeFormulas } from './merge.js'
import { joinSegments } from './segments.js'
import { sliceBatches } from './slices.js'
import { maskBeforeUnpooling } from './unpool.js'

/** Rewrites rows. `isTemporary` tells whether a storage is named by rows only: no result, no state, no argument. */
export type Pass = (rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean) => readonly RecordedRow[]

const passes: Readonly<Record<PassName, Pass>> = {
  dead: dropDeadRows,
  epilogue: fuseEpilogues,
  unpool: maskBeforeUnpooling,
  convolution: fuseConvolutions,
  merge: mergeFormulas,
  slices: sliceBatches,
  segments: joinSegments,
}

export function runPasses(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): readonly RecordedRow[] {
  let result = rows
  for (const name of passNames) if (!settings.without.has(name)) result = passes[name](result, isTemporary)
  return result
}
