// Operands that the cases of the pointwise interpreter use: for every instruction the range of its random operands and its error
// bound, and the limits where functions change their ways. Invariant: every instruction of the native table is listed, exactly once.
import { native } from '../../lib/native.js'

/** Instructions of one operand: where their random operands lie, and how many epsilons they may be off. */
export const unary: Readonly<Record<string, readonly [low: number, high: number, epsilons: number]>> = {
  copy: [-9, 9, 0],
  negate: [-9, 9, 0],
  absolute: [-9, 9, 0],
  logicalNot: [-9, 9, 0],
  square: [-9, 9, 0],
  sqrt: [0, 9, 0],
  floor: [-9, 9, 0],
  ceil: [-9, 9, 0],
  round: [-9, 9, 0],
  trunc: [-9, 9, 0],
  sign: [-9, 9, 0],
  isNaN: [-9, 9, 0],
  isFinite: [-9, 9, 0],
  reciprocal: [-9, 9, 0],
  rsqrt: [0, 9, 1.5], // two roundings
  exp: [-88, 89, 1],
  expm1: [-20, 20, 2],
  log: [0, 10, 1],
  log1p: [-1, 10, 2],
  sin: [-1e4, 1e4, 2],
  cos: [-1e4, 1e4, 2],
  tan: [-1e4, 1e4, 4],
  asin: [-1, 1, 3],
  acos: [-1, 1, 2],
  atan: [-9, 9, 2],
  sinh: [-20, 20, 3],
  cosh: [-20, 20, 2],
  tanh: [-10, 10, 3],
  sigmoid: [-90, 90, 3],
  softplus: [-90, 90, 3],
  erf: [-4.5, 4.5, 2],
}

export const binary: Readonly<Record<string, readonly [low: number, high: number, epsilons: number]>> = {
  add: [-9, 9, 0],
  subtract: [-9, 9, 0],
  multiply: [-9, 9, 0],
  divide: [-9, 9, 0],
  maximum: [-9, 9, 0],
  minimum: [-9, 9, 0],
  power: [0, 9, 2],
  modulo: [-9, 9, 1],
  floorDivide: [-9, 9, 0],
  equal: [-2, 2, 0],
  notEqual: [-2, 2, 0],
  less: [-2, 2, 0],
  lessEqual: [-2, 2, 0],
  greater: [-2, 2, 0],
  greaterEqual: [-2, 2, 0],
  logicalAnd: [-2, 2, 0],
  logicalOr: [-2, 2, 0],
  atan2: [-9, 9, 2],
}

// Without fused multiply-add the product is rounded as well, which shows where it and the addend cancel.
export const ternary: Readonly<Record<string, readonly [low: number, high: number, epsilons: number]>> = {
  multiplyAdd: [-9, 9, 2],
  where: [-2, 2, 0],
}

const listed = [...Object.keys(unary), ...Object.keys(binary), ...Object.keys(ternary)]
const unlisted = native.instructions.filter((name) => !listed.includes(name))
if (unlisted.length > 0 || listed.length !== native.instructions.length)
  throw new Error(`instructions without cases: ${unlisted}`)

export const inf = Number.POSITIVE_INFINITY
const largest = 3.4028234663852886e38
const smallest = 2 ** -126
const half = [
  0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 1e-10, 0.92, 4, 9.02, 17.5, 18.5, 1e4, 1048576, 1.1e6, 8388609, 16777217, 1e10, 1e20,
]
const limits = [87.336, 87.34, 88.37, 88.722, 88.723, 89.4, 89.5, 104, largest, smallest, 1 - 2 ** -24, 1 + 2 ** -23, inf]
/** Limits of every function, positive and negative. No denormals: fast kernels take them for zeros. */
export const edges = [...half, ...limits].flatMap((value) => [value, -value]).concat(Number.NaN)
export const few = [0, 0.5, 1, 2, 3, 1e-10, 16777217, 1e10, largest, smallest, inf]
  .flatMap((value) => [value, -value])
  .concat(Number.NaN)
