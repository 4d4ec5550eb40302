// Rates of kernels beside the ceiling of the machine: matrix products, convolutions, and what streams: [--filter conv2d] [--rounds 15],
// with [--peers] matrix products beside OpenBLAS and BLIS, whose best configuration counts, and with [--write] all of it as docs/kernels.md.
// Rows are handed to the native core directly, so what is measured is the kernel and not the library above it.
// The ceiling of arithmetic is the rate of multiply-adds from registers, that of kernels which only stream the best rate of a copy within
// as much memory; of a direct convolution the lower of both counts. Invariant: it is read anew beside every shape, so that a disturbed
// figure shows as one.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { blasRate } from './support/blas.js'
import { root } from './support/contenders.js'
import { type KernelFigure, kernelPage, wantedRate } from './support/kernel-page.js'
import { measure, native } from './support/kernel-rows.js'
import { bytesOf, copyOf, type KernelShape, kernelShapes } from './support/kernel-shapes.js'
import { ceilings } from './support/machine.js'

const { values: options } = parseArgs({
  options: {
    filter: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    peers: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const rounds = Number(options.rounds)

/** Which algorithm a convolution takes: Winograd is asked for, the others follow from the shape. */
function algorithmOf(shape: KernelShape): string {
  if (!shape.kernel.startsWith('conv2d')) return ''
  const [, H, W, C, KH, KW, O, OH, OW, , , , , , , groups, winograd] = shape.args
  if (KH === 1 && KW === 1 && groups === 1 && OH === H && OW === W) return 'product'
  if (groups !== 1 && groups === C && groups === O) return 'depthwise'
  return winograd ? 'Winograd' : 'direct'
}

/**
 * What limits a shape, measured now: GFLOP/s, or GB/s for one that only streams. First layers read and write so much per multiplication
 * that a copy of as many bytes can be slower than their arithmetic.
 */
function ceilingOf(shape: KernelShape): number {
  const copy = copyOf(shape)
  const copied = (work: number): number => work / (measure(copy, rounds)[0] as number) / 1e6
  if (shape.flop === 0) return copied(bytesOf(copy))
  const arithmetic = ceilings()?.allThreads ?? Number.NaN
  return algorithmOf(shape) === 'direct' ? Math.min(arithmetic, copied(shape.flop)) : arithmetic
}

/** The peers' rates for a product, where they are wanted and installed. */
function peersOf(shape: KernelShape): Record<string, number> {
  if (!options.peers || shape.kernel !== 'matmul') return {}
  const rates = (['OpenBLAS', 'BLIS'] as const).map((name) => [name, blasRate(shape, name, rounds)] as const)
  return Object.fromEntries(rates.filter((entry): entry is [(typeof entry)[0], number] => entry[1] !== undefined))
}

/** A rate and its ceiling, measured side by side. */
function figureOf(shape: KernelShape): KernelFigure {
  const median = measure(shape, rounds)[rounds >> 1] as number
  const figure: KernelFigure = {
    kernel: shape.kernel,
    label: shape.label,
    algorithm: algorithmOf(shape),
    rate: (shape.flop || bytesOf(shape)) / median / 1e6,
    unit: shape.flop > 0 ? 'GFLOP/s' : 'GB/s',
    ceiling: ceilingOf(shape),
    peers: peersOf(shape),
  }
  const wanted = wantedRate(shape, figure)
  return wanted === undefined ? figure : { ...figure, wanted }
}

function print({ kernel, label, algorithm, rate, unit, ceiling, peers, wanted }: KernelFigure): void {
  const part = `${((100 * rate) / ceiling).toFixed(0).padStart(4)} % of ${ceiling.toFixed(0)}`
  const more = [algorithm, ...Object.entries(peers).map(([name, peer]) => `${name} ${peer.toFixed(0)}`)].filter(Boolean)
  const below = wanted !== undefined && rate < wanted ? `  below ${wanted.toFixed(0)}` : ''
  const columns = [kernel.padEnd(21), label.padEnd(40), rate.toFixed(1).padStart(7), unit.padEnd(7), part]
  console.log(`${columns.join(' ')}${more.map((word) => `  ${word}`).join('')}${below}`)
}

const { threads, instructionSet } = native.info()
console.log(`${threads} threads, ${instructionSet}`)
const figures = kernelShapes
  .filter(({ kernel, label }) => `${kernel} ${label}`.includes(options.filter ?? ''))
  .map((shape) => {
    const figure = figureOf(shape)
    print(figure)
    return figure
  })
if (options.write) writeFileSync(path.join(root, 'docs/kernels.md'), kernelPage(figures, rounds))
