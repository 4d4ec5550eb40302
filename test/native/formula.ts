// Encodes rows of the pointwise interpreter for tests, straight from the description in native/kernels/pointwise_formula.h.
// Invariant: operands are named, so that a test reads as a formula: 'x0' input, 'c0' constant, 'r0' register, 'y0' output.
import { native } from '../../lib/native.js'
import { dtypeCode, type ElementType, type KernelCase } from './harness.js'

export const kinds = ['full', 'row', 'column', 'scalar'] as const
export type Kind = (typeof kinds)[number]
export type Step = readonly [instruction: string, dst: string, ...operands: string[]]

export interface FormulaInput {
  dtype: ElementType
  kind: Kind
  data: ArrayLike<number>
}

export interface FormulaCase {
  name: string
  compute?: 'float32' | 'int32'
  rows: number
  cols: number
  inputs: readonly FormulaInput[]
  outputs: readonly ElementType[]
  constants?: readonly number[]
  registers?: number
  steps: readonly Step[]
  epsilons?: number
  floor?: number | 'max'
}

/** How many elements an input of this kind has. */
export function lengthOf(kind: Kind, rows: number, cols: number): number {
  return { full: rows * cols, row: rows, column: cols, scalar: 1 }[kind]
}

/** The arguments of the row. */
export function formulaArguments(formula: FormulaCase): number[] {
  const { inputs, outputs, constants = [], registers = 0, steps } = formula
  const firsts = { x: 0, c: inputs.length, r: inputs.length + constants.length, y: inputs.length + constants.length + registers }
  const operand = (name: string | undefined) => (name ? firsts[name[0] as keyof typeof firsts] + Number(name.slice(1)) : 0)
  const words = steps.flatMap(([instruction, dst, a, b, c]) => {
    const opcode = native.instructions.indexOf(instruction)
    if (opcode < 0) throw new Error(`no instruction ${instruction}`)
    return [opcode, operand(dst), operand(a), operand(b), operand(c)]
  })
  return [
    formula.compute === 'int32' ? 1 : 0,
    formula.rows,
    formula.cols,
    inputs.length,
    outputs.length,
    constants.length,
    registers,
    steps.length,
    ...inputs.flatMap(({ dtype, kind }) => [dtypeCode[dtype], kinds.indexOf(kind)]),
    ...outputs.map((dtype) => dtypeCode[dtype]),
    ...constants,
    ...words,
  ]
}

/** The formula as a case of the harness. */
export function formulaCase(formula: FormulaCase): KernelCase {
  const length = formula.rows * formula.cols
  return {
    kernel: 'pointwise',
    name: formula.name,
    args: formulaArguments(formula),
    outputs: formula.outputs.map((dtype) => ({ dtype, length })),
    inputs: formula.inputs,
    epsilons: formula.epsilons ?? 0,
    floor: formula.floor ?? 0,
  }
}

/** A formula applied to segments of the sizes given: full operands have an array per segment, scalars are shared. */
export interface SegmentsCase extends Omit<FormulaCase, 'rows' | 'cols' | 'inputs'> {
  sizes: readonly number[]
  inputs: readonly { dtype: ElementType; kind: 'full' | 'scalar'; data: (size: number, seed: number) => ArrayLike<number> }[]
}

/** The same as a row of segments. Buffers: outputs of each segment in turn, full inputs of each segment in turn, scalars. */
export function segmentsCase(formula: SegmentsCase): KernelCase {
  const { sizes, inputs, outputs } = formula
  const shape = {
    rows: sizes.length,
    cols: sizes.reduce((sum, size) => sum + size, 0),
    inputs: inputs.map(({ dtype, kind }) => ({ dtype, kind, data: [] })),
  }
  const full = sizes.flatMap((size, segment) =>
    inputs.flatMap(({ dtype, kind, data }, i) => (kind === 'full' ? [{ dtype, data: data(size, 100 * segment + i) }] : [])),
  )
  const scalars = inputs.flatMap(({ dtype, kind, data }, i) => (kind === 'scalar' ? [{ dtype, data: data(1, i) }] : []))
  return {
    kernel: 'pointwiseSegments',
    name: formula.name,
    args: [...formulaArguments({ ...formula, ...shape }), ...sizes],
    outputs: sizes.flatMap((size) => outputs.map((dtype) => ({ dtype, length: size }))),
    inputs: [...full, ...scalars],
    epsilons: formula.epsilons ?? 0,
    floor: formula.floor ?? 0,
  }
}
