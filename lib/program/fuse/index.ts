// The passes over recorded rows, each with its switch. Invariant: a pass leaves state and results as they were, to the bit.
import type { Storage } from '../../tensor/storage.js'
import type { RecordedRow } from '../recorder.js'
import { type PassName, passNames, settings } from '../settings.js'
import { fuseConvolutions } from './convolution.js'
import { dropDeadRows } from './dead.js'
import { fuseEpilogues } from './epilogue.js'
import { maskInputGradients } from './mask.js'
import { mergeFormulas } from './merge.js'
import { type Division, prepareRows } from './prepare.js'
import { joinSegments } from './segments.js'
import { sliceBatches } from './slices.js'
import { spreadAtLoad } from './spread.js'
import { gatherStatistics } from './statistics.js'
import { maskBeforeUnpooling } from './unpool.js'

/** Rewrites rows. `isTemporary` tells whether a storage is named by rows only: no result, no state, no argument. */
export type Pass = (rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean) => readonly RecordedRow[]

const passes: Readonly<Record<Exclude<PassName, 'prepare'>, Pass>> = {
  dead: dropDeadRows,
  epilogue: fuseEpilogues,
  unpool: maskBeforeUnpooling,
  spread: spreadAtLoad,
  convolution: fuseConvolutions,
  mask: maskInputGradients,
  statistics: gatherStatistics,
  merge: mergeFormulas,
  slices: sliceBatches,
  segments: joinSegments,
}

/**
 * All passes in their order. Those after `prepare` see the rows that run every time only; what prepared rows make is not theirs to change.
 * `learned` are storages of variables whose gradients the rows compute: somebody writes them before the next run.
 */
export function runPasses(
  rows: readonly RecordedRow[],
  isTemporary: (storage: Storage) => boolean,
  learned: ReadonlySet<Storage>,
): Division {
  let prepared: readonly RecordedRow[] = []
  let rest = rows
  const made = new Set<Storage>()
  for (const name of passNames.filter((pass) => !settings.without.has(pass))) {
    if (name === 'prepare') {
      ;({ prepared, rows: rest } = prepareRows(rest, isTemporary, learned))
      for (const { outputs } of prepared) for (const { storage } of outputs) made.add(storage)
    } else rest = passes[name](rest, (storage) => isTemporary(storage) && !made.has(storage))
  }
  return { prepared, rows: rest }
}
