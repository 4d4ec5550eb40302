// The host-side random source: known answers of Random123, moments, independence of streams, exact reproduction.
import { describe, expect, test } from 'vitest'
import { philox4x32, RandomSource } from '../../lib/data/rng.js'
import { seedOf } from '../../lib/data/seed.js'
import { ValueError } from '../../lib/errors.js'
import { setSeed } from '../../lib/ops/random.js'

const hex = (words: Uint32Array) => [...words].map((word) => word.toString(16).padStart(8, '0')).join(' ')

describe('philox4x32', () => {
  // The philox4x32 10 lines of kat_vectors in the Random123 distribution.
  test.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('known answer %#', (counter, key, expected) => {
    const out = new Uint32Array(4)
    philox4x32(new Uint32Array(counter), new Uint32Array(key), out)
    expect(hex(out)).toBe(expected)
  })
})

describe('RandomSource', () => {
  test('seed and stream are the key and the upper counter; blocks are read in order', () => {
    const source = new RandomSource(0x299f31d0 * 2 ** 16, 7)
    const key = new Uint32Array([(0x299f31d0 * 2 ** 16) % 2 ** 32, Math.floor((0x299f31d0 * 2 ** 16) / 2 ** 32)])
    const out = new Uint32Array(4)
    philox4x32(new Uint32Array([1, 0, 7, 0]), key, out)
    for (let word = 0; word < 4; word++) source.uint32()
    expect([source.uint32(), source.uint32(), source.uint32(), source.uint32()]).toEqual([...out])
  })

  test('uniform: range, mean 1/2, variance 1/12', () => {
    const source = new RandomSource(1)
    const values = Float64Array.from({ length: 20_000 }, () => source.uniform())
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThan(1)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(Math.abs(mean - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(20_000))
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003)
  })

  test('normal: mean, variance and kurtosis', () => {
    const source = new RandomSource(2)
    const values = Float64Array.from({ length: 20_000 }, () => source.normal(3, 2))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const moment = (power: number) => values.reduce((sum, value) => sum + ((value - mean) / 2) ** power, 0) / values.length
    expect(Math.abs(mean - 3)).toBeLessThan(0.07)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.35)
  })

  test('integer is uniform over its range', () => {
    const source = new RandomSource(3)
    const counts = new Float64Array(7)
    for (let draw = 0; draw < 14_000; draw++) counts[source.integer(7)]++
    const chiSquare = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)
    expect(chiSquare).toBeLessThan(22.5) // 6 degrees of freedom, p = 0.001
    expect(source.integer(1)).toBe(0)
  })

  test('permutation holds every index once, differs by stream, repeats by seed', () => {
    const first = new RandomSource(4, 0).permutation(1000)
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index))
    expect([...new RandomSource(4, 0).permutation(1000)]).toEqual([...first])
    expect([...new RandomSource(4, 1).permutation(1000)]).not.toEqual([...first])
    expect(new RandomSource(4).permutation(0).length).toBe(0)
  })

  test('seedOf takes whole numbers only and draws one from the default generator if there is none', () => {
    expect(seedOf('f', 5)).toBe(5)
    setSeed(1)
    const drawn = [seedOf('f', undefined), seedOf('f', undefined)]
    expect(drawn[0]).not.toBe(drawn[1])
    setSeed(1)
    expect([seedOf('f', undefined), seedOf('f', undefined)]).toEqual(drawn)
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => seedOf('f', bad)).toThrow(ValueError)
  })
})
