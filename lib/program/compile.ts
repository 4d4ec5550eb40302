// From recorded rows to a native program: who owns each buffer, where temporaries lie, and the words that the replay is decoded from.
// Invariant: a program holds every storage that its rows name, so that no address in it can go stale.
import { kernelNamed, type ProgramHandle, programs, scratchBytes } from '../dispatch.js'
import { StateError } from '../errors.js'
import { dtypes } from '../tensor/dtype.js'
import type { Storage } from '../tensor/storage.js'
import type { Tensor, Variable } from '../tensor/tensor.js'
import { runPasses } from './fuse/index.js'
import { countsWrites, type Division } from './fuse/prepare.js'
import { gradientPlace } from './gradients.js'
import { joinLifetimes, placesInPlace } from './inplace.js'
import type { KeptMemory } from './kept.js'
import { type Lifetime, planApart, planArena } from './plan.js'
import { isState, type RecordedRow, type Recording } from './recorder.js'
import { settings } from './settings.js'

/** What a run does about the gradient of a variable. One that exists at either end lies where programs keep it. */
export interface GradientEffect {
  readonly variable: Variable
  /** Whether it exists before a run, and after it. */
  readonly before: boolean
  readonly after: boolean
}

/** Rows made ready to run. */
export interface CompiledRows {
  readonly handle: ProgramHandle
  /** All rows, prepared ones first. */
  readonly rows: readonly RecordedRow[]
  readonly prepared: Prepared
  /** Offset in the arena of each storage that lies there. */
  readonly offsets: ReadonlyMap<Storage, number>
  readonly arenaBytes: number
  /** Storages that are bound anew in each run: those of the inputs, then those of the results. */
  readonly bound: readonly Storage[]
  /** Storages of variables that rows name; `written` are those that rows change. */
  readonly state: readonly Storage[]
  readonly written: readonly Storage[]
  /** Every storage that the program holds. */
  readonly held: readonly Storage[]
  /** Those of variables that have a gradient before a run or after it. */
  readonly gradients: readonly GradientEffect[]
  /** The storage that rows really use in place of one they name. */
  readonly home: (storage: Storage) => Storage
}

/** Rows that run only after something that they read was written. */
export interface Prepared {
  readonly count: number
  /** Variables and constants that they read. */
  readonly reads: readonly Storage[]
  /** The memory in which each of their results is kept that other rows read. */
  readonly memory: ReadonlyMap<Storage, Storage>
}

const copyKernel = kernelNamed('copy')

/** Rows with every operand's storage known: gradients that stay are written where programs keep them. */
function placeGradients(
  recording: Recording,
  results: readonly Tensor[],
): {
  rows: RecordedRow[]
  redirected: Map<Storage, Storage>
  effects: GradientEffect[]
} {
  const rows = [...recording.rows]
  const redirected = new Map<Storage, Storage>()
  const effects: GradientEffect[] = []
  const returned = new Set(results.map(({ storage }) => storage))
  for (const [variable, { before, after }] of recording.gradients) {
    if (before || after) effects.push({ variable, before: before !== null, after: after !== null })
    if (after && after !== before) {
      const place = gradientPlace(variable)
      const { storage } = after
      const free = before === null && storage.kind === 'recorded' && !returned.has(storage) && !redirected.has(storage)
      const made = free && rows.some(({ outputs }) => outputs.some((output) => output.storage === storage))
      if (made && after.byteOffset === 0 && storage.byteLength === place.storage.byteLength)
        redirected.set(storage, place.storage)
      else rows.push(copyRow(place, after))
    }
  }
  return { rows, redirected, effects }
}

function copyRow(to: Tensor, from: Tensor): RecordedRow {
  const args = [dtypes[to.dtype].bytes, 1, 0, 0, to.size, 1, 1]
  return {
    kernel: copyKernel,
    twin: to.dtype === 'float64',
    outputs: [to],
    inputs: [from],
    args,
    label: 'gradient',
    source: undefined,
    site: undefined,
  }
}

