// What each instruction means to the compiler of formulas: the type of its result and its derivative, one line each.
// `derivative(g, x, y)` gives, for each operand, the operand's share of the gradient g of the result y; null says there is none.
// Derivatives of `where`, maximum and minimum select; they never multiply by a mask, which would make 0·∞ = NaN.
import { Expression, type Instruction } from './expression.js'

type Derivative = (g: Expression, x: readonly Expression[], y: Expression) => readonly (Expression | null)[]

interface Rule {
  /** 'same': computes in the type of its operands; 'float': only in floating point; 'truth': its result is bool. */
  readonly result: 'same' | 'float' | 'truth'
  readonly derivative: Derivative | 'none'
}

const zero = Expression.constant(0)
const one = Expression.constant(1)
const at = (x: readonly Expression[], i: number): Expression => x[i] as Expression
const unary =
  (rule: (g: Expression, x: Expression, y: Expression) => Expression): Derivative =>
  (g, x, y) => [rule(g, at(x, 0), y)]
const truth: Rule = { result: 'truth', derivative: 'none' }
const steps: Rule = { result: 'float', derivative: 'none' }
const float = (derivative: Derivative): Rule => ({ result: 'float', derivative })
const same = (derivative: Derivative): Rule => ({ result: 'same', derivative })

export const rules: Readonly<Record<Instruction, Rule>> = {
  add: same((g) => [g, g]),
  subtract: same((g) => [g, g.neg()]),
  multiply: same((g, x) => [g.mul(at(x, 1)), g.mul(at(x, 0))]),
  divide: float((g, x, y) => [g.div(at(x, 1)), g.mul(y).div(at(x, 1)).neg()]),
  negate: same(unary((g) => g.neg())),
  absolute: same(unary((g, x) => g.mul(x.sign()))),
  // Ties go to the second operand, so that relu = maximum(x, 0) has gradient 0 at 0.
  // Of relu the result tells as much as the operand, and then nobody needs to keep the operand.
  maximum: same((g, x, y) => {
    const [a, b] = [at(x, 0), at(x, 1)]
    if (b === zero) return [y.greater(zero).where(g, zero), null]
    return [a.greater(b).where(g, zero), a.greater(b).where(zero, g)]
  }),
  minimum: same((g, x) => [at(x, 0).less(at(x, 1)).where(g, zero), at(x, 0).less(at(x, 1)).where(zero, g)]),
  // x·y + z rounded once, where the instruction set can: what the encoder makes of a sum.
  multiplyAdd: same((g, x) => [g.mul(at(x, 1)), g.mul(at(x, 0)), g]),
  power: float((g, x, y) => [
    at(x, 1)
      .equal(0)
      .where(zero, g.mul(at(x, 1)).mul(at(x, 0).pow(at(x, 1).sub(1)))),
    at(x, 0)
      .greater(0)
      .where(g.mul(y).mul(at(x, 0).log()), zero),
  ]),
  modulo: same((g, x) => [g, g.mul(at(x, 0).floorDiv(at(x, 1))).neg()]),
  floorDivide: { result: 'same', derivative: 'none' },
  equal: truth,
  notEqual: truth,
  less: truth,
  lessEqual: truth,
  greater: truth,
  greaterEqual: truth,
  logicalAnd: truth,
  logicalOr: truth,
  logicalNot: truth,
  where: same((g, x) => [null, at(x, 0).where(g, zero), at(x, 0).where(zero, g)]),
  exp: float(unary((g, _x, y) => g.mul(y))),
  expm1: float(unary((g, _x, y) => g.mul(y.add(1)))),
  log: float(unary((g, x) => g.div(x))),
  log1p: float(unary((g, x) => g.div(x.add(1)))),
  sqrt: float(unary((g, _x, y) => g.mul(0.5).div(y))),
  rsqrt: float(unary((g, x, y) => g.mul(-0.5).mul(y).div(x))),
  square: same(unary((g, x) => g.mul(x).mul(2))),
  reciprocal: float(unary((g, _x, y) => g.mul(y.square()).neg())),
  sin: float(unary((g, x) => g.mul(x.cos()))),
  cos: float(unary((g, x) => g.mul(x.sin()).neg())),
  tan: float(unary((g, _x, y) => g.mul(y.square().add(1)))),
  asin: float(unary((g, x) => g.mul(one.sub(x.square()).rsqrt()))),
  acos: float(unary((g, x) => g.mul(one.sub(x.square()).rsqrt()).neg())),
  atan: float(unary((g, x) => g.div(x.square().add(1)))),
  // y = atan2(p, q): dp = q/(p² + q²), dq = −p/(p² + q²)
  atan2: float((g, x) => {
    const norm = at(x, 0).square().add(at(x, 1).square())
    return [g.mul(at(x, 1)).div(norm), g.mul(at(x, 0)).div(norm).neg()]
  }),
  sinh: float(unary((g, x) => g.mul(x.cosh()))),
  cosh: float(unary((g, x) => g.mul(x.sinh()))),
  tanh: float(unary((g, _x, y) => g.mul(one.sub(y.square())))),
  sigmoid: float(unary((g, _x, y) => g.mul(y).mul(one.sub(y)))),
  softplus: float(unary((g, x) => g.mul(x.sigmoid()))),
  erf: float(unary((g, x) => g.mul(x.square().neg().exp()).mul(2 / Math.sqrt(Math.PI)))),
  floor: steps,
  ceil: steps,
  round: steps,
  trunc: steps,
  sign: { result: 'same', derivative: 'none' },
  isNaN: { result: 'truth', derivative: 'none' },
  isFinite: { result: 'truth', derivative: 'none' },
}
