// Cases of conv2dFused: every step by itself and all that may stand together, on every algorithm; windows cut off by odd sizes. And of
// conv2dBackwardInputFused, by Winograd alone.
import { type Input, type KernelCase, randomValues } from '../harness.js'
import { convolution, type Geometry, inputGradient, outputShape } from './conv.js'

interface Steps {
  bias?: boolean
  normalized?: boolean
  residual?: boolean
  relu?: boolean
  pooling?: 0 | 1 | 2
  statistics?: boolean
}

/** What the steps make of element i of the convolution: the definition in JavaScript, written apart from the twin. */
type Finish = (v: number, i: number) => number

export function fused(geometry: Geometry, steps: Steps, seed = 1): KernelCase {
  const plain = convolution(geometry, seed)
  const { N, OH, OW, O } = outputShape(geometry)
  const { bias = false, normalized = false, residual = false, relu = false, pooling = 0, statistics = false } = steps
  const values = (count: number, nth: number, low = -1): number[] => randomValues(count, seed + nth, low, 1)
  const [b, centre, factor, offset] = [values(O, 3), values(O, 4), values(O, 5, 0.5), values(O, 6)] as const
  const others = values(N * OH * OW * O, 7)
  const operands = [...(bias ? [b] : []), ...(normalized ? [centre, factor, offset] : []), ...(residual ? [others] : [])]
  const at = (list: readonly number[], i: number): number => list[i] as number
  const finish: Finish = (sum, i) => {
    const c = i % O
    let v = bias ? sum + at(b, c) : sum
    if (normalized) v = (v - at(centre, c)) * at(factor, c) + at(offset, c)
    if (residual) v += at(others, i)
    return relu ? Math.max(v, 0) : v
  }
  const { reference } = plain
  const length = pooling ? N * Math.floor(OH / 2) * Math.floor(OW / 2) * O : N * OH * OW * O
  return {
    ...plain,
    kernel: 'conv2dFused',
    name: `${JSON.stringify(geometry)} ${JSON.stringify(steps)}`,
    args: [...plain.args, Number(bias), Number(normalized), Number(residual), Number(relu), pooling, Number(statistics)],
    outputs: [
      { dtype: 'float32', length },
      ...(statistics ? [O, O].map((count) => ({ dtype: 'float32' as const, length: count })) : []),
      ...(pooling === 2 ? [{ dtype: 'uint8' as const, length }] : []),
    ],
    inputs: [...plain.inputs, ...operands.map((data): Input => ({ dtype: 'float32', data }))],
    // Five more roundings of values that are at most a few times those of the convolution; relative to the largest for Winograd.
    // A variance is summed up about one pixel of a block, which may lie some deviations away from the mean.
    epsilons: (plain.epsilons ?? 0) + (statistics ? 120 : 20),
    ...(reference
      ? {
          reference: () => {
            const results = stepped(reference()[0] as ArrayLike<number>, finish, pooling, { N, OH, OW, O })
            return statistics ? [...results, ...moments(results[0] as ArrayLike<number>, O)] : results
          },
        }
      : {}),
  }
}

/** The gradient to the input, another gradient added, and 0 where a value is not above 0. */
function fusedGradient(geometry: Geometry, residual: boolean, mask: boolean, seed = 1): KernelCase {
  const plain = inputGradient(geometry, seed)
  const { length } = plain.outputs[0] as { length: number }
  const [others, values] = [3, 4].map((nth) => randomValues(length, seed + nth, -1, 1)) as [number[], number[]]
  const { reference } = plain
  const finish: Finish = (sum, i) => {
    if (mask && !((values[i] as number) > 0)) return 0
    return residual ? sum + (others[i] as number) : sum
  }
  return {
    ...plain,
    kernel: 'conv2dBackwardInputFused',
    name: `${JSON.stringify(geometry)} ${JSON.stringify({ residual, mask })}`,
    args: [...plain.args, 0, Number(residual), Number(mask)],
    inputs: [
      ...plain.inputs,
      ...(residual ? [others] : []).map((data): Input => ({ dtype: 'float32', data })),
      ...(mask ? [values] : []).map((data): Input => ({ dtype: 'float32', data })),
    ],
    // One more rounding.
    epsilons: (plain.epsilons ?? 0) + 4,
    ...(reference ? { reference: () => [Array.from(reference()[0] as ArrayLike<number>, finish)] } : {}),
  }
}

/** Mean and variance of each channel. */
function moments(y: ArrayLike<number>, channels: number): number[][] {
  const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0)
  const columns = Array.from({ length: channels }, (_, c) => Array.from(y).filter((_, i) => i % channels === c))
  const means = columns.map(average)
  return [means, columns.map((column, c) => average(column.map((value) => (value - (means[c] as number)) ** 2)))]
}

function stepped(
  sums: ArrayLike<number>,
  finish: Finish,
  pooling: number,
  { N, OH, OW, O }: ReturnType<typeof outputShape>,
): ArrayLike<number>[] {
  const y = Array.from(sums, finish)
  if (!pooling) return [y]
  const windows = Array.from({ length: N * Math.floor(OH / 2) * Math.floor(OW / 2) * O }, (_, i) => {
    const [c, w] = [i % O, Math.floor(i / O) % Math.floor(OW / 2)]
    const row = Math.floor(i / O / Math.floor(OW / 2))
    const [h, n] = [row % Math.floor(OH / 2), Math.floor(row / Math.floor(OH / 2))]
    return [0, 1, 2, 3].map((tap) => y[((n * OH + 2 * h + (tap >> 1)) * OW + 2 * w + (tap & 1)) * O + c] as number)
  })
  const maxima = windows.map((window) => Math.max(...window))
  return pooling === 1 ? [maxima] : [maxima, windows.map((window, i) => window.indexOf(maxima[i] as number))]
}

