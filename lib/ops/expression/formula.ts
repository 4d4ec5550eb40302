// A formula compiled for use as an operation: runs as one kernel call, differentiates itself symbolically.
// Invariant: forward and gradient come from the same expression, so they cannot disagree.

import type { GradientContext } from '../../autograd/node.js'
import { call, kernelNamed, recording } from '../../dispatch.js'
import { DTypeError, ShapeError } from '../../errors.js'
import { type DType, dtypes, isFloat, promote } from '../../tensor/dtype.js'
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from '../../tensor/shape.js'
import { emptyTensor, type Tensor, type Variable } from '../../tensor/tensor.js'
import { castTo } from '../cast.js'
import { broadcastCopy } from '../copy.js'
import { applyAll, type Op, type Samples } from '../op.js'
import { differentiate } from './differentiate.js'
import { type Code, contract, encode } from './encode.js'
import { Expression, substitute, topological } from './expression.js'
import { kindPosition, type Layout, layoutOf, operandKinds } from './layout.js'
import { rules } from './rules.js'

const pointwiseKernel = kernelNamed('pointwise')

/** Gradients of some inputs as one formula of their distinct expressions: x + b has one gradient for both, which is dy itself. */
interface GradientFormula {
  /** Null where every gradient is that of an output, unchanged. */
  readonly formula: Formula | null
  /** For each input with a gradient, what gives it: result k of the formula, or the gradient of output k. */
  readonly sources: readonly { readonly input: number; readonly from: 'formula' | 'output'; readonly k: number }[]
}

/** What a recorded row of the interpreter computes: lets neighbouring formulas be merged. */
export class PointwiseSource {
  constructor(
    readonly formula: Formula,
    /** The operands that the formula reads, in the order of its code. */
    readonly operands: readonly Tensor[],
    readonly shape: Shape,
    readonly type: DType,
  ) {}
}

interface Compiled extends Code {
  /** The row's arguments; header words are rewritten by each call, the code stays. */
  readonly args: number[]
}

const compositions = new Map<string, Formula>()

function writeLayout(args: number[], { rows, columns, kinds }: Layout): void {
  args[1] = rows
  args[2] = columns
  kinds.forEach((kind, k) => {
    args[kindPosition(k)] = kind
  })
}

function writeTypes(args: number[], outputs: readonly Tensor[], operands: readonly Tensor[]): void {
  for (let k = 0; k < operands.length; k++) args[8 + 2 * k] = dtypes[(operands[k] as Tensor).dtype].code
  for (let k = 0; k < outputs.length; k++) args[8 + 2 * operands.length + k] = dtypes[(outputs[k] as Tensor).dtype].code
}

/** One or more expressions over the same inputs, run by one kernel call. */
export class Formula implements Op<null> {
  readonly kernels = ['pointwise']
  readonly call: (...args: never[]) => unknown
  private readonly needsFloat: boolean
  private rule: Op<null>['gradient'] | undefined
  private readonly truths: readonly boolean[]
  private readonly compiled: { float?: Compiled; int?: Compiled } = {}
  private readonly gradients = new Map<string, GradientFormula | null>()
  private contracted = false

  constructor(
    readonly name: string,
    readonly arity: number,
    readonly roots: readonly Expression[],
    call?: (...args: never[]) => unknown,
    readonly samples: Samples = () => [],
  ) {
    const nodes = topological(roots)
    this.needsFloat = nodes.some((n) =>
      n.instruction ? rules[n.instruction].result === 'float' : n.kind === 'constant' && !Number.isInteger(n.value),
    )
    this.truths = roots.map((root) => root.instruction !== null && rules[root.instruction].result === 'truth')
    this.call = call ?? ((...inputs: never[]) => this.apply(inputs))
  }

  /** A formula over parts of others, whose multiply-adds are chosen already. The same roots give the same formula. */
  static composed(name: string, arity: number, roots: readonly Expression[]): Formula {
    const key = `${name} ${roots.map(({ id }) => id).join()}`
    const known = compositions.get(key)
    if (known) return known
    const formula = new Formula(name, arity, roots)
    formula.contracted = true
    compositions.set(key, formula)
    return formula
  }

  /** The roots as they are computed in a type. */
  computed(type: DType): readonly Expression[] {
    return isFloat(type) && !this.contracted ? contract(this.roots) : this.roots
  }

