// Elementwise operations: each is one formula. Operands broadcast by NumPy's rules; plain numbers adopt the other operand's dtype.
import { ValueError, wrongArgument } from '../errors.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { type DType, promote } from '../tensor/dtype.js'
import { Tensor } from '../tensor/tensor.js'
import { Expression } from './expression/expression.js'
import { Formula } from './expression/formula.js'
import { registry, type Samples } from './op.js'

type Unary = (x: TensorLike) => Tensor
type Binary = (a: TensorLike, b: TensorLike) => Tensor

/** What arguments are called in messages, by their number. */
const argumentNames: readonly (readonly string[])[] = [[], ['x'], ['a', 'b']]

/** Operands as tensors; numbers take the dtype of the tensors beside them. */
function operands(name: string, values: readonly TensorLike[], names = argumentNames[values.length] ?? []): Tensor[] {
  let dtype: DType | undefined
  for (const value of values) if (value instanceof Tensor) dtype = dtype === undefined ? value.dtype : promote(dtype, value.dtype)
  const weak = dtype === 'bool' || dtype === 'uint8' ? 'int32' : dtype
  return values.map((value, i) => (value instanceof Tensor ? value : toTensor(name, value, weak, names[i] ?? `${i + 1}`)))
}

/** Builds the formula of `build` over its declared number of inputs. */
export function formula(
  name: string,
  arity: number,
  build: (...inputs: Expression[]) => Expression | readonly Expression[],
  call?: Formula['call'],
  samples?: Samples,
): Formula {
  const result = build(...Array.from({ length: arity }, (_, i) => Expression.input(i)))
  const roots = result instanceof Expression ? [result] : result
  if (!Array.isArray(roots) || roots.length === 0 || roots.some((root) => !(root instanceof Expression))) {
    throw new ValueError(wrongArgument(name, 'formula', 'a function that returns an expression', result))
  }
  return new Formula(name, arity, roots, call, samples)
}

/** Applies a formula of one output to whatever can stand for tensors. */
export function applyFormula(op: Formula, values: readonly TensorLike[], names?: readonly string[]): Tensor {
  return op.apply(operands(op.name, values, names))[0] as Tensor
}

function define(
  name: string,
  arity: number,
  build: (...inputs: Expression[]) => Expression,
  samples: Samples,
  names?: readonly string[],
): (...values: TensorLike[]) => Tensor {
  const call = (...values: TensorLike[]): Tensor => applyFormula(op, values, names)
  const op = formula(name, arity, build, call, samples)
  registry.set(name, op)
  return call
}

const shapes: readonly (readonly number[])[] = [[5], [], [3, 0], [1, 37]]
const unary = (name: string, build: (x: Expression) => Expression, domain: 'normal' | 'positive' | 'unit' = 'normal'): Unary =>
  define(
    name,
    1,
    (x) => build(x as Expression),
    (make) => shapes.map((shape) => [make[domain](...shape)]),
  )

const binary = (
  name: string,
  build: (a: Expression, b: Expression) => Expression,
  domain: 'normal' | 'positive' | 'distinct' = 'normal',
): Binary =>
  define(
    name,
    2,
    (a, b) => build(a as Expression, b as Expression),
    (make) => [
      [make[domain](2, 3), make[domain](2, 3)],
      [make[domain](4, 3), make[domain](3)],
      [make[domain](4, 1), make[domain](1, 5)],
      [make[domain](2, 1, 3), make[domain](1, 4, 1)],
      [make[domain](2, 3, 2), make[domain](3, 1)],
      [make[domain](3), 2.5],
      [make[domain](0, 3), make[domain](1)],
      [make[domain](), make[domain](3)],
    ],
  )

