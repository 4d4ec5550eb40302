// Cases of pointwise formulas over segments: the update of Adam over parameters of many sizes, formulas of other dtypes, empty
// segments, none at all, and more of them than threads.
import { type SegmentsCase, type Step, segmentsCase } from '../formula.js'
import { type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'

const values = (size: number, seed: number) => randomValues(size, seed + 1)
const positive = (size: number, seed: number) => randomValues(size, seed + 1, 0.1, 1)
const integers = (size: number, seed: number) => randomIntegers(size, seed + 1, -50, 50)

/**
 * m + (1 - b1)(g - m), v + (1 - b2)(g^2 - v), p - rate m / (sqrt(v) + epsilon) of p x0, m x1, v x2, g x3, rate x4, as the optimizer
 * encodes it: the interpreter has a loop for this order of instructions.
 */
export const adam: readonly Step[] = [
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
]
/** p - rate g / sqrt(v') with v' = v b + g^2 (1 - b) + epsilon under the root, of p x0, v x1, g x2, rate x3. */
export const rmsprop: readonly Step[] = [
  ['multiply', 'r0', 'x3', 'x2'],
  ['square', 'r1', 'x2'],
  ['multiply', 'r1', 'r1', 'c0'],
  ['multiplyAdd', 'r1', 'x1', 'c1', 'r1'],
  ['add', 'r2', 'r1', 'c2'],
  ['sqrt', 'r2', 'r2'],
  ['divide', 'r2', 'r0', 'r2'],
  ['subtract', 'y0', 'x0', 'r2'],
  ['copy', 'y1', 'r1'],
]
/** p + v' with v' = v c - g rate, of p x0, v x1, g x2, rate x3. */
export const momentum: readonly Step[] = [
  ['multiply', 'r0', 'x1', 'c0'],
  ['multiply', 'r1', 'x2', 'x3'],
  ['subtract', 'r1', 'r0', 'r1'],
  ['add', 'y0', 'x0', 'r1'],
  ['copy', 'y1', 'r1'],
]
/** Adam in another order. */
const reordered: readonly Step[] = [...adam.slice(3, 6), ...adam.slice(0, 3), ...adam.slice(6)]
/** With decoupled weight decay before it. */
const decayed: readonly Step[] = [
  ['multiply', 'r4', 'x0', 'c0'],
  ['subtract', 'r4', 'x0', 'r4'],
  ...adam.map((step): Step => (step[1] === 'y0' ? ['subtract', 'y0', 'r4', 'r3'] : step)),
]

function update(name: string, sizes: readonly number[], steps = adam): KernelCase {
  return segmentsCase({
    name,
    sizes,
    inputs: [
      { dtype: 'float32', kind: 'full', data: values },
      { dtype: 'float32', kind: 'full', data: values },
      { dtype: 'float32', kind: 'full', data: positive },
      { dtype: 'float32', kind: 'full', data: values },
      { dtype: 'float32', kind: 'scalar', data: () => [0.001] },
    ],
    outputs: ['float32', 'float32', 'float32'],
    constants: [0.1, 0.001, 1e-7],
    registers: 5,
    steps,
    // A dozen roundings at the size of the operands.
    epsilons: 6,
    floor: 1,
  })
}

const sum: SegmentsCase = {
  name: 'int32 and uint8 operands, a scalar before full ones',
  compute: 'int32',
  sizes: [5, 0, 700, 1, 33],
  inputs: [
    { dtype: 'int32', kind: 'scalar', data: () => [7] },
    { dtype: 'int32', kind: 'full', data: integers },
    { dtype: 'uint8', kind: 'full', data: (size, seed) => randomIntegers(size, seed, 0, 256) },
  ],
  outputs: ['int32', 'bool'],
  registers: 1,
  steps: [
    ['multiply', 'r0', 'x1', 'x0'],
    ['add', 'y0', 'r0', 'x2'],
    ['greater', 'y1', 'r0', 'x2'],
  ],
}

export const cases: readonly KernelCase[] = [
  ...lengths.map((size) => update(`one segment of ${size}`, [size])),
  update('no segment', []),
  update('empty segments', [0, 0, 0]),
  update('a small network', [1280, 64, 4096, 64, 64, 1]),
  update('in another order', [100, 31], reordered),
  update('with weight decay', [100, 700, 5], decayed),
  update('large and small', [3, 100_000, 0, 512, 513, 30_001, 1]),
  update('120 segments', [...lengths, ...lengths, ...lengths, ...lengths.slice(0, 18)]),
  segmentsCase(sum),
  segmentsCase({
    name: 'one instruction, without registers',
    sizes: [9, 20_000, 4],
    inputs: [{ dtype: 'float32', kind: 'full', data: values }],
    outputs: ['float32'],
    constants: [0.5],
    steps: [['multiply', 'y0', 'x0', 'c0']],
  }),
]