  /** The inputs that the formula reads, in the order of a row's operands. */
  reads(type: DType): readonly number[] {
    return this.code(type).inputs
  }

  /** The rule, or why there is none: comparisons and step functions are constant wherever they have a derivative. */
  get gradient(): Op<null>['gradient'] {
    this.rule ??= this.symbolicGradients().some(Boolean)
      ? (context, _, ...dOutputs) => this.differentiated(context, dOutputs)
      : { none: 'the result is constant between steps' }
    return this.rule
  }

  /** Gradients of the inputs over [inputs, gradients of the outputs]. */
  private symbolicGradients(): (Expression | null)[] {
    const cotangents = this.roots.map((_, k) => Expression.input(this.arity + k))
    return differentiate(this.roots, cotangents, this.arity)
  }

  /** The type that the formula computes in for these inputs. */
  private computeType(inputs: readonly Tensor[]): DType {
    let type: DType = 'bool'
    for (const input of inputs) type = promote(type, input.dtype)
    if (isFloat(type)) return type
    return this.needsFloat ? 'float32' : 'int32'
  }

  /** Applies the formula to tensors, recorded for differentiation. */
  apply(inputs: readonly Tensor[]): readonly Tensor[] {
    return applyAll(this, this.aligned(inputs), null)
  }

  /** float32 inputs beside float64 ones are cast, differentiably; all others convert as they are loaded. */
  private aligned(inputs: readonly Tensor[]): readonly Tensor[] {
    if (!inputs.some((input) => input.dtype === 'float64')) return inputs
    return inputs.map((input) => (input.dtype === 'float32' ? castTo(input, 'float64') : input))
  }

  forward(inputs: readonly Tensor[]): readonly Tensor[] {
    const type = this.computeType(inputs)
    let shape: Shape = inputs[0]?.shape ?? []
    for (let i = 1; i < inputs.length; i++) shape = broadcastShapes(this.name, shape, (inputs[i] as Tensor).shape)
    const outputs = this.roots.map((_, k) => emptyTensor(this.truths[k] ? 'bool' : type, shape))
    this.run(outputs, inputs, shape, type)
    return outputs
  }

  /**
   * Writes the results into variables of the broadcast shape; the update rules of optimizers use it. A target may be an input as well.
   * Not recorded for differentiation.
   */
  assign(targets: readonly Variable[], inputs: readonly Tensor[]): void {
    const type = this.computeType(inputs)
    const shape = (targets[0] as Variable).shape
    for (const tensor of [...targets, ...inputs]) {
      if (!sameShape(broadcastShapes(this.name, shape, tensor.shape), shape))
        throw new ShapeError(
          `${this.name}: ${showShape(tensor.shape)} does not broadcast to the target's shape ${showShape(shape)}`,
        )
    }
    for (const target of targets)
      if (target.dtype !== type)
        throw new DTypeError(
          `${this.name}: the target '${target.name}' has dtype ${target.dtype}, the formula computes in ${type}`,
        )
    this.run(targets, this.aligned(inputs), shape, type)
    for (const target of targets) target.touch()
  }

  private code(type: DType): Compiled {
    const kind = isFloat(type) ? 'float' : 'int'
    let code = this.compiled[kind]
    if (!code) {
      const encoded = encode(this.computed(type))
      const header = 8 + 2 * encoded.inputs.length + encoded.outputs
      code = { ...encoded, args: [...new Array<number>(header).fill(0), ...encoded.tail] }
      code.args.splice(
        0,
        8,
        kind === 'float' ? 0 : 1,
        0,
        0,
        encoded.inputs.length,
        encoded.outputs,
        encoded.constants,
        encoded.registers,
        encoded.instructions,
      )
      this.compiled[kind] = code
    }
    return code
  }

  private run(outputs: readonly Tensor[], inputs: readonly Tensor[], shape: Shape, type: DType): void {
    const code = this.code(type)
    const operands = code.inputs.length === inputs.length ? inputs : code.inputs.map((index) => inputs[index] as Tensor)
    const placed = this.encode(code, outputs, operands, shape)
    const source = recording() ? new PointwiseSource(this, operands, shape, type) : undefined
    call(pointwiseKernel, type === 'float64', outputs, placed, code.args, source)
  }