/** First and last row that names each storage of the arena. */
function lifetimes(rows: readonly RecordedRow[], inArena: (storage: Storage) => boolean): Map<Storage, Lifetime> {
  const found = new Map<Storage, { bytes: number; first: number; last: number }>()
  rows.forEach(({ outputs, inputs }, i) => {
    for (const { storage } of [...outputs, ...inputs]) {
      if (!inArena(storage)) continue
      const known = found.get(storage)
      if (known) known.last = i
      else found.set(storage, { bytes: storage.byteLength, first: i, last: i })
    }
  })
  return found
}

/** Makes room for what prepared rows hand to others; what they hand each other lies in the arena. */
function keepPrepared({ prepared, rows }: Division, memory: KeptMemory): Prepared {
  const read = new Set(rows.flatMap(({ inputs }) => inputs.map(({ storage }) => storage)))
  const made = new Set(prepared.flatMap(({ outputs }) => outputs.map(({ storage }) => storage)))
  const writers = (storage: Storage): RecordedRow[] =>
    prepared.filter(({ outputs }) => outputs.some((output) => output.storage === storage))
  const kept = [...made].filter((storage) => read.has(storage))
  return {
    count: prepared.length,
    reads: [...new Set(prepared.flatMap(({ inputs }) => inputs.map(({ storage }) => storage)))].filter(countsWrites),
    memory: new Map(kept.map((storage) => [storage, memory.take(storage, writers(storage))])),
  }
}

/** Refuses tensors that were made while something else was recorded: they have no value here. */
function checkOrigins(rows: readonly RecordedRow[], inputs: readonly Tensor[], results: readonly Tensor[]): void {
  const known = new Set(inputs.map(({ storage }) => storage))
  const check = ({ storage }: Tensor): void => {
    if (storage.kind === 'recorded' && !known.has(storage))
      throw new StateError(
        'program: a tensor that was made while another program was recorded is used; return it from that program and pass the result in',
      )
  }
  for (const { outputs, inputs: read } of rows) {
    read.forEach(check)
    for (const { storage } of outputs) known.add(storage)
  }
  results.forEach(check)
}

/** Compiles a recording whose tensor arguments are `inputs` and whose results are `results`. */
export function compile(
  recording: Recording,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  memory: KeptMemory,
): CompiledRows {
  checkOrigins(recording.rows, inputs, results)
  const { rows: placed, redirected, effects } = placeGradients(recording, results)
  const home = (storage: Storage): Storage => redirected.get(storage) ?? storage
  const made = new Set(placed.flatMap(({ outputs }) => outputs.map(({ storage }) => storage)))
  const outputs = [...new Set(results.map(({ storage }) => storage))].filter(
    (storage) => made.has(storage) && storage.kind === 'recorded',
  )
  const fixed = new Set([...inputs.map(({ storage }) => storage), ...outputs, ...redirected.keys()])
  const isTemporary = (storage: Storage): boolean => storage.kind === 'recorded' && !fixed.has(storage)
  const changed = [...recording.gradients].filter(([, { before, after }]) => before !== after)
  const learned = new Set(changed.map(([{ storage }]) => storage))
  const division = runPasses(placed, isTemporary, learned)
  const rows = [...division.prepared, ...division.rows]
  const prepared = keepPrepared(division, memory)
  const bound = [...new Set([...inputs.map(({ storage }) => storage), ...outputs])]
  const names = rows.flatMap((row) => [...row.outputs, ...row.inputs].map(({ storage }) => home(storage)))
  const held = [...new Set(names)].filter((storage) => storage.kind !== 'recorded')
  const written = [...new Set(rows.flatMap((row) => row.outputs.map(({ storage }) => home(storage))))].filter(isState)
  const layout = layOut(rows, (storage) => isTemporary(storage) && !prepared.memory.has(storage), home)
  const place = (tensor: Tensor): [base: number, offset: number] => {
    const storage = home(tensor.storage)
    const at = layout.offsets.get(storage)
    if (at !== undefined) return [0, at + tensor.byteOffset]
    const kept = prepared.memory.get(storage)
    if (kept) return [-1, kept.heldAddress + tensor.byteOffset]
    const index = bound.indexOf(storage)
    return index >= 0 ? [index + 1, tensor.byteOffset] : [-1, storage.heldAddress + tensor.byteOffset]
  }
  const words = encode(rows, layout, bound.length, prepared.count, place)
  const handle = programs.create(Float64Array.from(words))
  for (const storage of held) storage.hold()
  return {
    handle,
    rows,
    prepared,
    offsets: layout.offsets,
    arenaBytes: layout.bytes,
    bound,
    state: held.filter(isState),
    written,
    held,
    gradients: effects,
    home,
  }
}

