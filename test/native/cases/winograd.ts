// Cases of winogradKernel, and of convolutions that read what it made in place of their kernel.
import { type KernelCase, randomValues } from '../harness.js'
import { convolution, type Geometry } from './conv.js'
import { fused } from './conv-fused.js'

const root = Math.SQRT2
/** The 1-D transform of taps to positions. */
const G = [
  [1, 0, 0],
  [-2 / 3, -root / 3, -1 / 3],
  [-2 / 3, root / 3, -1 / 3],
  [1 / 6, root / 6, 1 / 3],
  [1 / 6, -root / 6, 1 / 3],
  [0, 0, 1],
]

/** [panel of 32 filters][36 positions][C][filters of the panel, padded with zeros to a multiple of 16], of a kernel [3, 3, C, O]. */
export function transformed(w: ArrayLike<number>, C: number, O: number): Float64Array {
  const result = new Float64Array(36 * C * 16 * Math.ceil(O / 16))
  for (let o = 0; o < O; o++) {
    const panel = o - (o % 32)
    const row = Math.min(32, 16 * Math.ceil((O - panel) / 16))
    for (let c = 0; c < C; c++) {
      for (let position = 0; position < 36; position++) {
        const [down, along] = [G[Math.floor(position / 6)]!, G[position % 6]!]
        let sum = 0
        for (let tap = 0; tap < 9; tap++) sum += down[Math.floor(tap / 3)]! * along[tap % 3]! * w[(tap * C + c) * O + o]!
        result[36 * C * panel + (position * C + c) * row + o - panel] = sum
      }
    }
  }
  return result
}

function transform(C: number, O: number): KernelCase {
  const w = randomValues(9 * C * O, C + 100 * O)
  return {
    kernel: 'winogradKernel',
    name: `[3, 3, ${C}, ${O}]`,
    args: [C, O],
    outputs: [{ dtype: 'float32', length: 36 * C * 16 * Math.ceil(O / 16) }],
    inputs: [{ dtype: 'float32', data: w }],
    // Two transforms of three terms each, of numbers that come to no more than 3: six roundings, and what taking sums apart loses.
    epsilons: 8,
    floor: 3,
    reference: () => [transformed(w, C, O)],
  }
}

/** The same convolution by Winograd with its kernel transformed beforehand. */
function withTransformed(geometry: Omit<Geometry, 'KH' | 'KW'>, make: (geometry: Geometry) => KernelCase): KernelCase {
  // The reference is of the kernel before the transforms were rounded: the twin is held to it where it reads the kernel itself.
  const { reference: _, ...plain } = make({ ...geometry, KH: 3, KW: 3, algorithm: 'winograd' })
  const [x, w, ...operands] = plain.inputs
  const data = transformed(Float32Array.from(w!.data), geometry.C, geometry.O)
  return {
    ...plain,
    name: `${plain.name}, transformed`,
    args: [...plain.args.slice(0, 16), 2, ...plain.args.slice(17)],
    inputs: [x!, { dtype: 'float32', data }, ...operands],
  }
}

const around: [number, number, number, number] = [1, 1, 1, 1]
const shapes = [
  ...[1, 3, 8, 15, 16, 17, 31, 32, 33].map((O, i) => ({ N: 1, H: 6, W: 7, C: 1 + 5 * i, O, pad: around })),
  { N: 1, H: 9, W: 10, C: 70, O: 150 },
  { N: 1, H: 7, W: 8, C: 70, O: 150, pad: around },
  { N: 3, H: 16, W: 16, C: 32, O: 32, pad: around },
  { N: 0, H: 5, W: 5, C: 3, O: 4 },
]

export const cases: readonly KernelCase[] = [
  ...[1, 3, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 64, 70].map((O, i) => transform(1 + 3 * i, O)),
  transform(16, 16),
  transform(64, 64),
  transform(0, 5),
  transform(5, 0),
  ...shapes.map((shape) => withTransformed(shape, convolution)),
  ...shapes.map((shape) => withTransformed(shape, (geometry) => fused(geometry, { bias: true, normalized: true, relu: true }))),
  withTransformed(shapes[9]!, (geometry) => fused(geometry, { residual: true })),
  withTransformed(shapes[11]!, (geometry) => fused(geometry, { bias: true, relu: true, pooling: 2 })),
]
