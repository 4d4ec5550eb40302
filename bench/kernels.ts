// Rates of the matrix product, convolution and pooling kernels beside the ceiling of the machine: [--filter conv2d] [--rounds 15],
// and with [--peers] matrix products beside OpenBLAS and BLIS, whose best configuration counts.
// Rows are handed to the native core directly, so what is measured is the kernel and not the library above it.
// The ceiling of arithmetic is the rate of multiply-adds from registers, that of kernels which only stream the best rate of a copy of
// as many bytes. Invariant: it is read anew beside every shape, so that a disturbed figure shows as one.
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { blasRate } from './support/blas.js'
import { bytesOf, copyOf, type KernelShape, kernelShapes } from './support/kernel-shapes.js'
import { ceilings } from './support/machine.js'

interface Addon {
  kernels: { name: string; scratch: boolean }[]
  bind(row: Float64Array): void
  run(): number
  scratchBytes(): number
  address(memory: ArrayBuffer): number
  info(): { threads: number; instructionSet: string }
}

const native = createRequire(import.meta.url)(path.resolve('build/Release/steepest.node')) as Addon
const { values: options } = parseArgs({
  options: { filter: { type: 'string' }, rounds: { type: 'string', default: '15' }, peers: { type: 'boolean', default: false } },
})

const row = new Float64Array(128)

/** Milliseconds per call of each round; a round is long enough for the clock. */
function measure({ kernel, sizes, widths, args }: KernelShape): number[] {
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
  return Array.from({ length: Number(options.rounds) }, () => time(calls)).sort((a, b) => a - b)
}

/** Scratch that the kernel asks for a row. */
function scratchOf({ kernel, sizes, args }: KernelShape): number {
  const id = native.kernels.findIndex(({ name }) => name === kernel)
  native.bind(row)
  row.set([id, 0, sizes.length + 1, args.length, ...sizes.map(() => 0), 0, ...args])
  return native.scratchBytes()
}

/** Which algorithm a convolution takes: Winograd's is told by its scratch, the others follow from the shape. */
function algorithmOf(shape: KernelShape): string {
  if (!shape.kernel.startsWith('conv2d')) return ''
  const [, H, W, C, KH, KW, O, OH, OW, , , , , , , groups] = shape.args
  if (KH === 1 && KW === 1 && groups === 1 && OH === H && OW === W) return '  product'
  if (groups !== 1 && groups === C && groups === O) return '  depthwise'
  const direct = scratchOf({ ...shape, args: [...shape.args.slice(0, -1), 1] })
  return scratchOf(shape) === direct ? '  direct' : '  Winograd'
}

/** What limits a shape, measured now: GFLOP/s, or GB/s for one that only streams. */
function ceilingOf(shape: KernelShape): number {
  if (shape.flop > 0) return ceilings()?.allThreads ?? Number.NaN
  return bytesOf(shape) / (measure(copyOf(shape))[0] as number) / 1e6
}

/** A rate and its ceiling, measured side by side. */
function figures(shape: KernelShape): string {
  const rounds = measure(shape)
  const limit = ceilingOf(shape)
  const rate = (shape.flop || bytesOf(shape)) / (rounds[rounds.length >> 1] as number) / 1e6
  const unit = shape.flop > 0 ? 'GFLOP/s' : 'GB/s   '
  return `${rate.toFixed(1).padStart(7)} ${unit} ${((100 * rate) / limit).toFixed(0).padStart(4)} % of ${limit.toFixed(0)}`
}

/** The peers' rates for a product, where they are wanted. */
function peersFigures(shape: KernelShape): string {
  if (!options.peers || shape.kernel !== 'matmul') return ''
  const families = ['OpenBLAS', 'BLIS'] as const
  return families
    .map((name) => `  ${name} ${blasRate(shape, name, Number(options.rounds))?.toFixed(0) ?? 'not installed'}`)
    .join('')
}

const { threads, instructionSet } = native.info()
console.log(`${threads} threads, ${instructionSet}`)
for (const shape of kernelShapes) {
  if (!`${shape.kernel} ${shape.label}`.includes(options.filter ?? '')) continue
  console.log(`${shape.kernel.padEnd(21)} ${shape.label.padEnd(40)} ${figures(shape)}${algorithmOf(shape)}${peersFigures(shape)}`)
}
