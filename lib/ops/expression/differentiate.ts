// Symbolic reverse-mode differentiation of formulas, and the algebra that keeps derivatives small.
import { Expression, type Instruction, topological } from './expression.js'
import { rules } from './rules.js'

const zero = Expression.constant(0)
const isConstant = (node: Expression | undefined, value: number): boolean => node?.kind === 'constant' && node.value === value

/**
 * p·q, p/q or −p with p = where(c, u, 0) or where(c, 0, u): the selection moves outside, so that a branch that was not taken is never
 * multiplied or divided by what it did not guard against (0/0 in the derivative of `where(x > 0, log x, 0)`).
 */
function hoistSelection(instruction: Instruction, operands: readonly Expression[]): Expression | null {
  const count = instruction === 'multiply' ? 2 : instruction === 'divide' || instruction === 'negate' ? 1 : 0
  const at = operands.findIndex(
    (operand, i) => i < count && operand.instruction === 'where' && operand.operands.slice(1).includes(zero),
  )
  if (at < 0) return null
  const [condition, a, b] = (operands[at] as Expression).operands as [Expression, Expression, Expression]
  const inside = (branch: Expression): Expression => (branch === zero ? zero : rewrite(instruction, operands.with(at, branch)))
  return rewrite('where', [condition, inside(a), inside(b)])
}

/** One rewriting step at the top of an expression whose operands are already simple. Exact: no rule changes rounding, 0·x aside. */
function rewrite(instruction: Instruction, operands: readonly Expression[]): Expression {
  const [a, b, c] = operands as [Expression, Expression, Expression]
  switch (instruction) {
    case 'add':
      if (isConstant(a, 0)) return b
      if (isConstant(b, 0)) return a
      break
    case 'subtract':
      if (isConstant(b, 0)) return a
      if (isConstant(a, 0)) return rewrite('negate', [b])
      break
    case 'multiply':
      if (isConstant(a, 0) || isConstant(b, 0)) return zero
      if (isConstant(a, 1)) return b
      if (isConstant(b, 1)) return a
      if (a.kind === 'constant' && b.kind === 'constant') return Expression.constant(a.value * b.value)
      if (a.instruction === 'multiply' && a.operands[1]?.kind === 'constant' && b.kind === 'constant') {
        return rewrite('multiply', [a.operands[0] as Expression, Expression.constant(a.operands[1].value * b.value)])
      }
      break
    case 'divide':
      if (isConstant(a, 0)) return zero
      if (isConstant(b, 1)) return a
      break
    case 'negate':
      if (isConstant(a, 0)) return zero
      if (a.kind === 'constant') return Expression.constant(-a.value)
      if (a.instruction === 'negate') return a.operands[0] as Expression
      break
    case 'power':
      if (isConstant(b, 1)) return a
      if (isConstant(b, 2)) return a.square()
      break
    case 'where':
      if (b === c) return b
      break
  }
  return hoistSelection(instruction, operands) ?? Expression.apply(instruction, ...operands)
}

/** The same formulas with neutral elements removed and constants folded. */
export function simplify(roots: readonly Expression[]): Expression[] {
  const done = new Map<Expression, Expression>()
  for (const node of topological(roots)) {
    const operands = node.operands.map((operand) => done.get(operand) as Expression)
    done.set(node, node.instruction ? rewrite(node.instruction, operands) : node)
  }
  return roots.map((root) => done.get(root) as Expression)
}

/**
 * Gradients of Σ cotangentₖ·rootₖ with respect to inputs 0…inputCount−1, as formulas over the same inputs and whatever the cotangents use.
 * An input that no derivative reaches gets null.
 */
export function differentiate(
  roots: readonly Expression[],
  cotangents: readonly Expression[],
  inputCount: number,
): (Expression | null)[] {
  const adjoint = new Map<Expression, Expression>()
  const accumulate = (node: Expression, share: Expression): void => {
    const known = adjoint.get(node)
    adjoint.set(node, known ? known.add(share) : share)
  }
  for (const [i, root] of roots.entries()) accumulate(root, cotangents[i] as Expression)
  for (const node of topological(roots).reverse()) {
    const g = adjoint.get(node)
    const rule = node.instruction && rules[node.instruction].derivative
    if (!g || !rule || rule === 'none') continue
    rule(g, node.operands, node).forEach((share, i) => {
      if (share) accumulate(node.operands[i] as Expression, share)
    })
  }
  const found = Array.from({ length: inputCount }, (_, i) => adjoint.get(Expression.input(i)) ?? null)
  const simple = simplify(found.filter((gradient) => gradient !== null))
  let next = 0
  return found
    .map((gradient) => (gradient ? (simple[next++] as Expression) : null))
    .map((gradient) => (gradient === zero ? null : gradient))
}
