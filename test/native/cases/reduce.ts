// Cases of reduce and argReduce: every kind, rows (inner 1; 37 of them are groups of any number of lanes and a rest), columns,
// narrow columns, blocks with partial results, NaN, empty axes.
import { dtypeCode, type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'

const kinds = ['sum', 'mean', 'max', 'min', 'prod'] as const
type Kind = (typeof kinds)[number]
type Dtype = 'float32' | 'int32'
type Shape = readonly [outer: number, reduce: number, inner: number]

const identities: Readonly<Record<Kind, Record<Dtype, number>>> = {
  sum: { float32: 0, int32: 0 },
  mean: { float32: 0, int32: 0 },
  max: { float32: Number.NEGATIVE_INFINITY, int32: -(2 ** 31) },
  min: { float32: Number.POSITIVE_INFINITY, int32: 2 ** 31 - 1 },
  prod: { float32: 1, int32: 1 },
}

const steps: Readonly<Record<Kind, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  mean: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
  prod: (a, b) => a * b,
}

function expected(kind: Kind, dtype: Dtype, [outer, reduce, inner]: Shape, x: ArrayLike<number>): number[] {
  const step = dtype === 'int32' && kind === 'prod' ? Math.imul : steps[kind]
  return Array.from({ length: outer * inner }, (_, index) => {
    const at = Math.floor(index / inner) * reduce * inner + (index % inner)
    let total = identities[kind][dtype]
    for (let r = 0; r < reduce; r++) total = step(total, x[at + r * inner]!)
    if (dtype === 'int32') return total | 0
    return kind === 'mean' ? total / reduce : total
  })
}

function reduce(kind: Kind, dtype: Dtype, shape: Shape, data?: readonly number[]): KernelCase {
  const size = shape[0] * shape[1] * shape[2]
  const spread = kind === 'prod' ? ([0.9, 1.1] as const) : ([-1, 2] as const)
  const x = data ?? (dtype === 'int32' ? randomIntegers(size, 11, -(2 ** 30), 2 ** 30) : randomValues(size, 7, ...spread))
  return {
    kernel: 'reduce',
    name: `${kind} of ${dtype} [${shape}]`,
    args: [kinds.indexOf(kind), ...shape, dtypeCode[dtype]],
    outputs: [{ dtype, length: shape[0] * shape[2] }],
    inputs: [{ dtype, data: x }],
    // The tree is at most about 130 roundings deep (see reduce.cc), which mostly cancel; a product multiplies its own errors.
    epsilons: kind === 'max' || kind === 'min' ? 0 : kind === 'prod' ? Math.max(4, shape[1]) : 4 + Math.sqrt(shape[1]) / 8,
    floor: kind === 'prod' ? 0 : Math.sqrt(Math.max(1, shape[1])) / (kind === 'mean' ? Math.max(1, shape[1]) : 1),
    ...(size < 100_000 ? { reference: () => [expected(kind, dtype, shape, x)] } : {}),
  }
}

const shapes: readonly Shape[] = [
  ...lengths.map((n): Shape => [2, n, 1]),
  ...lengths.map((n): Shape => [1, 9, n]),
  ...[2, 3, 10, 31, 63].map((inner): Shape => [2, 130, inner]),
  [0, 3, 4],
  [3, 0, 4],
  [3, 4, 0],
  ...[31, 32, 33, 63, 64, 65, 100, 128, 200, 511, 512, 513].map((n): Shape => [37, n, 1]),
  [300, 100, 1],
  [3, 17_000, 1],
  [1, 5000, 10],
  [1, 700, 65],
  [1, 130, 1030],
  [5, 200, 3],
]

const nan = Number.NaN
const special = [1, nan, 3, -4, 5, nan, 2, 9, 0, -1, 4, 4, 4, 1, 1, 1, 8, 3, nan, 1, 0, 6, 6, 5]

/** Rows of which many hold a NaN, at every place. */
const rowsWithNaN = Array.from({ length: 37 * 65 }, (_, i) => (i % 131 === 7 ? nan : ((i * 37) % 101) - 50))

const specialShapes: readonly Shape[] = [
  [1, 24, 1],
  [2, 12, 1],
  [1, 3, 8],
  [1, 8, 3],
  [2, 2, 6],
]

/** Whether v takes the place of the best so far: NaN beats everything, the first one wins. */
const beats = (kind: 'max' | 'min', v: number, best: number) =>
  !Number.isNaN(best) && (Number.isNaN(v) || (kind === 'max' ? v > best : v < best))

function arg(kind: 'max' | 'min', dtype: Dtype, shape: Shape, data?: readonly number[]): KernelCase {
  const [outer, reduced, inner] = shape
  const x = data ?? randomIntegers(outer * reduced * inner, 13, -9, 9)
  return {
    kernel: 'argReduce',
    name: `${kind} of ${dtype} [${shape}]`,
    args: [kind === 'max' ? 0 : 1, ...shape, dtypeCode[dtype]],
    outputs: [{ dtype: 'int32', length: outer * inner }],
    inputs: [{ dtype, data: x }],
    reference: () => [
      Array.from({ length: outer * inner }, (_, index) => {
        const at = (r: number) => x[(Math.floor(index / inner) * reduced + r) * inner + (index % inner)]!
        let best = 0
        for (let r = 1; r < reduced; r++) if (beats(kind, at(r), at(best))) best = r
        return best
      }),
    ],
  }
}

export const cases: readonly KernelCase[] = [
  ...kinds.flatMap((kind) => shapes.map((shape) => reduce(kind, 'float32', shape))),
  ...kinds.filter((kind) => kind !== 'mean').flatMap((kind) => shapes.map((shape) => reduce(kind, 'int32', shape))),
  ...kinds.flatMap((kind) => specialShapes.map((shape) => reduce(kind, 'float32', shape, special))),
  ...kinds.filter((kind) => kind !== 'prod').map((kind) => reduce(kind, 'float32', [37, 65, 1], rowsWithNaN)),
  reduce('sum', 'float32', [1, 1_000_000, 1]),
  reduce('mean', 'float32', [1, 100_000, 10]),
  reduce('sum', 'float32', [1, 3000, 512]),
  ...(['max', 'min'] as const).flatMap((kind) => [
    ...shapes.filter((shape) => shape[1] > 0 || shape[0] * shape[2] === 0).map((shape) => arg(kind, 'float32', shape)),
    ...shapes.filter((shape) => shape[1] > 0).map((shape) => arg(kind, 'int32', shape)),
    ...specialShapes.map((shape) => arg(kind, 'float32', shape, special)),
    arg(
      kind,
      'float32',
      [1, 100, 1],
      Array.from({ length: 100 }, (_, i) => (i === 71 || i === 40 ? nan : i)),
    ),
    arg(kind, 'float32', [1, 100, 1], new Array<number>(100).fill(nan)),
    arg(kind, 'float32', [1, 100, 1], new Array<number>(100).fill(3)),
  ]),
]
