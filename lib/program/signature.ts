// One recording of a program, for one form of arguments and one state of the world, and how it is run.
// Invariant: what a run does to versions and gradients in JavaScript happens at the call, so that the next call sees it.
import { fail, programs, withRecorder } from '../dispatch.js'
import { StateError } from '../errors.js'
import { type DType, dtypes } from '../tensor/dtype.js'
import { type Shape, sizeOf } from '../tensor/shape.js'
import { allocate, allocateResult, type Storage } from '../tensor/storage.js'
import { Tensor, type Variable } from '../tensor/tensor.js'
import { type Memory, type Place, runChecked } from './check.js'
import type { Recorded } from './compare.js'
import { type CompiledRows, compile } from './compile.js'
import { gradientPlace, isLasting, lastingGradient } from './gradients.js'
import type { KeptMemory } from './kept.js'
import type { Ending } from './queue.js'
import { type Dependency, Recording } from './recorder.js'
import { settings } from './settings.js'
import { collect, type Given, mapTensors, type Spec, trace } from './values.js'

/** A run that is ready: bindings filled in, results allocated. */
export interface PreparedRun {
  readonly bindings: Float64Array
  /** The results, once the run has succeeded. */
  readonly result: unknown
  /** Where arguments and results lie. */
  readonly places: readonly Place[]
  /** The same by the storages that the rows name, in check mode. */
  readonly memory: Memory
}

const noMemory: Memory = new Map()

/** Arguments traced into placeholders and recorded. */
export class Signature {
  readonly compiled: CompiledRows
  /** Nanoseconds per row so far, when profiling. */
  readonly nanoseconds: Float64Array | undefined
  runs = 0
  private inFlight = 0
  private released = false
  private readonly bindings: Float64Array
  private readonly inputs: readonly Tensor[]
  private readonly writes: ReadonlySet<Storage>
  private readonly kept: readonly Storage[]
  /** Variables of whose gradients it has looked at the existence, and those where a run changes it. */
  readonly gradientsSeen: ReadonlySet<Variable>
  readonly gradientsChanged: ReadonlySet<Variable>

  private constructor(
    private readonly specs: readonly Spec[],
    private readonly dependencies: readonly Dependency[],
    inputs: readonly Tensor[],
    private readonly returned: unknown,
    recording: Recording,
    private readonly memory: KeptMemory,
  ) {
    const results: Tensor[] = []
    mapTensors(returned, (tensor) => {
      results.push(tensor)
      return tensor
    })
    this.inputs = inputs
    this.compiled = compile(recording, inputs, results, memory)
    this.writes = new Set(this.compiled.written)
    this.kept = [...this.compiled.prepared.memory.values()]
    this.gradientsSeen = new Set(recording.gradients.keys())
    const changed = this.compiled.gradients.filter(({ before, after }) => before !== after)
    this.gradientsChanged = new Set(changed.map(({ variable }) => variable))
    this.bindings = new Float64Array(Math.max(6, this.compiled.bound.length + 2))
    if (settings.profile) this.nanoseconds = new Float64Array(this.compiled.rows.length)
  }

  /** Records `fn` for these arguments. Nothing runs, and nothing has changed afterwards but variables that were made for good. */
  static record(fn: (...args: never[]) => unknown, args: readonly unknown[], memory: KeptMemory): Signature {
    const recording = new Recording(settings.check)
    const inputs: Tensor[] = []
    const placeholder = (_: Given, { dtype, shape }: { dtype: DType; shape: Shape }): Tensor => {
      const bytes = sizeOf(shape) * dtypes[dtype].bytes
      const input = withRecorder(recording, () => new Tensor(dtype, shape, allocate(bytes)))
      inputs.push(input)
      return input
    }
    const traced = args.map((arg) => trace(arg, placeholder))
    let returned: unknown
    try {
      returned = withRecorder(recording, () => fn(...(traced.map(({ copy }) => copy) as never[])))
    } finally {
      recording.restore()
    }
    return new Signature(
      traced.map(({ spec }) => spec),
      recording.dependencies,
      inputs,
      returned,
      recording,
      memory,
    )
  }

  /** The tensors of the arguments if this recording fits them and the state of the world, else null. */
  match(args: readonly unknown[]): Tensor[] | null {
    if (args.length !== this.specs.length) return null
    const tensors: Tensor[] = []
    for (let i = 0; i < args.length; i++) if (!collect(this.specs[i] as Spec, args[i], tensors)) return null
    for (const { read, value } of this.dependencies) if (read() !== value) return null
    return tensors
  }

  /** What about a call this recording does not fit, for a message. */
  mismatch(args: readonly unknown[]): string {
    const at = args.findIndex((arg, i) => !this.specs[i] || !collect(this.specs[i], arg, []))
    if (at < 0)
      return 'a flag that the function looks at (training mode, trainable, gradient mode, which gradients exist) changes'
    return `argument ${at + 1} has another ${this.specs[at]?.kind === 'value' ? 'value' : 'form'}`
  }

