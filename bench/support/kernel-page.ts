// docs/kernels.md: the rates of kernels shape by shape, beside their ceilings, the peers and what the library sets out to reach.
// Invariant: a figure and what it is held against were measured one right after the other.
import { reasonLines } from './kernel-reasons.js'
import type { KernelShape } from './kernel-shapes.js'
import { describeMachine } from './machine.js'

export interface KernelFigure {
  kernel: string
  label: string
  /** How a convolution is computed; empty for other kernels. */
  algorithm: string
  /** GFLOP/s, or GB/s of a kernel that only streams. */
  rate: number
  unit: 'GFLOP/s' | 'GB/s'
  /** The rate of multiply-adds with all threads, or of a copy of as many bytes; the lower of both for a direct convolution. */
  ceiling: number
  /** GFLOP/s of OpenBLAS and BLIS, where they were asked for and are installed. */
  peers: Record<string, number>
  /** The least rate that is wanted, where there is one. */
  wanted?: number
}

/** Work below which a product is all call and dispatch, and no rate is asked of it. */
const leastFlop = 20e6

/**
 * Rows, columns and depth of products that a prototype or a BLAS ran above 85 % of the peak of the machine that the library was designed on,
 * which is asked of them here too, whichever way their operands lie.
 */
const reachable: ReadonlySet<string> = new Set([
  '128x512x784',
  '512x784x128',
  '784x512x128',
  '2048x384x128',
  '2048x128x512',
  '16384x64x64',
  ...[512, 1024, 2048, 4096].map((size) => `${size}x${size}x${size}`),
])

/** The part of the ceiling that is asked of a product. */
const productPart = ({ args }: KernelShape): number => (reachable.has(args.slice(1, 4).join('x')) ? 0.85 : 0.75)

const direct: Record<string, number> = { conv2d: 0.8, conv2dBackwardInput: 0.75, conv2dBackwardKernel: 0.75 }

/** What is asked of a shape, in its unit: of the ceiling, and in products no less than the faster peer. */
export function wantedRate(shape: KernelShape, { algorithm, ceiling, peers }: KernelFigure): number | undefined {
  const { kernel, flop } = shape
  if (flop === 0) return 0.8 * ceiling
  if (flop < leastFlop) return undefined
  if (kernel === 'matmul') return Math.max(productPart(shape) * ceiling, ...Object.values(peers))
  if (algorithm === 'Winograd') return 1.5 * ceiling
  return algorithm === 'direct' ? (direct[kernel] as number) * ceiling : undefined
}

const percent = (part: number): string => `${(100 * part).toFixed(0)} %`

function lineOf({ kernel, label, algorithm, rate, unit, ceiling, peers, wanted }: KernelFigure): string {
  const against = Object.entries(peers).map(([name, peer]) => `${name} ${peer.toFixed(0)}`)
  const verdict = wanted === undefined ? '' : rate >= wanted ? 'yes' : `no: ${wanted.toFixed(0)}`
  const cells = [kernel, `${label}${algorithm && `, ${algorithm}`}`, `${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}`]
  return `| ${[...cells, percent(rate / ceiling), against.join(', '), verdict].join(' | ')} |`
}

/** The page of these figures. */
export function kernelPage(figures: readonly KernelFigure[], rounds: number): string {
  const asked = figures.filter(({ wanted }) => wanted !== undefined)
  const met = asked.filter(({ rate, wanted }) => rate >= (wanted as number)).length
  const lines = [
    '# Kernels',
    '',
    `Rates of kernels, written by \`npm run bench kernels -- --peers --write\`: the median of ${rounds} rounds of a millisecond or more, rows handed to the`,
    'native core directly. The ceiling of arithmetic is the rate of multiply-adds from registers with all threads, that of kernels which only',
    'stream the best rate of a copy within as much memory, and of a direct convolution the lower of both counts; each is measured right after the',
    'kernel. Rates count the multiplications and additions of the definition, so Winograd can exceed the ceiling. Beside products stand',
    'OpenBLAS and BLIS, each in the best of its configurations.',
    '',
    'What is wanted, for 20 MFLOP and more: of a product 75 % of the ceiling and the rate of the faster peer, of a direct convolution 80 %',
    '(its gradients 75 %), of one by Winograd 150 %; 80 % of a kernel that streams. Products that a prototype or a BLAS ran above 85 % of the',
    `peak before there was a library are to reach 85 %: ${[...reachable].join(', ')}.`,
    '',
    `Machine: ${Object.values(describeMachine()).join(', ')}. ${met} of ${asked.length} shapes are where they are wanted.`,
    '',
    '| kernel | shape | rate | of the ceiling | peers, GFLOP/s | as wanted |',
    '|---|---|---|---|---|---|',
    ...figures.map(lineOf),
    ...reasonLines(figures),
  ]
  return `${lines.join('\n')}\n`
}
