// Cases of the kernels that read the gradient of what was pooled: windows that the image cuts off, every alignment of tiles and windows,
// masked channels, several groups and blocks.
import { type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'
import { convolutions, type Geometry, outputShape } from './conv.js'

interface Pooled {
  values: number[]
  where: number[]
  /** The same, spread over the pixels. */
  pixels: number[]
}

/** A gradient at windows of 2 × 2;  */
export function pooled(N: number, H: number, W: number, C: number, seed: number): Pooled {
  const [rows, columns] = [Math.floor(H / 2), Math.floor(W / 2)]
  const values = randomValues(N * rows * columns * C, seed)
  const where = randomIntegers(values.length, seed + 1, 0, 4)
  const pixels = new Array<number>(N * H * W * C).fill(0)
  values.forEach((value, i) => {
    const [c, column, row, n] = [
      i % C,
      Math.floor(i / C) % columns,
      Math.floor(i / C / columns) % rows,
      Math.floor(i / C / columns / rows),
    ]
    const tap = where[i]!
    pixels[((n * H + 2 * row + (tap >> 1)) * W + 2 * column + (tap & 1)) * C + c] = value
  })
  return { values, where, pixels }
}

/** A gradient of a convolution as its like over windows. */
export const overWindows = (test: KernelCase): KernelCase =>
  test.kernel === 'conv2dBackwardInput'
    ? { ...test, kernel: 'conv2dBackwardInputFused', args: [...test.args, 1, 0, 0] }
    : { ...test, kernel: `${test.kernel}Pooled` }

/** The two gradients of a convolution by Winograd, with those of the pixels as the gradient of what was pooled has them. */
function gradients(geometry: Omit<Geometry, 'KH' | 'KW'>, seed = 1): KernelCase[] {
  const whole: Geometry = { ...geometry, KH: 3, KW: 3, algorithm: 'winograd' }
  const { N, OH, OW, O } = outputShape(whole)
  const { values, where, pixels } = pooled(N, OH, OW, O, seed + 7)
  return convolutions(whole, seed, pixels)
    .slice(1)
    .map((test): KernelCase => {
      const inputs = test.inputs.map((input) => (input.data === pixels ? { ...input, data: values } : input))
      return { ...overWindows(test), inputs: [...inputs, { dtype: 'uint8', data: where }] }
    })
}

function sum(N: number, H: number, W: number, C: number): KernelCase {
  const { values, where } = pooled(N, H, W, C, N + H + W + C)
  return {
    kernel: 'sumPooled',
    name: `[${N}, ${H}, ${W}, ${C}]`,
    args: [N, H, W, C],
    outputs: [{ dtype: 'float32', length: C }],
    inputs: [
      { dtype: 'float32', data: values },
      { dtype: 'uint8', data: where },
    ],
    epsilons: 4 + Math.sqrt(values.length),
    floor: 1,
    reference: () => [Array.from({ length: C }, (_, c) => values.reduce((total, v, i) => (i % C === c ? total + v : total), 0))],
  }
}

type Pads = [number, number, number, number]
const pads: Pads[] = [
  [0, 0, 0, 0],
  [1, 1, 1, 1],
  [2, 2, 2, 2],
  [1, 1, 0, 2],
  [0, 2, 1, 1],
  [3, 2, 5, 0],
]

export const cases: readonly KernelCase[] = [
  ...pads.flatMap((pad, i) => gradients({ N: 2, H: 13, W: 18, C: 4, O: 6, pad }, i)),
  ...Array.from({ length: 12 }, (_, n) => gradients({ N: 2, H: n, W: 13 - n, C: 3, O: 5, pad: [1, 1, 1, 1] }, n)).flat(),
  ...[1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33].flatMap((O) => gradients({ N: 1, H: 6, W: 9, C: 40 - O, O, pad: [1, 1, 1, 1] }, O)),
  ...gradients({ N: 0, H: 5, W: 5, C: 3, O: 4 }),
  ...gradients({ N: 1, H: 12, W: 10, C: 70, O: 150 }),
  ...gradients({ N: 3, H: 26, W: 26, C: 32, O: 64 }),
  ...gradients({ N: 2, H: 32, W: 32, C: 16, O: 16, pad: [1, 1, 1, 1] }),
  ...lengths.slice(2).map((C) => sum(2, 5, 6, C)),
  ...[64, 65, 100, 1024].map((C) => sum(1, 9, 8, C)),
  sum(0, 4, 4, 3),
  sum(2, 1, 7, 3),
  sum(5, 31, 33, 2),
  sum(5, 31, 33, 20),
  sum(9, 24, 24, 64),
]
