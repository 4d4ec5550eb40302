// The random kernels as generators: known answers of Philox, moments of the distributions, and equal bits on every instruction set.
import { expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { type Data, expectSameBits, instructionSets, type KernelCase, runCase } from './harness.js'
import { philoxWords } from './philox.js'

const fast = { twin: false, shift: 0, guard: 0 }

function sample(kernel: string, count: number, rest: readonly number[], seed = 42): Data {
  const call: KernelCase = {
    kernel,
    name: 'sample',
    args: [count, ...rest],
    outputs: [{ dtype: kernel === 'permutation' || kernel === 'randomInteger' ? 'int32' : 'float32', length: count }],
    inputs: [{ dtype: 'int32', data: [seed, 0, 0, 0], written: true }],
  }
  return runCase(call, fast).outputs[0]!
}

function moments(values: Data): { mean: number; deviation: number } {
  let sum = 0
  let squares = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  for (const value of values) squares += (value - mean) ** 2
  return { mean, deviation: Math.sqrt(squares / values.length) }
}

test('the Philox oracle gives the known answers of Random123', () => {
  const ones = 0xffffffffn
  expect(philoxWords([0n, 0n, 0n, 0n], [0n, 0n])).toEqual([0x6627e8d5n, 0xe169c58dn, 0xbc57ac4cn, 0x9b00dbd8n])
  expect(philoxWords([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276dn, 0x41c83b0en, 0xa20bc7c6n, 0x6d5451fdn])
  expect(philoxWords([0x243f6a88n, 0x85a308d3n, 0x13198a2en, 0x03707344n], [0xa4093822n, 0x299f31d0n])).toEqual([
    0xd16cfe09n,
    0x94fdccebn,
    0x5001e420n,
    0x24126ea1n,
  ])
})

test('distributions have the moments they should', () => {
  const n = 1_000_000
  const within = (values: Data, mean: number, deviation: number) => {
    const actual = moments(values)
    // Five standard errors of the mean; the deviation's error is of the same order.
    expect(Math.abs(actual.mean - mean)).toBeLessThan((5 * deviation) / Math.sqrt(n))
    expect(Math.abs(actual.deviation - deviation)).toBeLessThan((5 * deviation) / Math.sqrt(n))
  }
  within(sample('randomUniform', n, [-1, 3]), 1, 4 / Math.sqrt(12))
  within(sample('randomNormal', n, [2, 3]), 2, 3)
  // A normal variable cut at two deviations has the deviation sqrt(1 - 4 phi(2) / erf(sqrt 2)) = 0.87963.
  within(sample('truncatedNormal', n, [2, 3]), 2, 3 * 0.879626)
  within(sample('bernoulli', n, [0.25]), 0.25, Math.sqrt(0.25 * 0.75))
  within(sample('randomInteger', n, [0, 7]), 3, 2)
})

test('bounds hold', () => {
  expect(Math.max(...sample('randomUniform', 100_000, [1, 1 + 2 ** -22]))).toBeLessThan(1 + 2 ** -22)
  const truncated = sample('truncatedNormal', 100_000, [0, 1])
  expect(Math.max(...truncated)).toBeLessThanOrEqual(2)
  expect(Math.min(...truncated)).toBeGreaterThanOrEqual(-2)
  expect([...sample('permutation', 50_000, [])].sort((a, b) => a - b)).toEqual(Array.from({ length: 50_000 }, (_, i) => i))
})

test('every instruction set gives the same bits', () => {
  const before = native.info().instructionSet
  const all = () =>
    [
      ['randomUniform', -2, 3],
      ['randomNormal', 1, 2],
      ['truncatedNormal', 1, 2],
      ['bernoulli', 0.4],
    ].map(([kernel, ...rest]) => sample(kernel as string, 10_001, rest as number[]))
  const wanted = all()
  for (const name of instructionSets) {
    native.setInstructionSet(name)
    expectSameBits(all(), wanted, name)
  }
  native.setInstructionSet(before)
})
