// The elementary functions over all of float32: every function of native/kernels/vector_*-inl.h that states a bound keeps it, on every
// instruction set, at half a million arguments of every magnitude and both signs, measured against double precision.
// Invariant: the bounds are read from the sources, so a function cannot state another one than is tested.
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { formulaArguments } from './formula.js'
import { instructionSets, runRow } from './harness.js'

const smallestNormal = 2 ** -126

const before = native.info()
afterAll(() => native.setInstructionSet(before.instructionSet))

/** [function, units in the last place, what is flushed to zero below] of the functions of one argument, from the comments before them. */
const bounds = ['math', 'trigonometry'].flatMap((file) => {
  const source = readFileSync(new URL(`../../native/kernels/vector_${file}-inl.h`, import.meta.url), 'utf8')
  const stated = /: (\d) ULP([^\n]*)\n(?:\/\/[^\n]*\n)*template <[^>]*>\nHWY_INLINE V (\w+)\(D d, V \w+\)/g
  const all = Array.from(source.matchAll(stated), ([, ulps, more, name]): [string, number, number] => [
    name!,
    Number(ulps),
    more!.includes('below twice the smallest normal') ? 2 * smallestNormal : smallestNormal,
  ])
  return all.filter(([name]) => native.instructions.includes(name))
})

/** Normal numbers of all exponents; the step between their bits is a prime, so that all bits of the mantissa vary. */
function sweep(): Float32Array {
  const [first, last, step] = [0x00800000, 0x7f7fffff, 8191]
  const count = Math.floor((last - first) / step)
  const bits = Int32Array.from({ length: 2 * count }, (_, i) => (first + (i >> 1) * step) | (i & 1 ? 0x80000000 : 0))
  return new Float32Array(bits.buffer)
}

/** One function of all of `x`: float32 by the kernel, float64 by its twin. */
function apply(name: string, x: Float32Array | Float64Array): Float32Array | Float64Array {
  const y = x instanceof Float32Array ? new Float32Array(x.length) : new Float64Array(x.length)
  const args = formulaArguments({
    name,
    rows: 1,
    cols: x.length,
    inputs: [{ dtype: 'float32', kind: 'full', data: [] }],
    outputs: ['float32'],
    steps: [[name, 'y0', 'x0']],
  })
  const addresses = [y, x].map(({ buffer }) => native.address(buffer as ArrayBuffer))
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

const arguments32 = sweep()
const arguments64 = Float64Array.from(arguments32)

test('the functions state their bounds', () => {
  expect(bounds.map(([name]) => name).sort()).toEqual(
    'acos asin atan cos cosh erf exp expm1 log log1p sigmoid sin sinh softplus tan tanh'.split(' '),
  )
})

describe.each(bounds)('%s', (name, ulps, flushed) => {
  const exact = apply(name, arguments64)
  test.each(instructionSets)(`is within ${ulps} units in the last place on %s`, (instructionSet) => {
    native.setInstructionSet(instructionSet)
    const actual = apply(name, arguments32)
    let [worst, at] = [0, 0]
    for (let i = 0; i < actual.length; i++) {
      const units = error(actual[i]!, exact[i]!, flushed)
      if (units > worst) [worst, at] = [units, i]
    }
    expect(worst, `${name}(${arguments32[at]}) is ${actual[at]}, exactly ${exact[at]}`).toBeLessThanOrEqual(ulps)
  })
})