  /** Fills the bindings, allocates results, and applies the run's effects on versions and gradients. */
  prepare(arena: Storage, args: readonly Tensor[]): PreparedRun {
    const { bindings, compiled } = this
    bindings[0] = arena.heldAddress
    const places: Place[] = []
    for (let i = 0; i < compiled.bound.length; i++) {
      const place = args[i] ?? { storage: allocateResult((compiled.bound[i] as Storage).byteLength), byteOffset: 0 }
      places.push(place)
      bindings[1 + i] = place.storage.address + place.byteOffset
    }
    bindings[1 + compiled.bound.length] = this.preparedVersion()
    const result = mapTensors(this.returned, (tensor) => this.resultOf(tensor, places))
    this.applyEffects()
    const memory = settings.check ? new Map(compiled.bound.map((storage, i) => [storage, places[i] as Place])) : noMemory
    return { bindings, result, places, memory }
  }

  /** A number that grows with every write of what prepared rows read: the replay runs them when it is not that of its last run. */
  private preparedVersion(): number {
    const { reads } = this.compiled.prepared
    let sum = 0
    for (let i = 0; i < reads.length; i++) sum += (reads[i] as Storage).version
    return sum
  }

  /** What the call returns for a tensor that the function returned, with the places of arguments and results of this run. */
  private resultOf(tensor: Tensor, places: readonly Place[]): Tensor {
    const place = places[this.compiled.bound.indexOf(tensor.storage)]
    return place ? new Tensor(tensor.dtype, tensor.shape, place.storage, place.byteOffset + tensor.byteOffset) : tensor
  }

  private applyEffects(): void {
    const { gradients } = this.compiled
    // All that can refuse comes first, so that nothing is half done.
    for (const { variable, before } of gradients) if (before) lastingGradient(variable)
    for (const { variable, after } of gradients) setGradient(variable, after)
    for (const storage of this.compiled.written) storage.version++
  }

  /** Undoes what preparing a run did to gradients, after a failure; not where somebody has set or cleared one since. */
  undo(): void {
    for (const { variable, before, after } of this.compiled.gradients)
      if (isLasting(variable) === after) setGradient(variable, before)
  }

  /**
   * Closes to everybody else what a run in flight writes, to writers what it reads, and keeps its memory, until `leave`. `passed` is where
   * arguments and results lie: the scope that a call stands in may end, and with it they, before the run does.
   */
  enter(arena: Storage, passed: readonly Place[]): void {
    this.inFlight++
    arena.enter(true)
    arena.hold()
    for (const storage of this.compiled.state) storage.enter(this.writes.has(storage))
    for (const kept of this.kept) kept.enter(true)
    for (const { storage } of passed) storage.hold()
  }

  leave(arena: Storage, passed: readonly Place[]): void {
    arena.leave(true)
    arena.letGo()
    for (const storage of this.compiled.state) storage.leave(this.writes.has(storage))
    for (const kept of this.kept) kept.leave(true)
    for (const { storage } of passed) storage.letGo()
    if (--this.inFlight === 0 && this.released) this.letGo()
  }

  /** Whether a run here and now would meet one in flight: of this recording, in this memory, or on variables that either writes. */
  meets(arena: Storage | null): boolean {
    if (this.inFlight > 0 || arena?.busy) return true
    for (const storage of this.compiled.state) if (this.writes.has(storage) ? storage.busy : storage.busyWriting) return true
    for (const kept of this.kept) if (kept.busy) return true
    return false
  }

  /** What was recorded, to compare it with another recording. */
  get recorded(): Recorded {
    return { inputs: this.inputs, rows: this.compiled.rows, returned: this.returned }
  }

  /** Runs on this thread. */
  run({ bindings, memory }: PreparedRun, repeats: number): void {
    if (settings.check) {
      runChecked(this.compiled, memory)
      return
    }
    const status = programs.run(this.compiled.handle, bindings, repeats, this.nanoseconds)
    const [row, position, value, limit, completed] = bindings as unknown as [number, number, number, number, number]
    this.ended({ status, row, position, value, limit, repeats: completed })
  }

  /** Throws what a run that ended like this has to report. */
  ended({ status, row, position, value, limit, repeats }: Ending): void {
    this.runs += repeats
    if (status === 0) return
    const entry = this.compiled.rows[row]
    if (!entry) throw new StateError('program: it ended with an unknown row')
    fail(entry.label, status, position, value, limit)
  }

  /** Lets go of the memory that only this recording needed, once no run is in flight. */
  release(): void {
    this.released = true
    if (this.inFlight === 0) this.letGo()
  }

  private letGo(): void {
    for (const storage of this.compiled.held) storage.letGo()
    for (const kept of this.kept) this.memory.give(kept)
  }
}

/** Gives a variable the gradient that programs keep for it, or none. */
function setGradient(variable: Variable, exists: boolean): void {
  variable.ownGradient = exists ? gradientPlace(variable) : null
  variable.gradientSeen = exists
}
