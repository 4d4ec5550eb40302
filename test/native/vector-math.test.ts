// The elementary functions over all of float32: each states a bound in native/kernels/vector_*-inl.h and keeps it, on every instruction
// set, at half a million arguments of every magnitude and both signs, measured against double precision.
// Invariant: the bounds are read from the sources, so a function cannot state another one than is tested; one that an instruction calls and
// that states none is noticed.
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { formulaArguments } from './formula.js'
import { instructionSets, runRow } from './harness.js'

const smallestNormal = 2 ** -126

const before = native.info()
afterAll(() => native.setInstructionSet(before.instructionSet))

const kernels = new URL('../../native/kernels/', import.meta.url)
const source = (file: string): string => readFileSync(new URL(file, kernels), 'utf8')

interface Bound {
  name: string
  operands: number
  ulps: number
  /** What is flushed to zero below. */
  flushed: number
}

/** The bounds of all functions that instructions are made of, from the comments before them. */
const bounds = readdirSync(kernels)
  .filter((file) => /^vector_\w+-inl\.h$/.test(file))
  .flatMap((file) => {
    const stated = /: (\d) ULP([^\n]*)\n(?:\/\/[^\n]*\n)*template <[^>]*>\nHWY_INLINE V (\w+)\(D d, V \w+(, V \w+)?\)/g
    return Array.from(
      source(file).matchAll(stated),
      ([, ulps, more, name, second]): Bound => ({
        name: name!,
        operands: second ? 2 : 1,
        ulps: Number(ulps),
        flushed: more!.includes('below twice the smallest normal') ? 2 * smallestNormal : smallestNormal,
      }),
    )
  })
  .filter(({ name }) => native.instructions.includes(name))

/** Every function of the namespace `math` that the interpreter's instructions call, by themselves or for their floating types. */
const called = new Set(
  ['instructions.inc', 'pointwise_lanes-inl.h'].flatMap((file) =>
    Array.from(source(file).matchAll(/\bmath::(\w+)\(/g), ([, name]) => name!),
  ),
)

/** Normal numbers of all exponents; the step between their bits is a prime, so that all bits of the mantissa vary. */
function sweep(): Float32Array {
  const [first, last, step] = [0x00800000, 0x7f7fffff, 8191]
  const count = Math.floor((last - first) / step)
  const bits = Int32Array.from({ length: 2 * count }, (_, i) => (first + (i >> 1) * step) | (i & 1 ? 0x80000000 : 0))
  return new Float32Array(bits.buffer)
}

/** One function of all operands: float32 by the kernel, float64 by its twin. */
function apply(name: string, operands: readonly (Float32Array | Float64Array)[]): Float32Array | Float64Array {
  const [x] = operands as [Float32Array | Float64Array]
  const y = x instanceof Float32Array ? new Float32Array(x.length) : new Float64Array(x.length)
  const args = formulaArguments({
    name,
    rows: 1,
    cols: x.length,
    inputs: operands.map(() => ({ dtype: 'float32', kind: 'full', data: [] })),
    outputs: ['float32'],
    steps: [[name, 'y0', ...operands.map((_, i) => `x${i}`)]],
  })
  const addresses = [y, ...operands].map(({ buffer }) => native.address(buffer as ArrayBuffer))
  expect(runRow('pointwise', x instanceof Float64Array, addresses, args).status).toBe(0)
  return y
}

/** The error in units in the last place of `exact`. What lies below `flushed` may be zero. */
function error(actual: number, exact: number, flushed: number): number {
  if (Number.isNaN(exact)) return Number.isNaN(actual) ? 0 : Number.POSITIVE_INFINITY
  if (actual === Math.fround(exact)) return 0
  const size = Math.abs(exact)
  if (actual === 0 && size < flushed) return 0
  const unit = 2 ** (Math.floor(Math.log2(Math.max(size, smallestNormal))) - 23)
  // Beyond the largest number comes infinity, in the place of 2^128.
  const number = Number.isFinite(actual) ? actual : Math.sign(actual) * 2 ** 128
  return Math.abs(number - exact) / unit
}

const x = sweep()

/**
 * Second operands: any magnitude beside any other; magnitudes alike, where quotients are moderate; and what brings powers of the first to
 * every magnitude, as it is and rounded to integers, which negative numbers can be raised to.
 */
const seconds: readonly [string, (first: number, i: number) => number][] = [
  ['of all magnitudes', (_, i) => x[(i * 7919) % x.length]!],
  ['of the same magnitude', (first, i) => first * (0.001 + ((i * 7919) % 4096) / 64) * (i % 3 ? 1 : -1)],
  ['of moderate powers', (first, i) => (((i * 7919) % 30011) / 100 - 150) / Math.log2(Math.abs(first) + 1e-30)],
  ['of moderate integral powers', (first, i) => Math.round((((i * 7919) % 30011) / 100 - 150) / Math.log2(Math.abs(first)))],
]

/** Numbers below the normal ones are zero to kernels; the smallest normal number takes their place. */
const normal = (value: number): number => (Math.abs(value) < smallestNormal ? Math.sign(value) * smallestNormal : value)

/** The operands of a function, with a name for each choice of them. */
function operandsOf({ operands }: Bound): [string, Float32Array[]][] {
  if (operands === 1) return [['numbers of all magnitudes', [x]]]
  return seconds.map(([name, second]) => [`second operands ${name}`, [x, x.map(second).map(normal)]])
}

test('every function that an instruction calls states a bound', () => {
  expect(bounds.map(({ name }) => name).sort()).toEqual([...called].sort())
  expect(called.size).toBeGreaterThan(15)
})

describe.each(bounds)('$name', (bound) => {
  const { name, ulps, flushed } = bound
  describe.each(operandsOf(bound))('of %s', (_, operands) => {
    const exact = apply(
      name,
      operands.map((operand) => Float64Array.from(operand)),
    )
    test.each(instructionSets)(`is within ${ulps} units in the last place on %s`, (instructionSet) => {
      native.setInstructionSet(instructionSet)
      const actual = apply(name, operands)
      let [worst, at] = [0, 0]
      for (let i = 0; i < actual.length; i++) {
        const units = error(actual[i]!, exact[i]!, flushed)
        if (units > worst) [worst, at] = [units, i]
      }
      const given = operands.map((operand) => operand[at]).join(', ')
      expect(worst, `${name}(${given}) is ${actual[at]}, exactly ${exact[at]}`).toBeLessThanOrEqual(ulps)
    })
  })
})
