// Runs rows on the native core directly and takes their time: what is measured is the kernel and not the library above it.
// Invariant: a round lasts a millisecond or more, long enough for the clock.
import { createRequire } from 'node:module'
import path from 'node:path'
import type { KernelShape } from './kernel-shapes.js'

interface Addon {
  kernels: { name: string; scratch: boolean }[]
  instructions: string[]
  bind(row: Float64Array): void
  run(): number
  scratchBytes(): number
  address(memory: ArrayBuffer): number
  info(): { threads: number; instructionSet: string; instructionSets: string[]; blas: { core: string } }
  setInstructionSet(name: string): void
}

export const native = createRequire(import.meta.url)(path.resolve('build/Release/steepest.node')) as Addon
const row = new Float64Array(512)

/** Writes the row of a shape, without scratch yet; the place of the scratch's address, or null for a kernel that takes none. */
function writeRow({ kernel, args }: KernelShape, addresses: readonly number[]): number | null {
  const id = native.kernels.findIndex(({ name }) => name === kernel)
  const scratch = native.kernels[id]?.scratch ? [0] : []
  native.bind(row)
  row.set([id, 0, addresses.length + scratch.length, args.length, ...addresses, ...scratch, ...args])
  return scratch.length > 0 ? 4 + addresses.length : null
}

/** Where operands lie in a buffer: at the beginning of a cache line, as in the memory of programs. */
const aligned = (buffer: ArrayBuffer): number => Math.ceil(native.address(buffer) / 64) * 64

/** A buffer of some numbers, of zeros for bytes or of indices below `limit` in no order, with room to be aligned. */
function filled(size: number, width: number, limit: number | undefined): ArrayBuffer {
  if (width === 1) return new ArrayBuffer(size + 64)
  // The reads begin up to 15 elements further on: any piece of `size` has each index once where there are as many.
  if (limit) return Int32Array.from({ length: size + 16 }, (_, k) => (k * 7919) % limit).buffer as ArrayBuffer
  return Float32Array.from({ length: size + 16 }, (_, k) => Math.sin(k)).buffer as ArrayBuffer
}

/** Milliseconds per call of each round, sorted. */
export function measure(shape: KernelShape, rounds: number): number[] {
  const { kernel, sizes, widths, inPlace, indices } = shape
  const buffers: ArrayBuffer[] = []
  for (const [i, size] of sizes.entries()) {
    buffers.push(buffers[inPlace?.[i] ?? i] ?? filled(size, widths?.[i] ?? 4, indices?.[i]))
  }
  const addresses = buffers.map(aligned)
  const place = writeRow(shape, addresses)
  const scratch = new ArrayBuffer(native.scratchBytes() + 64)
  if (place !== null) row[place] = aligned(scratch)
  const time = (calls: number): number => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) if (native.run() !== 0) throw new Error(`${kernel} refused its row`)
    return (performance.now() - start) / calls
  }
  time(2)
  const calls = Math.max(1, Math.ceil(1 / time(1)))
  return Array.from({ length: rounds }, () => time(calls)).sort((a, b) => a - b)
}
