// Memory for what programs prepare. Invariant: recordings that share some make the same of the same operands in it, so that whichever ran
// last has left there what all of them read.
import { allocateVariable, type Storage } from '../tensor/storage.js'
import { samePlace } from './fuse/readers.js'
import type { RecordedRow } from './recorder.js'

interface Entry {
  readonly memory: Storage
  /** The one row that fills it from state and constants alone; undefined if it is no other recording's. */
  readonly row: RecordedRow | undefined
  uses: number
}

const sameRow = (a: RecordedRow, b: RecordedRow): boolean =>
  a.kernel === b.kernel &&
  a.twin === b.twin &&
  a.args.length === b.args.length &&
  a.args.every((word, i) => word === b.args[i]) &&
  a.inputs.length === b.inputs.length &&
  a.inputs.every((input, i) => samePlace(input, b.inputs[i] as RecordedRow['inputs'][number]))

const readsStateAlone = ({ inputs }: RecordedRow): boolean => inputs.every(({ storage }) => storage.kind !== 'recorded')

/** What the recordings of one program keep. */
export class KeptMemory {
  private readonly entries: Entry[] = []

  /** Memory for a storage that these rows write, until it is given back as often as it was taken. */
  take(storage: Storage, writers: readonly RecordedRow[]): Storage {
    const [only] = writers
    const row = only && writers.length === 1 && only.outputs.length === 1 && readsStateAlone(only) ? only : undefined
    let entry = this.entries.find((other) => row && other.row && sameRow(row, other.row))
    if (!entry) {
      entry = { memory: allocateVariable(storage.byteLength, 'program'), row, uses: 0 }
      this.entries.push(entry)
    }
    entry.uses++
    return entry.memory
  }

  give(memory: Storage): void {
    const at = this.entries.findIndex((entry) => entry.memory === memory)
    const entry = this.entries[at]
    if (!entry || --entry.uses > 0) return
    this.entries.splice(at, 1)
    memory.dispose()
  }
}
