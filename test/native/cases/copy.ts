// Cases of copy: every use of it (transpose, slice, concat, pad, broadcast, flip) and random strided boxes.
import { type ElementType, type KernelCase, lengthsOf, randomIntegers } from '../harness.js'

interface Strided {
  dims: number[]
  dstStrides: number[]
  srcStrides: number[]
  dstOffset?: number
  srcOffset?: number
  dstLength?: number
}

const sizes: Readonly<Record<string, number>> = { int32: 4, uint8: 1, float64: 8 }

function contiguous(dims: readonly number[]): number[] {
  return dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1))
}

/** The elements of a box as [dst, src] positions, the slow way. */
function positions({ dims, dstStrides, srcStrides, dstOffset = 0, srcOffset = 0 }: Strided): [number, number][] {
  let all: [number, number][] = [[dstOffset, srcOffset]]
  dims.forEach((dim, axis) => {
    all = all.flatMap(([d, s]) =>
      Array.from({ length: dim }, (_, i): [number, number] => [d + i * dstStrides[axis]!, s + i * srcStrides[axis]!]),
    )
  })
  return all
}

function copy(name: string, box: Strided, dtype: ElementType = 'int32'): KernelCase {
  const moves = positions(box)
  const srcLength = 1 + moves.reduce((m, [, s]) => Math.max(m, s), -1)
  const dstLength = box.dstLength ?? 1 + moves.reduce((m, [d]) => Math.max(m, d), -1)
  const data = randomIntegers(srcLength, dstLength + 7, 0, 250)
  const { dims, dstStrides, srcStrides, dstOffset = 0, srcOffset = 0 } = box
  return {
    kernel: 'copy',
    name: `${name} ${dims.join('x')} of ${dtype}`,
    args: [sizes[dtype]!, dims.length, dstOffset, srcOffset, ...dims, ...dstStrides, ...srcStrides],
    outputs: [{ dtype, length: dstLength, initial: new Uint8Array(dstLength).fill(251) }],
    inputs: [{ dtype, data }],
    reference: () => {
      const wanted = new Array<number>(dstLength).fill(251)
      for (const [d, s] of moves) wanted[d] = data[s]!
      return [wanted]
    },
  }
}

function transpose(dims: readonly number[], permutation: readonly number[], dtype: ElementType): KernelCase {
  const strides = contiguous(dims)
  const to = permutation.map((axis) => dims[axis]!)
  return copy(
    `transpose [${permutation}]`,
    { dims: to, dstStrides: contiguous(to), srcStrides: permutation.map((axis) => strides[axis]!) },
    dtype,
  )
}

const dtypes: readonly ElementType[] = ['int32', 'uint8', 'float64']

function randomBox(seed: number): KernelCase {
  const [rank, ...rest] = randomIntegers(17, seed, 1, 6) as [number, ...number[]]
  const dims = rest.slice(0, rank)
  const order = dims.map((_, axis) => axis).sort((a, b) => rest[a + 8]! - rest[b + 8]!)
  const srcDims = order.map((axis) => dims[axis]! + (rest[axis]! % 2))
  const strides = contiguous(srcDims)
  return copy(
    `random box ${seed}`,
    { dims, dstStrides: contiguous(dims), srcStrides: order.map((_, axis) => strides[order.indexOf(axis)]!) },
    dtypes[seed % 3],
  )
}

export const cases: readonly KernelCase[] = [
  ...dtypes.flatMap((dtype) =>
    lengthsOf(dtype).map((n) => copy('plain', { dims: [n], dstStrides: [1], srcStrides: [1] }, dtype)),
  ),
  ...dtypes.flatMap((dtype) => lengthsOf(dtype).map((n) => transpose([n, 7], [1, 0], dtype))),
  ...dtypes.flatMap((dtype) => lengthsOf(dtype).map((n) => transpose([7, n], [1, 0], dtype))),
  ...dtypes.flatMap((dtype) =>
    lengthsOf(dtype).map((n) =>
      copy('backwards', { dims: [n], dstStrides: [1], srcStrides: [-1], srcOffset: Math.max(0, n - 1) }, dtype),
    ),
  ),
  ...dtypes.flatMap((dtype) => [transpose([33, 70], [1, 0], dtype), transpose([3, 5, 6, 7], [0, 3, 1, 2], dtype)]),
  ...dtypes.map((dtype) => transpose([3, 5, 6, 7], [3, 1, 2, 0], dtype)),
  ...dtypes.map((dtype) => transpose([2, 3, 34, 37], [0, 1, 3, 2], dtype)),
  ...dtypes.flatMap((dtype) => [31, 32, 33, 47, 48, 49].map((n) => transpose([n, 64 + (n % 5)], [1, 0], dtype))),
  transpose([530, 512], [1, 0], 'int32'),
  transpose([300, 211], [1, 0], 'int32'),
  transpose([65, 3, 211], [2, 1, 0], 'int32'),
  transpose([2, 1, 3, 1, 2, 2, 3, 2], [7, 6, 5, 4, 3, 2, 1, 0], 'int32'),
  copy('scalar', { dims: [], dstStrides: [], srcStrides: [] }),
  copy('large', { dims: [70_001], dstStrides: [1], srcStrides: [1] }),
  copy('slice', { dims: [5, 3], dstStrides: [3, 1], srcStrides: [10, 2], srcOffset: 11 }),
  copy('rows into a wider one', { dims: [5, 3], dstStrides: [8, 1], srcStrides: [3, 1], dstOffset: 4, dstLength: 40 }),
  copy('strided destination', { dims: [9], dstStrides: [3], srcStrides: [1], dstLength: 27 }),
  copy('broadcast', { dims: [6, 9], dstStrides: [9, 1], srcStrides: [0, 1] }),
  copy('broadcast the last axis', { dims: [6, 9], dstStrides: [9, 1], srcStrides: [1, 0] }),
  copy('flip', { dims: [40], dstStrides: [1], srcStrides: [-1], srcOffset: 39 }),
  copy('flip both', { dims: [5, 6], dstStrides: [6, 1], srcStrides: [-6, -1], srcOffset: 29 }),
  copy('many short lines', { dims: [9001, 3], dstStrides: [3, 1], srcStrides: [5, 1], srcOffset: 1 }),
  ...Array.from({ length: 60 }, (_, seed) => randomBox(seed)),
]