const around: [number, number, number, number] = [1, 1, 1, 1]
const all: Steps = { bias: true, normalized: true, residual: true, relu: true }
const each: readonly Steps[] = [
  {},
  { bias: true },
  { bias: true, relu: true },
  { normalized: true },
  { normalized: true, relu: true },
  { residual: true },
  { relu: true },
  all,
  { pooling: 1 },
  { bias: true, relu: true, pooling: 1 },
  { bias: true, normalized: true, relu: true, pooling: 2 },
]

/**
 * One of every way of computing it: by Winograd, directly, few channels, depthwise, as a matrix product, empty; then whole vectors of
 * channels, pixels that no tap meets, several groups.
 */
const ways: readonly Geometry[] = [
  { N: 2, H: 9, W: 10, C: 5, KH: 3, KW: 3, O: 19, pad: around, algorithm: 'winograd' },
  { N: 2, H: 9, W: 10, C: 5, KH: 3, KW: 3, O: 19, pad: around },
  { N: 1, H: 8, W: 7, C: 2, KH: 3, KW: 2, O: 33, stride: [1, 2] },
  { N: 2, H: 6, W: 7, C: 9, KH: 3, KW: 3, O: 9, groups: 9, pad: around },
  { N: 2, H: 5, W: 6, C: 4, KH: 1, KW: 1, O: 18 },
  { N: 0, H: 5, W: 6, C: 4, KH: 3, KW: 3, O: 3 },
  { N: 2, H: 9, W: 10, C: 3, KH: 3, KW: 3, O: 48, pad: around },
  { N: 2, H: 4, W: 5, C: 3, KH: 1, KW: 2, O: 32, pad: [2, 2, 2, 2] },
  { N: 1, H: 7, W: 6, C: 6, KH: 3, KW: 3, O: 64, groups: 2, stride: [2, 1] },
  { N: 1, H: 7, W: 6, C: 6, KH: 3, KW: 3, O: 38, groups: 2, pad: around },
]

/** Tiles and windows that are cut off, masked channels, several groups and blocks of columns. */
const winograd: readonly Geometry[] = [
  ...Array.from({ length: 10 }, (_, n) => ({ N: 1, H: n + 1, W: 11 - n, C: 3, O: 5 + n, pad: around })),
  { N: 3, H: 26, W: 26, C: 32, O: 64 },
  { N: 2, H: 17, W: 15, C: 6, O: 130, pad: around },
].map((shape) => ({ ...shape, KH: 3, KW: 3, algorithm: 'winograd' as const }))

/** Blocks of one image, of several, of parts of rows, cut off at the end; tiles of channels; bands of a large image; one group of tiles. */
const gathered: readonly Geometry[] = [
  ...ways.slice(0, 4),
  { N: 5, H: 32, W: 32, C: 3, KH: 3, KW: 3, O: 16, pad: around },
  { N: 5, H: 33, W: 30, C: 16, KH: 3, KW: 3, O: 16, pad: around, algorithm: 'winograd' },
  { N: 7, H: 9, W: 11, C: 4, KH: 3, KW: 3, O: 65, pad: around, algorithm: 'winograd' },
  { N: 3, H: 16, W: 16, C: 8, KH: 1, KW: 1, O: 36, stride: [2, 2] },
  { N: 1, H: 90, W: 91, C: 24, KH: 3, KW: 3, O: 20, groups: 4, pad: around },
  { N: 2, H: 40, W: 41, C: 40, KH: 3, KW: 3, O: 40, groups: 40, pad: around },
  { N: 3, H: 7, W: 8, C: 5, KH: 2, KW: 2, O: 300 },
  { N: 1, H: 4, W: 4, C: 16, KH: 3, KW: 3, O: 200, pad: around, algorithm: 'winograd' },
]

export const cases: readonly KernelCase[] = [
  ...gathered.flatMap((way, i) => [
    fused(way, { statistics: true }, i),
    fused(way, { bias: true, residual: true, statistics: true }, i),
  ]),
  ...ways.flatMap((way) =>
    each.filter(({ pooling }) => !pooling || way.algorithm === 'winograd').map((steps) => fused(way, steps)),
  ),
  ...winograd.flatMap((shape, i) => [fused(shape, all, i), fused(shape, { bias: true, relu: true, pooling: 2 }, i)]),
  ...winograd.map((shape, i) => fusedGradient(shape, i % 2 === 0, i % 4 < 2, i)),
  ...[false, true].map((residual) => fusedGradient({ ...(ways[0] as Geometry), C: 16, O: 3 }, residual, true)),
  fusedGradient({ N: 0, H: 5, W: 6, C: 4, KH: 3, KW: 3, O: 3, algorithm: 'winograd' }, true, true),
  fused({ N: 5, H: 28, W: 28, C: 3, KH: 3, KW: 3, O: 32, pad: around }, all),
  fused({ N: 9, H: 12, W: 12, C: 33, KH: 1, KW: 1, O: 65 }, all),
]
