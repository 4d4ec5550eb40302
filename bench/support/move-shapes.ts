// The rows of kernels that pass once over their operands, which bench/kernels.ts times against a copy of as many bytes: reductions, softmax
// and the cross-entropy of labels, and what moves, converts or makes numbers. The three sizes take 16 kB, about 1 MB and 32 MB.
import type { KernelShape } from './kernel-shapes.js'

type Sizes = readonly (readonly [rows: number, columns: number])[]

/** [kind, outer, reduce, inner] of a reduction of [rows, columns]. */
function reductions([rows, columns]: Sizes[number]): KernelShape[] {
  const shape = (label: string, result: number, args: number[]): KernelShape => ({
    kernel: 'reduce',
    label: `${label} ${rows}x${columns}`,
    sizes: [result, rows * columns],
    args: [...args, 0],
    flop: 0,
  })
  return [
    shape('sum over rows', columns, [0, 1, rows, columns]),
    shape('sum over columns', rows, [0, rows, columns, 1]),
    shape('mean of all', 1, [1, 1, rows * columns, 1]),
  ]
}

/** Softmax and the cross-entropy of labels. */
function classifications([rows, columns]: Sizes[number]): KernelShape[] {
  const [label, all] = [`${rows}x${columns}`, rows * columns]
  return [
    { kernel: 'softmax', label, sizes: [all, all], args: [rows, columns, 0], flop: 0 },
    {
      kernel: 'sparseCrossEntropy',
      label,
      sizes: [rows, all, rows],
      indices: { 2: columns },
      args: [rows, columns],
      flop: 0,
    },
  ]
}

/** Every row of a matrix, in another order, and the matrix turned. */
function moves([rows, columns]: Sizes[number]): KernelShape[] {
  const [label, all] = [`${rows}x${columns}`, rows * columns]
  return [
    {
      kernel: 'gather',
      label: `rows ${label}`,
      sizes: [all, all, rows],
      indices: { 2: rows },
      args: [1, rows, columns, rows, 4],
      flop: 0,
    },
    {
      kernel: 'copy',
      label: `transposed ${label}`,
      sizes: [all, all],
      args: [4, 2, 0, 0, columns, rows, rows, 1, 1, columns],
      flop: 0,
    },
  ]
}

/** Another element type, and random zeros and ones as dropout draws them. */
function elements(count: number): KernelShape[] {
  const [float, integer, byte] = [0, 1, 2]
  return [
    { kernel: 'cast', label: `float32 to int32 ${count}`, sizes: [count, count], args: [count, integer, float], flop: 0 },
    {
      kernel: 'cast',
      label: `uint8 to float32 ${count}`,
      sizes: [count, count],
      widths: [4, 1],
      args: [count, float, byte],
      flop: 0,
    },
    { kernel: 'bernoulli', label: `${count}`, sizes: [count, 4], args: [count, 0.5], flop: 0 },
  ]
}

const matrices: Sizes = [
  [64, 32],
  [128, 1024],
  [4096, 1024],
]

export const moveShapes: readonly KernelShape[] = [
  ...[[64, 64] as const, [4096, 64] as const, [65536, 128] as const].flatMap(reductions),
  ...[[128, 10] as const, [128, 1000] as const, [8192, 512] as const].flatMap(classifications),
  ...matrices.flatMap(moves),
  ...[4096, 2 ** 18, 2 ** 22].flatMap(elements),
]
