// Cases of cast: every pair of element types, every length, and the edges of truncation and saturation.
import { dtypeCode, type ElementType, type KernelCase, lengthsOf, randomIntegers } from '../harness.js'

const dtypes: readonly ElementType[] = ['float32', 'int32', 'uint8', 'bool', 'float64']

/** What one value becomes. */
function converted(value: number, to: ElementType): number {
  if (to === 'bool') return value !== 0 ? 1 : 0
  if (to === 'float64') return value
  if (to === 'float32') return Math.fround(value)
  const [low, high] = to === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255]
  return Number.isNaN(value) ? 0 : Math.min(high, Math.max(low, Math.trunc(value)))
}

function cast(from: ElementType, to: ElementType, data: readonly number[], name = `${data.length}`): KernelCase {
  return {
    kernel: 'cast',
    name: `${name} from ${from} to ${to}`,
    args: [data.length, dtypeCode[to], dtypeCode[from]],
    outputs: [{ dtype: to, length: data.length }],
    inputs: [{ dtype: from, data }],
    sameTypes: true,
    reference: () => [data.map((value) => converted(from === 'float32' ? Math.fround(value) : value, to))],
  }
}

const values = (from: ElementType, count: number): number[] => {
  if (from === 'bool') return randomIntegers(count, 3, 0, 2)
  if (from === 'uint8') return randomIntegers(count, 3, 0, 256)
  const integers = randomIntegers(count, 3, -600, 600)
  return from === 'int32' ? integers : integers.map((v) => v / 4)
}

const edges = [
  0, -0, 0.5, -0.5, 0.999, -0.999, 1.5, -1.5, 254.9, 255, 255.5, 256, -1, 2147483520, 2147483647, 2147483648, -2147483648, 1e20,
  -1e20,
]
const limits = [0, 1, -1, 127, 128, 255, 256, -256, 65536, 2 ** 31 - 1, -(2 ** 31), 16777217]

export const cases: readonly KernelCase[] = [
  ...dtypes.flatMap((from) => dtypes.flatMap((to) => lengthsOf(from, to).map((n) => cast(from, to, values(from, n))))),
  ...dtypes.flatMap((to) =>
    (['float32', 'float64'] as const).map((from) => cast(from, to, [...edges, Number.NaN, 1 / 0, -1 / 0], 'edges')),
  ),
  ...dtypes.map((to) => cast('int32', to, limits, 'edges')),
  cast('uint8', 'float32', values('uint8', 50_000)),
]