/** a + b. */
export const add: Binary = binary('add', (a, b) => a.add(b))
/** a − b. */
export const sub: Binary = binary('sub', (a, b) => a.sub(b))
/** a · b, elementwise. */
export const mul: Binary = binary('mul', (a, b) => a.mul(b))
/** a / b in floating point, also for integers. */
export const div: Binary = binary('div', (a, b) => a.div(b), 'positive')
/** Remainder with the sign of b, as in Python. */
export const mod: Binary = binary('mod', (a, b) => a.mod(b), 'positive')
/** ⌊a / b⌋; no gradient. */
export const floorDiv: Binary = binary('floorDiv', (a, b) => a.floorDiv(b), 'positive')
/** aᵇ. */
export const pow: Binary = binary('pow', (a, b) => a.pow(b), 'positive')
/** The greater of each pair; NaN wins. Where equal the gradient goes to b. */
export const maximum: Binary = binary('maximum', (a, b) => a.maximum(b), 'distinct')
/** The lesser of each pair; NaN wins. Where equal the gradient goes to b. */
export const minimum: Binary = binary('minimum', (a, b) => a.minimum(b), 'distinct')
/** The angle of the point (b, a), in radians. */
export const atan2: Binary = binary('atan2', (a, b) => a.atan2(b), 'positive')
/** a = b, as bool. */
export const equal: Binary = binary('equal', (a, b) => a.equal(b))
/** a ≠ b, as bool. */
export const notEqual: Binary = binary('notEqual', (a, b) => a.notEqual(b))
/** a < b, as bool. */
export const less: Binary = binary('less', (a, b) => a.less(b))
/** a ≤ b, as bool. */
export const lessEqual: Binary = binary('lessEqual', (a, b) => a.lessEqual(b))
/** a > b, as bool. */
export const greater: Binary = binary('greater', (a, b) => a.greater(b))
/** a ≥ b, as bool. */
export const greaterEqual: Binary = binary('greaterEqual', (a, b) => a.greaterEqual(b))
/** Both not 0, as bool. */
export const logicalAnd: Binary = binary('logicalAnd', (a, b) => a.logicalAnd(b))
/** Either not 0, as bool. */
export const logicalOr: Binary = binary('logicalOr', (a, b) => a.logicalOr(b))
/** x = 0, as bool. */
export const logicalNot: Unary = unary('logicalNot', (x) => x.logicalNot())
/** −x. */
export const neg: Unary = unary('neg', (x) => x.neg())
/** |x|; gradient 0 at 0. */
export const abs: Unary = unary('abs', (x) => x.abs())
/** −1, 0 or 1. */
export const sign: Unary = unary('sign', (x) => x.sign())
/** eˣ. */
export const exp: Unary = unary('exp', (x) => x.exp())
/** eˣ − 1, accurate near 0. */
export const expm1: Unary = unary('expm1', (x) => x.expm1())
/** Natural logarithm. */
export const log: Unary = unary('log', (x) => x.log(), 'positive')
/** log(1 + x), accurate near 0. */
export const log1p: Unary = unary('log1p', (x) => x.log1p(), 'positive')
/** √x. */
export const sqrt: Unary = unary('sqrt', (x) => x.sqrt(), 'positive')
/** 1/√x. */
export const rsqrt: Unary = unary('rsqrt', (x) => x.rsqrt(), 'positive')
/** x². */
export const square: Unary = unary('square', (x) => x.square())
/** 1/x. */
export const reciprocal: Unary = unary('reciprocal', (x) => x.reciprocal(), 'positive')
/** Sine of x radians. */
export const sin: Unary = unary('sin', (x) => x.sin())
/** Cosine of x radians. */
export const cos: Unary = unary('cos', (x) => x.cos())
/** Tangent of x radians. */
export const tan: Unary = unary('tan', (x) => x.tan(), 'unit')
/** Arc sine, in radians. */
export const asin: Unary = unary('asin', (x) => x.asin(), 'unit')
/** Arc cosine, in radians. */
export const acos: Unary = unary('acos', (x) => x.acos(), 'unit')
/** Arc tangent, in radians. */
export const atan: Unary = unary('atan', (x) => x.atan())
/** Hyperbolic sine. */
export const sinh: Unary = unary('sinh', (x) => x.sinh())
/** Hyperbolic cosine. */
export const cosh: Unary = unary('cosh', (x) => x.cosh())
/** Hyperbolic tangent. */
export const tanh: Unary = unary('tanh', (x) => x.tanh())
/** 1/(1 + e⁻ˣ). */
export const sigmoid: Unary = unary('sigmoid', (x) => x.sigmoid())
/** log(1 + eˣ). */
export const softplus: Unary = unary('softplus', (x) => x.softplus())
/** The error function. */
export const erf: Unary = unary('erf', (x) => x.erf())
/** ⌊x⌋. */
export const floor: Unary = unary('floor', (x) => x.floor())
/** ⌈x⌉. */
export const ceil: Unary = unary('ceil', (x) => x.ceil())
/** The nearest integer, halves to even. */
export const round: Unary = unary('round', (x) => x.round())
/** x without its fraction. */
export const trunc: Unary = unary('trunc', (x) => x.trunc())
const isNaNOf: Unary = unary('isNaN', (x) => x.isNaN())
const isFiniteOf: Unary = unary('isFinite', (x) => x.isFinite())

export {
  /** Whether x is neither infinite nor NaN. */
  isFiniteOf as isFinite,
  /** Whether x is NaN. */
  isNaNOf as isNaN,
}

const whereCall = define(
  'where',
  3,
  (c, a, b) => (c as Expression).where(a as Expression, b as Expression),
  (make) => [
    [make.truth(2, 3), make.normal(2, 3), make.normal(3)],
    [make.truth(4), make.normal(), 1],
    [make.truth(0, 2), make.normal(1), make.normal()],
  ],
  ['condition', 'a', 'b'],
)

/** `a` where the condition is not 0, else `b`. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  return whereCall(condition, a, b)
}

const clipCall = define(
  'clip',
  3,
  (x, low, high) => (x as Expression).clip(low as Expression, high as Expression),
  (make) => [
    [make.distinct(3, 4), -0.5, 0.5],
    [make.distinct(5), make.normal(), 3],
    [make.distinct(0, 2), -1, 1],
  ],
  ['x', 'low', 'high'],
)

/** min(max(x, low), high). */
export function clip(x: TensorLike, low: TensorLike, high: TensorLike): Tensor {
  return clipCall(x, low, high)
}

/**
 * A pointwise operation of your own, as fast as the built-in ones: `fn` receives one expression per argument, is called once, and returns
 * an expression (methods as on tensors). The result runs as one native kernel call and differentiates itself symbolically.
 *
 * @example `const mish = pointwise('mish', (x) => x.mul(x.softplus().tanh()))`
 */
export function pointwise(name: string, fn: (...inputs: Expression[]) => Expression): (...inputs: TensorLike[]) => Tensor {
  if (typeof name !== 'string') throw new ValueError(wrongArgument('pointwise', 'name', 'a string', name))
  if (typeof fn !== 'function') throw new ValueError(wrongArgument('pointwise', 'fn', 'a function of expressions', fn))
  const op = formula(name, fn.length, fn)
  return (...inputs) => {
    if (inputs.length !== fn.length) throw new ValueError(`${name}: takes ${fn.length} arguments, got ${inputs.length}`)
    return applyFormula(op, inputs)
  }
}
