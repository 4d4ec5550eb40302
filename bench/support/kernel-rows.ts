// Runs rows on the native core directly and takes their time: what is measured is the kernel and not the library above it.
// Invariant: a round lasts a millisecond or more, long enough for the clock.
import { createRequire } from 'node:module'
import path from 'node:path'
import type { KernelShape } from './kernel-shapes.js'

interface Addon {
  kernels: { name: string; scratch: boolean }[]
  bind(row: Float64Array): void
  run(): number
  scratchBytes(): number
  address(memory: ArrayBuffer): number
  info(): { threads: number; instructionSet: string }
}

export const native = createRequire(import.meta.url)(path.resolve('build/Release/steepest.node')) as Addon
const row = new Float64Array(128)

/** Scratch that the kernel asks for a row. */
export function scratchOf({ kernel, sizes, args }: KernelShape): number {
  const id = native.kernels.findIndex(({ name }) => name === kernel)
  native.bind(row)
  row.set([id, 0, sizes.length + 1, args.length, ...sizes.map(() => 0), 0, ...args])
  return native.scratchBytes()
}

/** Milliseconds per call of each round, sorted. */
export function measure({ kernel, sizes, widths, args }: KernelShape, rounds: number): number[] {
  const id = native.kernels.findIndex(({ name }) => name === kernel)
  const takesScratch = native.kernels[id]?.scratch ? 1 : 0
  const buffers = sizes.map((size, i) =>
    widths?.[i] === 1
      ? new ArrayBuffer(size)
      : (Float32Array.from({ length: size }, (_, k) => Math.sin(k)).buffer as ArrayBuffer),
  )
  native.bind(row)
  const addresses = buffers.map((buffer) => native.address(buffer))
  row.set([id, 0, buffers.length + takesScratch, args.length, ...addresses, ...[0].slice(0, takesScratch), ...args])
  const scratch = new ArrayBuffer(native.scratchBytes() + 64)
  if (takesScratch) row[4 + buffers.length] = Math.ceil(native.address(scratch) / 64) * 64
  const time = (calls: number): number => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) if (native.run() !== 0) throw new Error(`${kernel} refused its row`)
    return (performance.now() - start) / calls
  }
  time(2)
  const calls = Math.max(1, Math.ceil(1 / time(1)))
  return Array.from({ length: rounds }, () => time(calls)).sort((a, b) => a - b)
}
