// Cases of the kernels that follow indices: gather, scatterAdd, gatherElements, scatterElements, oneHot; also refused indices.
import { dtypeCode, type ElementType, type KernelCase, lengths, lengthsOf, randomIntegers, randomValues } from '../harness.js'

type Shape = readonly [outer: number, axisSize: number, inner: number, count: number]
const bytes: Readonly<Record<ElementType, number>> = { float32: 4, int32: 4, uint8: 1, bool: 1, float64: 8 }
const range = (n: number) => Array.from({ length: n }, (_, i) => i)

function gather([outer, axisSize, inner, count]: Shape, dtype: ElementType): KernelCase {
  const x = randomIntegers(outer * axisSize * inner, 3, 0, 250)
  const indices = randomIntegers(count, 5, 0, axisSize)
  return {
    kernel: 'gather',
    name: `[${outer},${axisSize},${inner}] at ${count} of ${dtype}`,
    args: [outer, axisSize, inner, count, bytes[dtype]],
    outputs: [{ dtype, length: outer * count * inner }],
    inputs: [
      { dtype, data: x },
      { dtype: 'int32', data: indices },
    ],
    reference: () => [
      range(outer).flatMap((o) => indices.flatMap((a) => range(inner).map((i) => x[(o * axisSize + a) * inner + i]!))),
    ],
  }
}

function scatterAdd([outer, axisSize, inner, count]: Shape, dtype: ElementType): KernelCase {
  const dy =
    dtype === 'int32' ? randomIntegers(outer * count * inner, 3, -(2 ** 30), 2 ** 30) : randomValues(outer * count * inner, 3)
  const indices = randomIntegers(count, 5, 0, axisSize)
  return {
    kernel: 'scatterAdd',
    name: `[${outer},${axisSize},${inner}] at ${count} of ${dtype}`,
    args: [outer, axisSize, inner, count, dtypeCode[dtype]],
    outputs: [{ dtype, length: outer * axisSize * inner }],
    inputs: [
      { dtype, data: dy },
      { dtype: 'int32', data: indices },
    ],
    // One rounding per addition, at the size of the sum.
    epsilons: dtype === 'int32' ? 0 : 1 + count / Math.max(1, axisSize),
    floor: 4,
    reference: () => {
      const dx = new Array<number>(outer * axisSize * inner).fill(0)
      dy.forEach((value, at) => {
        const [o, n, i] = [Math.floor(at / inner / count), Math.floor(at / inner) % count, at % inner]
        const to = (o * axisSize + indices[n]!) * inner + i
        dx[to] = dtype === 'int32' ? (dx[to]! + value) | 0 : dx[to]! + value
      })
      return [dx]
    },
  }
}

function elements(rows: number, cols: number, dtype: ElementType): KernelCase[] {
  const indices = randomIntegers(rows, 9, 0, cols)
  const x = randomIntegers(rows * cols, 4, 0, 250)
  const dy = randomIntegers(rows, 6, 1, 250)
  const index = { dtype: 'int32', data: indices } as const
  const name = `[${rows},${cols}] of ${dtype}`
  const hot = (value: (r: number) => number) =>
    range(rows * cols).map((i) => (i % cols === indices[Math.floor(i / cols)] ? value(Math.floor(i / cols)) : 0))
  const all: KernelCase[] = [
    {
      kernel: 'scatterElements',
      name,
      args: [rows, cols, dtypeCode[dtype]],
      outputs: [{ dtype, length: rows * cols }],
      inputs: [{ dtype, data: dy }, index],
      reference: () => [hot((r) => dy[r]!)],
    },
    {
      kernel: 'oneHot',
      name,
      args: [rows, cols, dtypeCode[dtype]],
      outputs: [{ dtype, length: rows * cols }],
      inputs: [index],
      reference: () => [hot(() => 1)],
    },
  ]
  if (dtype === 'float32') return all
  return [
    ...all,
    {
      kernel: 'gatherElements',
      name,
      args: [rows, cols, bytes[dtype]],
      outputs: [{ dtype, length: rows }],
      inputs: [{ dtype, data: x }, index],
      reference: () => [indices.map((c, r) => x[r * cols + c]!)],
    },
  ]
}

/** Each kernel with one bad index at `position` among `count` indices below `limit`. */
function refused(count: number, position: number, value: number, limit: number): KernelCase[] {
  const indices = randomIntegers(count, 2, 0, limit)
  indices[position] = value
  const index = { dtype: 'int32', data: indices } as const
  const common = { name: `index ${value} at ${position} of ${count}, limit ${limit}`, fails: { position, value, limit } }
  const table = { dtype: 'int32', data: range(limit * 2) } as const
  const perRow = { dtype: 'int32', data: range(count) } as const
  return [
    {
      ...common,
      kernel: 'gather',
      args: [1, limit, 2, count, 4],
      outputs: [{ dtype: 'int32', length: count * 2 }],
      inputs: [table, index],
    },
    {
      ...common,
      kernel: 'scatterAdd',
      args: [1, limit, 2, count, 1],
      outputs: [{ dtype: 'int32', length: limit * 2 }],
      inputs: [{ dtype: 'int32', data: range(count * 2) }, index],
    },
    {
      ...common,
      kernel: 'gatherElements',
      args: [count, limit, 4],
      outputs: [{ dtype: 'int32', length: count }],
      inputs: [{ dtype: 'int32', data: range(count * limit) }, index],
    },
    {
      ...common,
      kernel: 'scatterElements',
      args: [count, limit, 1],
      outputs: [{ dtype: 'int32', length: count * limit }],
      inputs: [perRow, index],
    },
    {
      ...common,
      kernel: 'oneHot',
      args: [count, limit, 0],
      outputs: [{ dtype: 'float32', length: count * limit }],
      inputs: [index],
    },
  ]
}

const dtypes: readonly ElementType[] = ['int32', 'uint8', 'float64']

export const cases: readonly KernelCase[] = [
  ...dtypes.flatMap((dtype) => lengthsOf(dtype).map((n) => gather([2, 5, n, 7], dtype))),
  ...lengths.map((n) => gather([2, 5, 1, n], 'int32')),
  gather([0, 5, 2, 3], 'int32'),
  gather([1, 1000, 64, 700], 'int32'),
  ...(['float32', 'int32'] as const).flatMap((dtype) => lengths.map((n) => scatterAdd([2, 5, n, 7], dtype))),
  ...lengths.map((n) => scatterAdd([1, 3, 2, n], 'float32')),
  scatterAdd([1, 3000, 33, 900], 'float32'),
  scatterAdd([2, 40_000, 1, 900], 'float32'),
  ...(['float32', ...dtypes] as const).flatMap((dtype) => lengthsOf(dtype).flatMap((n) => elements(n, 5, dtype))),
  ...(['int32', 'uint8'] as const).flatMap((dtype) =>
    lengthsOf(dtype)
      .slice(1)
      .flatMap((n) => elements(3, n, dtype)),
  ),
  ...lengthsOf('uint8').map((n) => gather([2, 5, 1, n], 'uint8')),
  ...elements(5000, 10, 'int32'),
  ...[0, 5, 17, 39].flatMap((position) => [-1, 10, -(2 ** 31), 2 ** 31 - 1].flatMap((value) => refused(40, position, value, 10))),
]
