// The rows of kernels that only stream, which bench/kernels.ts times against a copy of as many bytes: pooling, pointwise formulas and
// statistics of channels.
import { native } from './kernel-rows.js'
import type { KernelShape } from './kernel-shapes.js'

/** The four kernels of a pooling of [batch, size, size, C]. */
export function pool(batch: number, size: number, C: number, window: number, stride = window): KernelShape[] {
  const out = Math.floor((size - window) / stride) + 1
  const [x, y] = [batch * size * size * C, batch * out * out * C]
  const args = [batch, size, size, C, window, window, out, out, stride, stride, 0, 0]
  const shape = (kernel: string, sizes: number[], widths: number[]): KernelShape => ({
    kernel,
    label: `${batch}x${size}x${size} ${C} ${window}x${window}${stride === window ? '' : ` stride ${stride}`}`,
    sizes,
    widths,
    args,
    flop: 0,
  })
  return [
    shape('maxPool2d', [y, y, x], [4, 1, 4]),
    shape('maxPool2dBackward', [x, y, y], [4, 4, 1]),
    shape('averagePool2d', [y, x], [4, 4]),
    shape('averagePool2dBackward', [x, y], [4, 4]),
  ]
}

const kinds = { full: 0, row: 1, column: 2, scalar: 3 } as const
type Kind = keyof typeof kinds
/** An instruction: its name, where its result goes and its operands, as x0 (input), c0 (constant), r0 (register), y0 (output). */
type Step = readonly [instruction: string, result: string, ...operands: string[]]

export interface Formula {
  inputs: readonly Kind[]
  steps: readonly Step[]
  constants?: readonly number[]
  registers?: number
  outputs?: number
}

/** The arguments of a row that computes a formula over [rows, columns] float32. */
export function formulaArguments(rows: number, columns: number, formula: Formula): number[] {
  const { inputs, steps, constants = [], registers = 0, outputs = 1 } = formula
  const first = { x: 0, c: inputs.length, r: inputs.length + constants.length, y: inputs.length + constants.length + registers }
  const operand = (name: string): number => first[name[0] as keyof typeof first] + Number(name.slice(1))
  return [
    ...[0, rows, columns, inputs.length, outputs, constants.length, registers, steps.length],
    ...inputs.flatMap((kind) => [0, kinds[kind]]),
    ...new Array<number>(outputs).fill(0),
    ...constants,
    ...steps.flatMap(([name, result, a = result, b = a, c = a]) => [
      native.instructions.indexOf(name),
      operand(result),
      ...[a, b, c].map(operand),
    ]),
  ]
}

/** SGD with momentum over a parameter, its velocity and its gradient. */
export const momentum: Formula = {
  inputs: ['full', 'full', 'full', 'scalar'],
  constants: [0.9],
  registers: 2,
  outputs: 2,
  steps: [
    ['multiply', 'r0', 'x1', 'c0'],
    ['multiply', 'r1', 'x2', 'x3'],
    ['subtract', 'r1', 'r0', 'r1'],
    ['add', 'y0', 'x0', 'r1'],
    ['copy', 'y1', 'r1'],
  ],
}

function pointwise(label: string, rows: number, columns: number, formula: Formula): KernelShape {
  const { inputs, outputs = 1 } = formula
  const lengths = { full: rows * columns, row: rows, column: columns, scalar: 1 }
  return {
    kernel: 'pointwise',
    label: `${label} ${rows}x${columns}`,
    sizes: [...new Array<number>(outputs).fill(rows * columns), ...inputs.map((kind) => lengths[kind])],
    args: formulaArguments(rows, columns, formula),
    flop: 0,
  }
}

/** What networks compute between their products: activations, normalization and its gradient, updates. */
function formulas(rows: number, columns: number): KernelShape[] {
  const of = (label: string, formula: Formula): KernelShape => pointwise(label, rows, columns, formula)
  const normalize: Formula = {
    inputs: ['full', 'column', 'column', 'column'],
    registers: 1,
    steps: [
      ['subtract', 'r0', 'x0', 'x1'],
      ['multiplyAdd', 'y0', 'r0', 'x2', 'x3'],
    ],
  }
  return [
    of('relu', { inputs: ['full'], constants: [0], steps: [['maximum', 'y0', 'x0', 'c0']] }),
    of('bias relu', {
      inputs: ['full', 'column'],
      constants: [0],
      registers: 1,
      steps: [
        ['add', 'r0', 'x0', 'x1'],
        ['maximum', 'y0', 'r0', 'c0'],
      ],
    }),
    of('normalize', normalize),
    of('normalize rows', { ...normalize, inputs: ['full', 'row', 'row', 'row'] }),
    of('relu gradient', {
      inputs: ['full', 'full'],
      constants: [0],
      registers: 1,
      steps: [
        ['greater', 'r0', 'x0', 'c0'],
        ['where', 'y0', 'r0', 'x1', 'c0'],
      ],
    }),
    of('normalize gradient', {
      inputs: ['full', 'full', 'column', 'column', 'column', 'column'],
      registers: 2,
      steps: [
        ['subtract', 'r0', 'x0', 'x4'],
        ['subtract', 'r1', 'x1', 'x2'],
        ['multiply', 'r1', 'r1', 'x5'],
        ['subtract', 'r0', 'r0', 'r1'],
        ['multiply', 'y0', 'x3', 'r0'],
      ],
    }),
    of('SGD', momentum),
    of('sigmoid', { inputs: ['full'], steps: [['sigmoid', 'y0', 'x0']] }),
  ]
}

function channels(rows: number, columns: number): KernelShape[] {
  const [x, c] = [rows * columns, columns]
  const shape = (kernel: string, sizes: number[]): KernelShape => ({
    kernel,
    label: `${rows}x${columns}`,
    sizes,
    args: [rows, columns],
    flop: 0,
  })
  return [shape('channelMoments', [c, c, x]), shape('channelGradients', [c, c, x, x, c, c])]
}

export const streamShapes: readonly KernelShape[] = [
  ...pool(64, 24, 64, 2),
  ...pool(64, 32, 16, 2),
  ...pool(64, 24, 64, 3, 2),
  ...pool(64, 8, 64, 8),
  ...[
    [32, 64],
    [2048, 64],
    [4096, 64],
    [16384, 32],
    [65536, 16],
  ].flatMap(([rows, columns]) => formulas(rows as number, columns as number)),
  ...[
    [4096, 64],
    [16384, 32],
    [65536, 16],
  ].flatMap(([rows, columns]) => channels(rows as number, columns as number)),
]
