// Cases of fill and arange.
import { dtypeCode, type ElementType, type KernelCase, lengths, lengthsOf } from '../harness.js'

const dtypes: readonly ElementType[] = ['float32', 'int32', 'uint8', 'bool']

function fill(dtype: ElementType, count: number, value: number, wanted = value): KernelCase {
  return {
    kernel: 'fill',
    name: `${count} x ${value} of ${dtype}`,
    args: [count, dtypeCode[dtype], value],
    outputs: [{ dtype, length: count }],
    inputs: [],
    reference: () => [new Array<number>(count).fill(wanted)],
  }
}

function arange(dtype: ElementType, count: number, start: number, step: number): KernelCase {
  return {
    kernel: 'arange',
    name: `${count} of ${dtype} from ${start} by ${step}`,
    args: [count, dtypeCode[dtype], start, step],
    outputs: [{ dtype, length: count }],
    inputs: [],
    reference: () => [Array.from({ length: count }, (_, i) => start + i * step)],
  }
}

export const cases: readonly KernelCase[] = [
  ...dtypes.flatMap((dtype) => lengthsOf(dtype).map((count) => fill(dtype, count, 1))),
  ...dtypes.map((dtype) => fill(dtype, 100_003, 1)),
  fill('float32', 5, -0),
  fill('float32', 5, Number.NaN),
  fill('float32', 5, Number.NEGATIVE_INFINITY),
  fill('int32', 5, 1e10, 2147483647),
  fill('int32', 5, Number.NaN, 0),
  fill('int32', 5, -1.9, -1),
  fill('uint8', 5, 300, 255),
  fill('uint8', 5, -3, 0),
  fill('bool', 5, 7, 1),
  ...lengths.map((count) => arange('float32', count, -2, 0.5)),
  ...lengths.map((count) => arange('int32', count, 5, -3)),
  ...lengthsOf('uint8').map((count) => arange('uint8', count, 3, 1)),
  arange('uint8', 200, 0, 1),
  arange('float32', 100_003, 0, 1),
]
