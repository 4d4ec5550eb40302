// Properties of the pointwise interpreter over random formulas: a formula gives the bits of its instructions run one by one, in
// place or not; integer formulas and exact float formulas equal the twin.
import { afterAll, describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { adam, momentum, rmsprop } from './cases/segments.js'
import { type FormulaCase, type FormulaInput, formulaArguments, type Kind, kinds, lengthOf, type Step } from './formula.js'
import { type Data, type ElementType, instructionSets, randomIntegers, randomValues, runRow } from './harness.js'

const before = native.info()
afterAll(() => {
  native.setInstructionSet(before.instructionSet)
  native.setThreads(before.threads)
})

/** A seeded source of choices. */
class Chooser {
  private position = 0
  private readonly values: readonly number[]
  constructor(seed: number) {
    this.values = randomValues(4000, seed, 0, 1)
  }
  below(limit: number): number {
    const value = this.values[this.position++ % this.values.length]!
    return Math.min(limit - 1, Math.floor(value * limit))
  }
  from<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

const operandsOf: Readonly<Record<string, number>> = Object.fromEntries(
  native.instructions.map((name) => {
    if (/^(multiplyAdd|where)$/.test(name)) return [name, 3]
    const two =
      /^(add|subtract|multiply|divide|maximum|minimum|power|modulo|floorDivide|atan2|logicalAnd|logicalOr|.*[eE]qual|less|greater)$/
    return [name, two.test(name) ? 2 : 1]
  }),
)
const realOnly = /exp|log1?p?$|sqrt|reciprocal|sin|cos|tan|sigmoid|softplus|erf/
/** Instructions whose results on small integers are integers, exact in float32. */
const exact = native.instructions.filter(
  (name) => !realOnly.test(name) && !/multiply|square|divide|power|modulo|floorDivide/.test(name),
)
/** Instructions that run strip by strip. */
const cheap = native.instructions.filter(
  (name) => !/exp|log1?p?$|rsqrt|sin|cos|tan|sigmoid|softplus|erf|power|modulo|floorDivide/.test(name),
)
const integer = native.instructions.filter((name) => !realOnly.test(name))

const sizes = [
  [1, 1],
  [1, 16],
  [1, 513],
  [3, 7],
  [40, 1],
  [17, 30],
  [9, 128],
  [3, 300],
  [2, 1100],
  [300, 32],
  [70, 64],
] as const

interface Limits {
  compute: 'float32' | 'int32'
  instructions: readonly string[]
  dtypes: readonly ElementType[]
  stored: readonly ElementType[]
}

/** A random formula of 1 to 20 instructions. Outputs may be written anywhere and are all written at the end, from registers. */
function randomFormula(seed: number, { compute, instructions, dtypes, stored }: Limits): FormulaCase {
  const choose = new Chooser(seed)
  const [rows, cols] = choose.from(sizes)
  const inputs = Array.from({ length: 1 + choose.below(4) }, (_, i): FormulaInput => {
    const [kind, dtype] = [i === 0 ? 'full' : choose.from(kinds), i === 0 ? compute : choose.from(dtypes)]
    const low = dtype === 'bool' || dtype === 'uint8' ? 0 : -4
    return { dtype, kind, data: randomIntegers(lengthOf(kind, rows, cols), seed + i, low, dtype === 'bool' ? 2 : 5) }
  })
  const constants = randomIntegers(choose.below(3), seed + 9, -3, 4)
  const outputs = Array.from({ length: 1 + choose.below(3) }, (_, i) => (i === 0 ? compute : choose.from(stored)))
  const registers = 1 + choose.below(6)
  const readable = [...inputs.map((_, i) => `x${i}`), ...constants.map((_, i) => `c${i}`)]
  const steps = Array.from({ length: 1 + choose.below(20) }, (): Step => {
    const name = choose.from(instructions)
    const operands = Array.from({ length: operandsOf[name]! }, () => choose.from(readable))
    // y0 may stand in the memory of x0, so it is written last.
    const dst =
      outputs.length > 1 && choose.below(5) === 0 ? `y${1 + choose.below(outputs.length - 1)}` : `r${choose.below(registers)}`
    if (!readable.includes(dst)) readable.push(dst)
    return [name, dst, ...operands]
  })
  const results = readable.filter((name) => !/x|y0/.test(name))
  const last = results.length > 0 ? results : ['x0']
  for (let i = outputs.length - 1; i >= 0; i--) steps.push(['copy', `y${i}`, choose.from(i === 0 ? last : readable)])
  return { name: `formula ${seed}`, compute, rows, cols, inputs, outputs, constants, registers, steps }
}

const views = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array, float64: Float64Array }

/** Runs a formula; `inPlace`: the first output is written into the memory of the first input. */
function runFormula(formula: FormulaCase, twin: boolean, inPlace: boolean): Data[] {
  const type = (dtype: ElementType) => views[twin && dtype === 'float32' ? 'float64' : dtype]
  const inputs = formula.inputs.map(({ dtype, data }) => type(dtype).from(data as number[]) as Data)
  const outputs = formula.outputs.map((dtype, i) =>
    inPlace && i === 0 ? inputs[0]! : new (type(dtype))(formula.rows * formula.cols),
  )
  const addresses = [...outputs, ...inputs].map((view) => native.address(view.buffer as ArrayBuffer))
  expect(runRow('pointwise', twin, addresses, formulaArguments(formula)).status, formula.name).toBe(0)
  return outputs
}

/** An input, spread over all elements and converted, as a full float32 array. */
function spread({ kind, data }: { kind: Kind; data: ArrayLike<number> }, rows: number, cols: number): Float32Array {
  const position = (i: number) => ({ full: i, row: Math.floor(i / cols), column: i % cols, scalar: 0 })[kind]
  return Float32Array.from({ length: rows * cols }, (_, i) => data[position(i)]!)
}

/** The outputs of a float formula, every instruction a formula of its own over full arrays. */
function oneByOne(formula: FormulaCase): Data[] {
  const { rows, cols, inputs, constants = [], outputs, steps } = formula
  const values = new Map<string, Float32Array>()
  for (const [i, input] of inputs.entries()) values.set(`x${i}`, spread(input, rows, cols))
  for (const [i, value] of constants.entries()) values.set(`c${i}`, new Float32Array(rows * cols).fill(value))
  const alone = (name: string, operands: readonly Float32Array[], dtype: ElementType): Data =>
    runFormula(
      {
        name: `${formula.name}, ${name}`,
        rows: 1,
        cols: rows * cols,
        inputs: operands.map((data) => ({ dtype: 'float32', kind: 'full', data })),
        outputs: [dtype],
        steps: [[name, 'y0', ...operands.map((_, k) => `x${k}`)]],
      },
      false,
      false,
    )[0]!
  for (const [name, dst, ...operands] of steps) {
    const arrays = operands.map((operand) => values.get(operand)!)
    values.set(dst, alone(name, arrays, 'float32') as Float32Array)
  }
  return outputs.map((dtype, i) => alone('copy', [values.get(`y${i}`)!], dtype))
}

function expectEqual(actual: readonly Data[], wanted: readonly Data[], formula: FormulaCase): void {
  actual.forEach((data, output) => {
    const i = data.findIndex(
      (value: number, at: number) => !Object.is(value, wanted[output]![at]) && value !== wanted[output]![at],
    )
    if (i < 0) return
    expect.fail(
      `${formula.name} [${formula.rows}, ${formula.cols}]: y${output}[${i}] is ${data[i]}, wanted ${wanted[output]![i]}\n${formula.steps.join('\n')}`,
    )
  })
}

const anything: Limits = {
  compute: 'float32',
  instructions: native.instructions,
  dtypes: ['float32', 'float32', 'int32', 'uint8', 'bool'],
  stored: ['float32', 'float32', 'int32', 'uint8', 'bool'],
}
const seeds = Array.from({ length: 150 }, (_, i) => 1000 * i + 17)

describe.each(instructionSets)('random formulas on %s', (instructionSet) => {
  test('give the bits of their instructions one by one, in place as well', () => {
    native.setInstructionSet(instructionSet)
    for (const seed of seeds) {
      const formula = randomFormula(seed, anything)
      const wanted = oneByOne(formula)
      expectEqual(runFormula(formula, false, false), wanted, formula)
      expectEqual(runFormula(formula, false, true), wanted, formula)
    }
  })

  test('of cheap instructions alone as well', () => {
    native.setInstructionSet(instructionSet)
    for (const seed of seeds) {
      const formula = randomFormula(seed, { ...anything, instructions: cheap, dtypes: ['float32'], stored: ['float32'] })
      const wanted = oneByOne(formula)
      expectEqual(runFormula(formula, false, false), wanted, formula)
      expectEqual(runFormula(formula, false, true), wanted, formula)
    }
  })

  test('of exact float32 numbers equal the twin', () => {
    native.setInstructionSet(instructionSet)
    for (const seed of seeds) {
      const formula = randomFormula(seed, { ...anything, instructions: exact })
      const twin = runFormula(formula, true, true)
      expectEqual(runFormula(formula, false, true), twin, formula)
    }
  })

  test('of integers equal the twin', () => {
    native.setInstructionSet(instructionSet)
    const types: readonly ElementType[] = ['int32', 'uint8', 'bool']
    for (const seed of seeds) {
      const formula = randomFormula(seed, { compute: 'int32', instructions: integer, dtypes: types, stored: types })
      expectEqual(runFormula(formula, false, false), runFormula(formula, true, false), formula)
    }
  })
})

const updates = { adam, rmsprop, momentum }

describe.each(Object.entries(updates))('the update of %s', (name, steps) => {
  const arrays = name === 'adam' ? 4 : 3
  test.each(instructionSets)('has the bits of its instructions one by one on %s', (instructionSet) => {
    native.setInstructionSet(instructionSet)
    for (const cols of [1, 9, 700, 9001]) {
      const data = Array.from({ length: arrays }, (_, k) => randomValues(cols, k + 1, 0.1, 1))
      const formula: FormulaCase = {
        name,
        rows: 1,
        cols,
        inputs: [
          ...data.map((values): FormulaInput => ({ dtype: 'float32', kind: 'full', data: values })),
          { dtype: 'float32', kind: 'scalar', data: [0.001] },
        ],
        outputs: new Array<ElementType>(arrays - 1).fill('float32'),
        constants: [0.1, 0.9, 1e-7],
        registers: 5,
        steps,
      }
      expectEqual(runFormula(formula, false, false), oneByOne(formula), formula)
      expectEqual(runFormula(formula, false, true), oneByOne(formula), formula)
    }
  })
})
