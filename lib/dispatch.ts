// The one door to execution: encodes a kernel call as a row and runs it, or hands it to the recorder in force. Whatever must see every
// call (recording, timing, fault injection) hooks in here. Invariant: buffers stay reachable from here while a row that holds their addresses runs.
import { inNameOf, NativeError, ValueError, wrongArgument } from './errors.js'
import { native } from './native.js'

export type { NativeHandle, NativeInfo, ProgramHandle } from './native.js'
export const {
  allocate: allocateNative,
  share: shareNative,
  open: openNative,
  release: releaseNative,
  address: addressOf,
  copyIn,
  copyOut,
  info,
} = native

/** Programs in the native core; see lib/program/. */
export const programs = {
  create: native.createProgram,
  run: native.runProgram,
  start: native.startProgram,
  stop: native.stopProgram,
  onEnd: native.onProgramEnd,
}

/** Threads of the compute pool, the calling one included; shared by the whole process. Results do not depend on it. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 256)
    throw new ValueError(wrongArgument('setThreads', 'count', 'a positive integer up to 256', count))
  native.setThreads(count)
}

/** Instruction set of the kernels, one of `info().instructionSets`; for tests and comparisons. */
export function setInstructionSet(name: string): void {
  const known = info().instructionSets
  if (!known.includes(name)) throw new ValueError(wrongArgument('setInstructionSet', 'name', `one of ${known.join(', ')}`, name))
  native.setInstructionSet(name)
}

/** A kernel as the addon registers it; `id` is its index in the native table. */
export interface Kernel {
  readonly id: number
  readonly name: string
  readonly scratch: boolean
  /** Whether it may refuse its data: an index out of range. */
  readonly indexing: boolean
}

/**
 * Anything with bytes in memory: tensors and variables. Reading an address of disposed memory throws StateError, and so does the
 * address for writing of memory that may only be read.
 */
export interface Addressable {
  readonly address: number
  readonly addressToWrite: number
}

const maxRowWords = 4096
const headerWords = 4
const row = new Float64Array(maxRowWords)
native.bind(row)

const kernelTable = new Map<string, Kernel>(
  native.kernels.map(({ name, scratch, indexing }, id) => [name, { id, name, scratch, indexing }]),
)
export const kernelNames: readonly string[] = [...kernelTable.keys()]
/** Opcode of each instruction of the pointwise interpreter. */
export const instructionCodes: ReadonlyMap<string, number> = new Map(native.instructions.map((name, code) => [name, code]))

/** The kernel of that name; a name that the addon does not know is a mismatch of lib and addon. */
export function kernelNamed(name: string): Kernel {
  const kernel = kernelTable.get(name)
  if (!kernel) throw new NativeError(`steepest: the native core has no kernel '${name}'; rebuild it with: npm run build`)
  return kernel
}

/** Called after each kernel with its outputs; fault injection uses it. */
export type CallObserver = (kernel: Kernel, twin: boolean, outputs: readonly Addressable[]) => void
let observer: CallObserver | undefined
export function observeCalls(callback: CallObserver | undefined): void {
  observer = callback
}

/** What a recorder learns of the operation behind a row, beside the row itself. */
export type RowSource = object

/** Takes the calls that would have run, and what the function that makes them looks at on its way. See lib/program/. */
export interface Recorder {
  /** Name of the operation being encoded, for listings. */
  label: string
  append(
    kernel: Kernel,
    twin: boolean,
    outputs: readonly Addressable[],
    inputs: readonly Addressable[],
    args: ArrayLike<number>,
    source: RowSource | undefined,
  ): void
  /** A variable whose gradient or trainability is about to be looked at or changed. */
  note(variable: object): void
  /** A flag that the recording depends on. */
  depends(owner: object, name: string, read: () => unknown): void
}

let recorder: Recorder | null = null

/** The recorder in force; null while kernels run at once. */
export function recording(): Recorder | null {
  return recorder
}

/** Runs synchronous `fn` with its kernel calls going to `next` (null: running at once). */
export function withRecorder<T>(next: Recorder | null, fn: () => T): T {
  const before = recorder
  recorder = next
  try {
    return fn()
  } finally {
    recorder = before
  }
}

