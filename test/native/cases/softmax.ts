// Cases of softmax, log-softmax, the cross-entropy of labels, and their gradients: every remainder of a row, rows of one class,
// of ten and of thousands, logits far beyond the range of exp, infinities and NaN, labels outside their range.
//
// Bounds are in epsilons (2^-23). A probability has the error of its exponential's argument x - max (half an epsilon of it, so up
// to 10 here), of the exponential, of the sum and of two more roundings. Logarithms, losses and gradients are sums of terms near
// the largest, whose errors they inherit.
import { type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'

type Shape = readonly [rows: number, cols: number]

const shapes: readonly Shape[] = [
  ...lengths.map((cols): Shape => [3, cols]),
  [0, 10],
  [128, 10],
  [700, 10],
  [5, 64],
  [4, 67],
  [2, 1000],
  [1, 30_000],
  [90, 400],
]

const inf = Number.POSITIVE_INFINITY

function forward(log: boolean, [rows, cols]: Shape, x: readonly number[], epsilons: number, label = ''): KernelCase {
  return {
    kernel: 'softmax',
    name: `${log ? 'log ' : ''}[${rows}, ${cols}] ${label}`,
    args: [rows, cols, log ? 1 : 0],
    outputs: [{ dtype: 'float32', length: rows * cols }],
    inputs: [{ dtype: 'float32', data: x }],
    epsilons,
    floor: log ? 'max' : 0,
  }
}

/** Rows of probabilities, or of their logarithms, as softmax gives them. */
function softmaxRows(log: boolean, [rows, cols]: Shape, seed: number): number[] {
  const x = randomValues(rows * cols, seed, -4, 4)
  const logSums = Array.from({ length: rows }, (_, row) =>
    Math.log(x.slice(row * cols, (row + 1) * cols).reduce((sum, value) => sum + Math.exp(value), 0)),
  )
  return x.map((value, i) => {
    const difference = value - (logSums[Math.floor(i / cols)] as number)
    return Math.fround(log ? difference : Math.exp(difference))
  })
}

function backward(log: boolean, shape: Shape): KernelCase {
  const [rows, cols] = shape
  return {
    kernel: 'softmaxBackward',
    name: `${log ? 'log ' : ''}[${rows}, ${cols}]`,
    args: [rows, cols, log ? 1 : 0],
    outputs: [{ dtype: 'float32', length: rows * cols }],
    inputs: [
      { dtype: 'float32', data: randomValues(rows * cols, 2) },
      { dtype: 'float32', data: softmaxRows(log, shape, 3) },
    ],
    epsilons: 6 + Math.sqrt(cols) / 8,
    floor: 'max',
  }
}

function crossEntropy([rows, cols]: Shape, x: readonly number[], labels: readonly number[]): KernelCase {
  return {
    kernel: 'sparseCrossEntropy',
    name: `[${rows}, ${cols}]`,
    args: [rows, cols],
    outputs: [{ dtype: 'float32', length: rows }],
    inputs: [
      { dtype: 'float32', data: x },
      { dtype: 'int32', data: labels },
    ],
    epsilons: 4 + Math.sqrt(cols) / 8,
    floor: Math.max(1, ...x.filter((value) => Number.isFinite(value)).map(Math.abs)),
  }
}

function crossEntropyBackward([rows, cols]: Shape, x: readonly number[], labels: readonly number[]): KernelCase {
  return {
    kernel: 'sparseCrossEntropyBackward',
    name: `[${rows}, ${cols}]`,
    args: [rows, cols],
    outputs: [{ dtype: 'float32', length: rows * cols }],
    inputs: [
      { dtype: 'float32', data: x },
      { dtype: 'int32', data: labels },
      { dtype: 'float32', data: randomValues(rows, 9, 0.5, 1) },
    ],
    epsilons: 12,
    floor: 'max',
  }
}

const special: readonly (readonly number[])[] = [
  [1, 2, inf, 3, 4, 5],
  [1, 2, Number.NaN, 3, 4, 5],
  [-inf, 2, -inf, 3, 4, 5],
  [-inf, -inf, -inf, -inf, -inf, -inf],
  [1000, 1001, 900, -1e9, 1002, 950],
  [-1e30, -1e30, -1e30, -2e30, -1e30, -1e30],
  [3e38, 3e38, -3e38, 0, 3e38, 3e38],
]
const specialRows = special.flat()
const specialShape: Shape = [special.length, 6]
const specialLabels = [0, 1, 3, 4, 5, 0, 1]

const labelled = shapes.filter(([, cols]) => cols > 0)

const refused = ([0, 5, 31] as const).flatMap((position) =>
  [-1, 10, 2147483647, -2147483648].flatMap((value) => {
    const labels = randomIntegers(32, 5, 0, 10).map((label, i) => (i === position ? value : label))
    const x = randomValues(320, 1)
    const fails = { position, value, limit: 10 }
    return [
      { ...crossEntropy([32, 10], x, labels), fails },
      { ...crossEntropyBackward([32, 10], x, labels), fails },
    ]
  }),
)

export const cases: readonly KernelCase[] = [
  ...[false, true].flatMap((log) => [
    ...shapes.map((shape) => forward(log, shape, randomValues(shape[0] * shape[1], 1, -10, 10), 24)),
    forward(log, specialShape, specialRows, 24, 'special rows'),
    ...shapes.map((shape) => backward(log, shape)),
  ]),
  ...labelled.flatMap((shape) => {
    const x = randomValues(shape[0] * shape[1], 4, -10, 10)
    const labels = randomIntegers(shape[0], 5, 0, shape[1])
    return [crossEntropy(shape, x, labels), crossEntropyBackward(shape, x, labels)]
  }),
  crossEntropy(specialShape, specialRows, specialLabels),
  crossEntropyBackward(specialShape, specialRows, specialLabels),
  { ...crossEntropy([1, 0], [], [0]), fails: { position: 0, value: 0, limit: 0 } },
  ...refused,
]
