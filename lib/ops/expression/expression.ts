// Formulas as data: an Expression is an immutable node (input, constant or instruction), shared wherever it occurs twice.
// Invariant: two structurally equal expressions are the same object, so `===` compares formulas and common parts are computed once.

import { ValueError, wrongArgument } from '../../errors.js'

/** Names of the interpreter's instructions that formulas are made of. */
export type Instruction =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'negate'
  | 'absolute'
  | 'maximum'
  | 'minimum'
  | 'multiplyAdd'
  | 'power'
  | 'modulo'
  | 'floorDivide'
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalNot'
  | 'where'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'square'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'atan2'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'erf'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'trunc'
  | 'sign'
  | 'isNaN'
  | 'isFinite'

/** An expression, or a number standing for a constant. */
export type Operand = Expression | number

let created = 0
const interned = new Map<string, Expression>()

function intern(key: string, make: () => Expression): Expression {
  let found = interned.get(key)
  if (!found) {
    found = make()
    interned.set(key, found)
  }
  return found
}

/** A pointwise formula over inputs of one (broadcast) shape. Methods carry the names of the tensor methods. */
export class Expression {
  /** Creation order: an expression's operands always have smaller ids. */
  readonly id = created++

  private constructor(
    readonly kind: 'input' | 'constant' | 'instruction',
    /** Index of an input, value of a constant. */
    readonly value: number,
    readonly instruction: Instruction | null,
    readonly operands: readonly Expression[],
  ) {}

  static input(index: number): Expression {
    return intern(`i${index}`, () => new Expression('input', index, null, []))
  }

  static constant(value: number): Expression {
    return intern(Object.is(value, -0) ? 'c-0' : `c${value}`, () => new Expression('constant', value, null, []))
  }

  static apply(instruction: Instruction, ...operands: Operand[]): Expression {
    const nodes = operands.map((operand) => (typeof operand === 'number' ? Expression.constant(operand) : operand))
    const foreign = nodes.find((node) => !(node instanceof Expression))
    if (foreign !== undefined || nodes.includes(undefined as never))
      throw new ValueError(wrongArgument(instruction, 'operand', 'an expression or a number', foreign))
    return intern(
      `${instruction}(${nodes.map((node) => node.id).join()})`,
      () => new Expression('instruction', 0, instruction, nodes),
    )
  }

  add(other: Operand): Expression {
    return Expression.apply('add', this, other)
  }
  sub(other: Operand): Expression {
    return Expression.apply('subtract', this, other)
  }
  mul(other: Operand): Expression {
    return Expression.apply('multiply', this, other)
  }
  div(other: Operand): Expression {
    return Expression.apply('divide', this, other)
  }
  mod(other: Operand): Expression {
    return Expression.apply('modulo', this, other)
  }
  floorDiv(other: Operand): Expression {
    return Expression.apply('floorDivide', this, other)
  }
  pow(other: Operand): Expression {
    return Expression.apply('power', this, other)
  }
  maximum(other: Operand): Expression {
    return Expression.apply('maximum', this, other)
  }
  minimum(other: Operand): Expression {
    return Expression.apply('minimum', this, other)
  }
  atan2(other: Operand): Expression {
    return Expression.apply('atan2', this, other)
  }
  equal(other: Operand): Expression {
    return Expression.apply('equal', this, other)
  }
  notEqual(other: Operand): Expression {
    return Expression.apply('notEqual', this, other)
  }
  less(other: Operand): Expression {
    return Expression.apply('less', this, other)
  }
  lessEqual(other: Operand): Expression {
    return Expression.apply('lessEqual', this, other)
  }
  greater(other: Operand): Expression {
    return Expression.apply('greater', this, other)
  }
  greaterEqual(other: Operand): Expression {
    return Expression.apply('greaterEqual', this, other)
  }
  logicalAnd(other: Operand): Expression {
    return Expression.apply('logicalAnd', this, other)
  }
  logicalOr(other: Operand): Expression {
    return Expression.apply('logicalOr', this, other)
  }
  logicalNot(): Expression {
    return Expression.apply('logicalNot', this)
  }
  /** `this` where it is not 0 chooses `a`, elsewhere `b`. */
  where(a: Operand, b: Operand): Expression {
    return Expression.apply('where', this, a, b)
  }
  neg(): Expression {
    return Expression.apply('negate', this)
  }
  abs(): Expression {
    return Expression.apply('absolute', this)
  }
  sign(): Expression {
    return Expression.apply('sign', this)
  }
  exp(): Expression {
    return Expression.apply('exp', this)
  }
  expm1(): Expression {
    return Expression.apply('expm1', this)
  }
  log(): Expression {
    return Expression.apply('log', this)
  }
  log1p(): Expression {
    return Expression.apply('log1p', this)
  }
  sqrt(): Expression {
    return Expression.apply('sqrt', this)
  }
  rsqrt(): Expression {
    return Expression.apply('rsqrt', this)
  }
  square(): Expression {
    return Expression.apply('square', this)
  }
  reciprocal(): Expression {
    return Expression.apply('reciprocal', this)
  }
  sin(): Expression {
    return Expression.apply('sin', this)
  }
  cos(): Expression {
    return Expression.apply('cos', this)
  }
  tan(): Expression {
    return Expression.apply('tan', this)
  }
  asin(): Expression {
    return Expression.apply('asin', this)
  }
  acos(): Expression {
    return Expression.apply('acos', this)
  }
  atan(): Expression {
    return Expression.apply('atan', this)
  }
  sinh(): Expression {
    return Expression.apply('sinh', this)
  }
  cosh(): Expression {
    return Expression.apply('cosh', this)
  }
  tanh(): Expression {
    return Expression.apply('tanh', this)
  }
  sigmoid(): Expression {
    return Expression.apply('sigmoid', this)
  }
  softplus(): Expression {
    return Expression.apply('softplus', this)
  }
  erf(): Expression {
    return Expression.apply('erf', this)
  }
  floor(): Expression {
    return Expression.apply('floor', this)
  }
  ceil(): Expression {
    return Expression.apply('ceil', this)
  }
  round(): Expression {
    return Expression.apply('round', this)
  }
  trunc(): Expression {
    return Expression.apply('trunc', this)
  }
  isNaN(): Expression {
    return Expression.apply('isNaN', this)
  }
  isFinite(): Expression {
    return Expression.apply('isFinite', this)
  }
  /** min(max(this, low), high). */
  clip(low: Operand, high: Operand): Expression {
    return this.maximum(low).minimum(high)
  }
}

/** Every expression that `roots` need, operands before users. */
export function topological(roots: readonly Expression[]): Expression[] {
  const seen = new Set<Expression>()
  const visit = (node: Expression): void => {
    if (seen.has(node)) return
    for (const operand of node.operands) visit(operand)
    seen.add(node)
  }
  for (const root of roots) visit(root)
  return [...seen]
}

/** The same formulas with some expressions replaced by others. */
export function substitute(roots: readonly Expression[], replacements: ReadonlyMap<Expression, Expression>): Expression[] {
  const done = new Map<Expression, Expression>(replacements)
  for (const node of topological(roots)) {
    if (done.has(node)) continue
    const operands = node.operands.map((operand) => done.get(operand) as Expression)
    const changed = operands.some((operand, i) => operand !== node.operands[i])
    done.set(node, changed ? Expression.apply(node.instruction as Instruction, ...operands) : node)
  }
  return roots.map((root) => done.get(root) as Expression)
}
