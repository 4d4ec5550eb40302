// Floating-point operations of a recorded row, for listings and benchmarks: those of the definition, whatever the algorithm saves.
import type { RecordedRow } from './recorder.js'

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

/** Multiplications and additions of matrix products and convolutions; instructions times elements of formulas; else elements read. */
export function operationsOf({ kernel, args, inputs, outputs }: RecordedRow): number {
  const arg = (i: number): number => args[i] ?? 0
  if (kernel.name === 'matmul' || kernel.name === 'matmulFused') return 2 * arg(0) * arg(1) * arg(2) * arg(3)
  if (kernel.name.startsWith('conv2d')) {
    // [N, H, W, C, KH, KW, filters, outH, outW, …, groups at 15]
    return (2 * product([arg(0), arg(7), arg(8), arg(6), arg(4), arg(5), arg(3)])) / Math.max(1, arg(15))
  }
  if (kernel.name === 'pointwise') return arg(1) * arg(2) * arg(7)
  return Math.max(0, ...[...inputs, ...outputs].map(({ size }) => size))
}
