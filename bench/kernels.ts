// Rates of kernels beside the ceiling of the machine: matrix products, convolutions, and what streams: [--filter conv2d] [--rounds 15],
// and with [--peers] matrix products beside OpenBLAS and BLIS, whose best configuration counts.
// Rows are handed to the native core directly, so what is measured is the kernel and not the library above it.
// The ceiling of arithmetic is the rate of multiply-adds from registers, that of kernels which only stream the best rate of a copy of
// as many bytes. Invariant: it is read anew beside every shape, so that a disturbed figure shows as one.
import { parseArgs } from 'node:util'
import { blasRate } from './support/blas.js'
import { measure, native } from './support/kernel-rows.js'
import { bytesOf, copyOf, type KernelShape, kernelShapes } from './support/kernel-shapes.js'
import { ceilings } from './support/machine.js'

const { values: options } = parseArgs({
  options: { filter: { type: 'string' }, rounds: { type: 'string', default: '15' }, peers: { type: 'boolean', default: false } },
})

const rounds = Number(options.rounds)

/** Which algorithm a convolution takes: Winograd is asked for, the others follow from the shape. */
function algorithmOf(shape: KernelShape): string {
  if (!shape.kernel.startsWith('conv2d')) return ''
  const [, H, W, C, KH, KW, O, OH, OW, , , , , , , groups, winograd] = shape.args
  if (KH === 1 && KW === 1 && groups === 1 && OH === H && OW === W) return '  product'
  if (groups !== 1 && groups === C && groups === O) return '  depthwise'
  return winograd ? '  Winograd' : '  direct'
}

/** What limits a shape, measured now: GFLOP/s, or GB/s for one that only streams. */
function ceilingOf(shape: KernelShape): number {
  if (shape.flop > 0) return ceilings()?.allThreads ?? Number.NaN
  return bytesOf(shape) / (measure(copyOf(shape), rounds)[0] as number) / 1e6
}

/** A rate and its ceiling, measured side by side. */
function figures(shape: KernelShape): string {
  const times = measure(shape, rounds)
  const limit = ceilingOf(shape)
  const rate = (shape.flop || bytesOf(shape)) / (times[rounds >> 1] as number) / 1e6
  const unit = shape.flop > 0 ? 'GFLOP/s' : 'GB/s   '
  return `${rate.toFixed(1).padStart(7)} ${unit} ${((100 * rate) / limit).toFixed(0).padStart(4)} % of ${limit.toFixed(0)}`
}

/** The peers' rates for a product, where they are wanted. */
function peersFigures(shape: KernelShape): string {
  if (!options.peers || shape.kernel !== 'matmul') return ''
  const families = ['OpenBLAS', 'BLIS'] as const
  return families.map((name) => `  ${name} ${blasRate(shape, name, rounds)?.toFixed(0) ?? 'not installed'}`).join('')
}

const { threads, instructionSet } = native.info()
console.log(`${threads} threads, ${instructionSet}`)
for (const shape of kernelShapes) {
  if (!`${shape.kernel} ${shape.label}`.includes(options.filter ?? '')) continue
  console.log(`${shape.kernel.padEnd(21)} ${shape.label.padEnd(40)} ${figures(shape)}${algorithmOf(shape)}${peersFigures(shape)}`)
}