interface ArenaLayout {
  readonly offsets: ReadonlyMap<Storage, number>
  /** Offset of each row's scratch; undefined where it needs none. */
  readonly scratch: readonly (number | undefined)[]
  readonly bytes: number
  /** Every part of the arena with its lifetime. */
  readonly slots: readonly (Lifetime & { offset: number })[]
  readonly backups: readonly Storage[]
  readonly backupOffset: number
  readonly guardedRows: number
}

/** Lays out the arena: temporaries, each row's scratch, and room for what a failed run must put back. */
function layOut(
  rows: readonly RecordedRow[],
  inArena: (storage: Storage) => boolean,
  home: (storage: Storage) => Storage,
): ArenaLayout {
  const guardedRows = rows.reduce((last, { kernel }, i) => (kernel.indexing ? i + 1 : last), 0)
  const early = rows.slice(0, guardedRows).flatMap(({ outputs }) => outputs.map(({ storage }) => home(storage)))
  const backups = [...new Set(early)].filter(isState)
  const alive = lifetimes(rows, inArena)
  const places = settings.inPlace ? placesInPlace(rows, alive) : new Map<Storage, Storage>()
  const temporaries = joinLifetimes(alive, places)
  const scratches = rows.map(({ kernel, twin, outputs, inputs, args }) =>
    scratchBytes(kernel, twin, outputs.length + inputs.length, args),
  )
  const backupBytes = backups.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const slots: Lifetime[] = [
    { bytes: backupBytes, first: 0, last: rows.length },
    ...scratches.map((bytes, i) => ({ bytes, first: i, last: i })),
    ...temporaries.values(),
  ]
  const { offsets, bytes } = settings.unplanned ? planApart(slots) : planArena(slots)
  const found = new Map([...temporaries.keys()].map((storage, i) => [storage, offsets[1 + rows.length + i] as number]))
  for (const [storage, place] of places) found.set(storage, found.get(place) as number)
  return {
    offsets: found,
    scratch: rows.map(({ kernel }, i) => (kernel.scratch ? offsets[1 + i] : undefined)),
    bytes,
    slots: slots.map((slot, i) => ({ ...slot, offset: offsets[i] as number })).filter((slot) => slot.bytes > 0),
    backups,
    backupOffset: offsets[0] as number,
    guardedRows,
  }
}

/** The words that native/engine/program.h decodes. */
function encode(
  rows: readonly RecordedRow[],
  { scratch, bytes, slots, backups, backupOffset, guardedRows }: ArenaLayout,
  bindings: number,
  preparedRows: number,
  place: (tensor: Tensor) => [base: number, offset: number],
): number[] {
  const words = [rows.length, bindings, backups.length, backupOffset, guardedRows, slots.length, bytes, preparedRows]
  for (const storage of backups) words.push(storage.heldAddress, storage.byteLength)
  for (const slot of slots) words.push(slot.offset, slot.bytes, slot.first, slot.last)
  rows.forEach(({ kernel, twin, outputs, inputs, args }, i) => {
    const at = scratch[i]
    words.push(kernel.id, twin ? 1 : 0, outputs.length + inputs.length + (at === undefined ? 0 : 1), args.length)
    for (const operand of outputs) words.push(...place(operand))
    for (const operand of inputs) words.push(...place(operand))
    if (at !== undefined) words.push(0, at)
    for (const word of args) words.push(word)
  })
  return words
}
