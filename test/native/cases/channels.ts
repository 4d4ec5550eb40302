// Cases of the statistics of channels: every remainder of a vector, blocks of rows and tiles of channels, means far from zero.
//
// Partial sums of up to 16384 rows are rounded at their own size, so errors grow with the square root of that; the variance is taken
// about a row of the block, which may lie some deviations away from the mean.
import { type KernelCase, lengths, randomValues } from '../harness.js'

type Shape = readonly [rows: number, channels: number]

const shapes: readonly Shape[] = [
  ...lengths.map((channels): Shape => [5, channels]),
  ...lengths.slice(1).map((rows): Shape => [rows, 3]),
  [1, 20],
  [4096, 16],
  [5000, 3],
  [2100, 40],
  [200, 300],
  [130, 600],
  [20_000, 1],
  [0, 0],
]

function moments([rows, channels]: Shape, offset: number): KernelCase {
  const x = randomValues(rows * channels, 3).map((value) => Math.fround(value + offset))
  const column = (c: number) => Array.from({ length: rows }, (_, r) => x[r * channels + c]!)
  const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / rows
  const means = Array.from({ length: channels }, (_, c) => average(column(c)))
  return {
    kernel: 'channelMoments',
    name: `[${rows}, ${channels}] about ${offset}`,
    args: [rows, channels],
    outputs: [
      { dtype: 'float32', length: channels },
      { dtype: 'float32', length: channels },
    ],
    inputs: [{ dtype: 'float32', data: x }],
    epsilons: 24,
    floor: 1,
    reference: () => [means, means.map((mean, c) => average(column(c).map((value) => (value - mean) ** 2)))],
  }
}

function gradients([rows, channels]: Shape): KernelCase {
  return {
    kernel: 'channelGradients',
    name: `[${rows}, ${channels}]`,
    args: [rows, channels],
    outputs: [
      { dtype: 'float32', length: channels },
      { dtype: 'float32', length: channels },
    ],
    inputs: [
      { dtype: 'float32', data: randomValues(rows * channels, 1) },
      { dtype: 'float32', data: randomValues(rows * channels, 2) },
      { dtype: 'float32', data: randomValues(channels, 3) },
      { dtype: 'float32', data: randomValues(channels, 4, 0.5, 2) },
    ],
    epsilons: 16,
    floor: Math.sqrt(Math.max(1, rows)),
  }
}

export const cases: readonly KernelCase[] = [
  ...shapes.flatMap((shape) => [moments(shape, 0), gradients(shape)]),
  moments([3000, 20], 100),
  moments([64, 9], -1000),
]
