// Formulas into the interpreter's code: instruction order, multiply-add, registers. The layout is that of native/kernels/pointwise.cc.
// Invariant: an output is written directly only if no instruction after it reads an input, so an output may alias an input in place.
import { instructionCodes } from '../../dispatch.js'
import { NativeError } from '../../errors.js'
import { Expression, topological } from './expression.js'

/** A compiled formula. `tail` follows the per-call header in a row: constants, then five words per instruction. */
export interface Code {
  /** Inputs that the formula reads, ascending; operand k of the code is input `inputs[k]`. */
  readonly inputs: readonly number[]
  readonly outputs: number
  readonly constants: number
  readonly registers: number
  readonly instructions: number
  readonly tail: readonly number[]
}

interface Step {
  readonly code: number
  readonly operands: readonly Expression[]
  readonly result: Expression
}

function opcode(name: string): number {
  const code = instructionCodes.get(name)
  if (code === undefined)
    throw new NativeError(`pointwise: the native interpreter has no instruction '${name}'; rebuild the addon`)
  return code
}

function countUses(nodes: readonly Expression[], roots: readonly Expression[]): Map<Expression, number> {
  const uses = new Map<Expression, number>()
  for (const node of [...nodes.flatMap((n) => n.operands), ...roots]) uses.set(node, (uses.get(node) ?? 0) + 1)
  return uses
}

/**
 * The same formulas with a·b + c as one multiply-add wherever the product has no other use, for floating point. Which products those are
 * depends on the whole formula: one that is made of others is made of their contracted parts.
 */
export function contract(roots: readonly Expression[]): Expression[] {
  const nodes = topological(roots)
  const uses = countUses(nodes, roots)
  const done = new Map<Expression, Expression>()
  const of = (node: Expression): Expression => done.get(node) as Expression
  for (const node of nodes) {
    const [a, b] = node.operands as [Expression, Expression]
    const product =
      node.instruction === 'add' && a !== b ? [a, b].find((x) => x.instruction === 'multiply' && uses.get(x) === 1) : undefined
    if (product) done.set(node, Expression.apply('multiplyAdd', ...product.operands.map(of), of(product === a ? b : a)))
    else done.set(node, node.instruction ? Expression.apply(node.instruction, ...node.operands.map(of)) : node)
  }
  return roots.map(of)
}

/** The instructions in order. */
function schedule(nodes: readonly Expression[]): Step[] {
  return nodes.flatMap((node) =>
    node.instruction ? [{ code: opcode(node.instruction), operands: node.operands, result: node }] : [],
  )
}

/** Positions of the last step that reads each expression. */
function lastReads(steps: readonly Step[]): Map<Expression, number> {
  const last = new Map<Expression, number>()
  steps.forEach((step, i) => {
    for (const operand of step.operands) last.set(operand, i)
  })
  return last
}

class Registers {
  count = 0
  private readonly free: number[] = []
  take(): number {
    return this.free.pop() ?? this.count++
  }
  release(register: number): void {
    this.free.push(register)
  }
}

/** Compiles `roots` (one per output). */
export function encode(roots: readonly Expression[]): Code {
  const nodes = topological(roots)
  const steps = schedule(nodes)
  const inputs = nodes
    .filter((node) => node.kind === 'input')
    .map((node) => node.value)
    .sort((a, b) => a - b)
  const constants = [...new Set(steps.flatMap((step) => step.operands).concat(roots))].filter((node) => node.kind === 'constant')
  const operandOf = new Map([...inputs.map((index) => Expression.input(index)), ...constants].map((node, k) => [node, k]))
  const firstRegister = inputs.length + constants.length

  const last = lastReads(steps)
  const lastInputRead = Math.max(-1, ...inputs.map((index) => last.get(Expression.input(index)) ?? -1))
  const registers = new Registers()
  const code: number[] = []
  const direct = new Map<number, Expression>()
  const emit = (opcodeOf: number, dst: number, operands: readonly number[]): void => {
    code.push(opcodeOf, dst, operands[0] ?? 0, operands[1] ?? 0, operands[2] ?? 0)
  }
  const outputMarks: number[] = []
  steps.forEach((step, i) => {
    const operands = step.operands.map((operand) => operandOf.get(operand) as number)
    const output = roots.indexOf(step.result)
    const unread = !last.has(step.result)
    if (output >= 0 && unread && i >= lastInputRead) {
      direct.set(output, step.result)
      outputMarks.push(code.length + 1)
      emit(step.code, output, operands)
    } else {
      for (const operand of new Set(step.operands)) {
        if (operand.instruction && last.get(operand) === i && !roots.includes(operand))
          registers.release((operandOf.get(operand) as number) - firstRegister)
      }
      const register = registers.take()
      operandOf.set(step.result, firstRegister + register)
      emit(step.code, firstRegister + register, operands)
    }
  })
  roots.forEach((root, output) => {
    if (direct.get(output) === root) return
    // A second output of the same expression that was written directly reads the first output back.
    const twin = [...direct].find(([, expression]) => expression === root)
    outputMarks.push(code.length + 1)
    if (twin) outputMarks.push(code.length + 2)
    emit(opcode('copy'), output, [twin ? twin[0] : (operandOf.get(root) as number)])
  })
  const firstOutput = firstRegister + registers.count
  for (const mark of outputMarks) code[mark] = (code[mark] as number) + firstOutput
  return {
    inputs,
    outputs: roots.length,
    constants: constants.length,
    registers: registers.count,
    instructions: code.length / 5,
    tail: [...constants.map((node) => node.value), ...code],
  }
}