  /** The arguments of the row for operands (those that the formula reads) that lie as a layout says. */
  argumentsAt(layout: Layout, outputs: readonly Tensor[], operands: readonly Tensor[], type: DType): number[] {
    const args = [...this.code(type).args]
    writeLayout(args, layout)
    writeTypes(args, outputs, operands)
    return args
  }

  /** Writes the call into the code's arguments. Operands that fit no kind are expanded. */
  private encode({ args }: Compiled, outputs: readonly Tensor[], operands: readonly Tensor[], shape: Shape): readonly Tensor[] {
    let simple = true
    for (let k = 0; k < operands.length && simple; k++) {
      const operand = operands[k] as Tensor
      simple = sameShape(operand.shape, shape) || operand.size === 1
    }
    const placed = simple ? operands : this.place(args, operands, shape)
    if (simple) {
      args[1] = 1
      args[2] = sizeOf(shape)
      for (let k = 0; k < operands.length; k++) {
        const operand = operands[k] as Tensor
        args[kindPosition(k)] = operand.size === 1 ? operandKinds.scalar : operandKinds.full
      }
    }
    writeTypes(args, outputs, operands)
    return placed
  }

  /** Fills rows, columns and kinds; operands that fit no kind are expanded to the full shape first. */
  private place(args: number[], operands: readonly Tensor[], shape: Shape): Tensor[] {
    const placed = [...operands]
    for (;;) {
      const layout = layoutOf(
        shape,
        placed.map((operand) => operand.shape),
      )
      if (typeof layout === 'number') {
        placed[layout] = broadcastCopy(placed[layout] as Tensor, shape)
        continue
      }
      writeLayout(args, layout)
      return placed
    }
  }

  /**
   * The formula of the wanted gradients: its inputs are this formula's inputs, the gradients of its outputs, and its outputs, which stand
   * for themselves wherever a derivative names them.
   */
  private gradientFormula(wanted: readonly number[]): GradientFormula | null {
    const key = wanted.join()
    const known = this.gradients.get(key)
    if (known !== undefined) return known
    const count = this.roots.length
    const all = this.symbolicGradients()
    const nonZero = wanted.filter((i) => all[i])
    const outputs = this.roots.flatMap((root, k) =>
      root.instruction ? [[root, Expression.input(this.arity + count + k)] as const] : [],
    )
    const roots = substitute(
      nonZero.map((i) => all[i] as Expression),
      new Map(outputs),
    )
    const isOutputGradient = (root: Expression): boolean =>
      root.kind === 'input' && root.value >= this.arity && root.value < this.arity + count
    const distinct = [...new Set(roots.filter((root) => !isOutputGradient(root)))]
    const sources = nonZero.map((input, i) => {
      const root = roots[i] as Expression
      return isOutputGradient(root)
        ? ({ input, from: 'output', k: root.value - this.arity } as const)
        : ({ input, from: 'formula', k: distinct.indexOf(root) } as const)
    })
    const formula = distinct.length ? new Formula(`${this.name}Gradient`, this.arity + 2 * count, distinct) : null
    const entry = sources.length ? { formula, sources } : null
    this.gradients.set(key, entry)
    return entry
  }

  private differentiated(context: GradientContext, dOutputs: readonly Tensor[]): (Tensor | null)[] {
    const wanted = Array.from({ length: this.arity }, (_, i) => i).filter((i) => context.needs(i))
    const entry = this.gradientFormula(wanted)
    const gradients = new Array<Tensor | null>(this.arity).fill(null)
    if (!entry) return gradients
    const results = entry.formula ? this.evaluated(entry.formula, context, dOutputs) : []
    for (const { input, from, k } of entry.sources) gradients[input] = (from === 'formula' ? results : dOutputs)[k] as Tensor
    return gradients
  }

  /** Runs the formula of gradients; tensors that it does not read are not asked for, since they may have been written since. */
  private evaluated(formula: Formula, context: GradientContext, dOutputs: readonly Tensor[]): readonly Tensor[] {
    const filler = dOutputs[0] as Tensor
    const used = new Set(formula.code(filler.dtype).inputs)
    const inputs = Array.from({ length: this.arity }, (_, i) => (used.has(i) ? context.input(i) : filler))
    const outputs = this.roots.map((_, k) => (used.has(this.arity + this.roots.length + k) ? context.output(k) : filler))
    return formula.apply([...inputs, ...dOutputs, ...outputs])
  }
}