/** Runs `fn` at once, also while recording: for values that are made once, such as initial weights. */
export function unrecorded<T>(fn: () => T): T {
  return recorder ? withRecorder(null, fn) : fn()
}

/** Runs an operation for a function of another name: errors and recorded rows carry that name. */
export function inTheNameOf<T>(name: string, operation: string, run: () => T): T {
  const outermost = recorder !== null && recorder.label === ''
  if (recorder && outermost) recorder.label = name
  const result = inNameOf(name, operation, run)
  if (recorder && outermost) recorder.label = ''
  return result
}

let scratch = { buffer: new ArrayBuffer(0), address: 0, bytes: 0 }

function scratchBuffer(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes)
  } catch (cause) {
    throw new ValueError(`working memory of ${bytes} bytes could not be allocated`, { cause })
  }
}

function scratchAddress(bytes: number): number {
  if (bytes > scratch.bytes) {
    const buffer = scratchBuffer(bytes + 64)
    scratch = { buffer, address: Math.ceil(addressOf(buffer) / 64) * 64, bytes }
  }
  return scratch.address
}

const nothing: readonly Addressable[] = []
/** The buffers of the running row: reachable from here, they cannot be collected once only their addresses are left. */
const held = { outputs: nothing, inputs: nothing }

/** The index that stands for a number that is not whole. */
export const notWhole = -(2 ** 31)

/** The error for a status that a kernel returned. */
export function fail(name: string, status: number, position: number, value: number, limit: number): never {
  if (status === 1 && value === notWhole)
    throw new ValueError(`${name}: the index at position ${position} must be a whole number in [0, ${limit})`)
  if (status === 1) throw new ValueError(`${name}: index ${value} at position ${position} must be in [0, ${limit})`)
  throw new NativeError(`${name}: the native core refused the call (status ${status})`)
}

function encodeHeader(kernel: Kernel, twin: boolean, buffers: number, args: ArrayLike<number>): number {
  const argsAt = headerWords + buffers
  if (argsAt + args.length > maxRowWords)
    throw new ValueError(
      `${kernel.name}: the call needs ${argsAt + args.length} words, at most ${maxRowWords} fit a row; split it`,
    )
  row[0] = kernel.id
  row[1] = twin ? 1 : 0
  row[2] = buffers
  row[3] = args.length
  // What earlier rows left here may be no address, and scratch is asked for before the addresses are known.
  for (let i = headerWords; i < argsAt; i++) row[i] = 0
  for (let i = 0; i < args.length; i++) row[argsAt + i] = args[i] as number
  return argsAt
}

/** Bytes of scratch that a row needs; 0 where the kernel declares none. */
export function scratchBytes(kernel: Kernel, twin: boolean, buffers: number, args: ArrayLike<number>): number {
  if (!kernel.scratch) return 0
  encodeHeader(kernel, twin, buffers + 1, args)
  return native.scratchBytes()
}

/**
 * Runs `kernel` now, or has it recorded. Buffers go in the order outputs, inputs; `twin` selects the naive float64 version.
 * Scratch, where the kernel declares any, is appended here.
 */
export function call(
  kernel: Kernel,
  twin: boolean,
  outputs: readonly Addressable[],
  inputs: readonly Addressable[],
  args: ArrayLike<number>,
  source?: RowSource,
): void {
  if (recorder) {
    recorder.append(kernel, twin, outputs, inputs, args, source)
    return
  }
  const argsAt = encodeHeader(kernel, twin, outputs.length + inputs.length + (kernel.scratch ? 1 : 0), args)
  if (kernel.scratch) row[argsAt - 1] = scratchAddress(native.scratchBytes())
  held.outputs = outputs
  held.inputs = inputs
  let at = headerWords
  for (let i = 0; i < outputs.length; i++) row[at++] = (outputs[i] as Addressable).addressToWrite
  for (let i = 0; i < inputs.length; i++) row[at++] = (inputs[i] as Addressable).address
  const status = native.run()
  held.outputs = nothing
  held.inputs = nothing
  if (status !== 0) fail(kernel.name, status, row[0] as number, row[1] as number, row[2] as number)
  if (observer) observer(kernel, twin, outputs)
}
