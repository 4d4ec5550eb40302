// The rows of optimizers' updates that bench/kernels.ts times: all parameters of a model in one row, as programs make it of them.
// Invariant: results take the place of what they replace, as they do in programs, so that memory is what a step touches.
import type { KernelShape } from './kernel-shapes.js'
import { type Formula, formulaArguments, momentum } from './stream-shapes.js'

/** Parameters and moments are written, the gradient and the rate only read; in the order of instructions that optimizers encode. */
const rules: Readonly<Record<string, Formula>> = {
  SGD: momentum,
  RMSprop: {
    inputs: ['full', 'full', 'full', 'scalar'],
    constants: [0.1, 0.9, 1e-7],
    registers: 3,
    outputs: 2,
    steps: [
      ['multiply', 'r0', 'x3', 'x2'],
      ['square', 'r1', 'x2'],
      ['multiply', 'r1', 'r1', 'c0'],
      ['multiplyAdd', 'r1', 'x1', 'c1', 'r1'],
      ['add', 'r2', 'r1', 'c2'],
      ['sqrt', 'r2', 'r2'],
      ['divide', 'r2', 'r0', 'r2'],
      ['subtract', 'y0', 'x0', 'r2'],
      ['copy', 'y1', 'r1'],
    ],
  },
  Adam: {
    inputs: ['full', 'full', 'full', 'full', 'scalar'],
    constants: [0.1, 0.001, 1e-7],
    registers: 4,
    outputs: 3,
    steps: [
      ['subtract', 'r0', 'x3', 'x1'],
      ['multiplyAdd', 'r0', 'r0', 'c0', 'x1'],
      ['multiply', 'r1', 'r0', 'x4'],
      ['square', 'r2', 'x3'],
      ['subtract', 'r2', 'r2', 'x2'],
      ['multiplyAdd', 'r2', 'r2', 'c1', 'x2'],
      ['sqrt', 'r3', 'r2'],
      ['add', 'r3', 'r3', 'c2'],
      ['divide', 'r3', 'r1', 'r3'],
      ['subtract', 'y0', 'x0', 'r3'],
      ['copy', 'y1', 'r0'],
      ['copy', 'y2', 'r2'],
    ],
  },
}

/** Sizes of the parameters of the benchmark's networks. */
const models: Readonly<Record<string, readonly number[]>> = {
  '20-64-64-1': [20 * 64, 64, 64 * 64, 64, 64, 1],
  '784-512-10': [784 * 512, 512, 512 * 10, 10],
  'the CNN': [9 * 32, 32, 9 * 32 * 64, 64, 9216 * 128, 128, 128 * 10, 10],
}

function update(rule: string, model: string): KernelShape {
  const [formula, sizes] = [rules[rule] as Formula, models[model] as readonly number[]]
  const { inputs, outputs = 1 } = formula
  const full = inputs.filter((kind) => kind === 'full').length
  const results = sizes.flatMap((size) => new Array<number>(outputs).fill(size))
  const operands = sizes.flatMap((size) => new Array<number>(full).fill(size))
  // The results of a segment are its first operands; buffers are numbered over all segments, results first.
  const places = sizes.flatMap((_, segment) =>
    Array.from({ length: outputs }, (_, k) => [results.length + segment * full + k, segment * outputs + k] as const),
  )
  return {
    kernel: 'pointwiseSegments',
    label: `${rule} of ${model}`,
    sizes: [...results, ...operands, 1],
    inPlace: Object.fromEntries(places),
    args: [
      ...formulaArguments(
        sizes.length,
        sizes.reduce((sum, size) => sum + size, 0),
        formula,
      ),
      ...sizes,
    ],
    flop: 0,
  }
}

export const updateShapes: readonly KernelShape[] = Object.keys(rules).flatMap((rule) =>
  Object.keys(models).map((model) => update(rule, model)),
)
