// Loads the addon and gives it types. Imported by dispatch and program only: everything else goes through them.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { environment } from './environment.js'
import { NativeError, ValueError } from './errors.js'

/** Opaque 64-byte aligned native memory, freed when the last handle to it is collected or released. */
export type NativeHandle = { readonly __native: unique symbol }

/** Opaque decoded program, freed when the handle is collected. */
export type ProgramHandle = { readonly __program: unique symbol }

/** What `info()` tells of the running core. */
export interface NativeInfo {
  /** Threads of the compute pool, the calling one included. */
  threads: number
  /** Instruction set in use. */
  instructionSet: string
  /** Instruction sets that are compiled in and that this processor has, best first. */
  instructionSets: string[]
  blas: { library: string; core: string; threads: string }
}

export interface NativeAddon {
  readonly version: string
  readonly kernels: readonly { name: string; scratch: boolean; twin: boolean; indexing: boolean }[]
  readonly instructions: readonly string[]
  bind(row: Float64Array): void
  run(): number
  scratchBytes(): number
  allocate(bytes: number): NativeHandle
  /** A name by which every thread of the process opens the memory, as long as somebody holds it. */
  share(handle: NativeHandle): number
  /** The memory of that name and size; undefined if there is none. */
  open(name: number, bytes: number): NativeHandle | undefined
  release(handle: NativeHandle): void
  address(memory: ArrayBuffer | NativeHandle): number
  copyIn(address: number, source: ArrayBufferView): void
  copyOut(address: number, target: ArrayBufferView): void
  info(): NativeInfo
  setThreads(count: number): void
  createProgram(words: Float64Array): ProgramHandle
  /** Gives a status; `bindings` then begins with row, position, value, limit, repeats. */
  runProgram(program: ProgramHandle, bindings: Float64Array, repeats: number, nanoseconds?: Float64Array): number
  startProgram(program: ProgramHandle, bindings: Float64Array, repeats: number, nanoseconds?: Float64Array): void
  stopProgram(): void
  onProgramEnd(
    callback: (status: number, row: number, position: number, value: number, limit: number, repeats: number) => void,
  ): void
  setInstructionSet(name: string): void
}

const addonPath = fileURLToPath(new URL('../build/Release/steepest.node', import.meta.url))

/** The core reads the variable itself, and would take a text that is no number for none. */
function checkThreads(): void {
  const threads = environment('STEEPEST_THREADS')
  if (threads !== undefined && !/^[1-9]\d{0,3}$/.test(threads))
    throw new ValueError(`STEEPEST_THREADS: it must be a number of threads from 1 to 9999, got '${threads}'`)
}

function load(): NativeAddon {
  checkThreads()
  try {
    return createRequire(import.meta.url)(addonPath) as NativeAddon
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0]
    throw new NativeError(
      `steepest: the native core ${addonPath} could not be loaded (${reason}); build it with: npx steepest build`,
      { cause },
    )
  }
}

export const native: NativeAddon = load()
