// Fitting the model by which matrix products are divided: from times that follow it exactly, the coefficients come back.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cutTerms, fitCosts } from '../../bench/support/cut-model.js'
import { divisionsOf } from '../../bench/support/divisions.js'

const known = { kUnevenParts: 0.4, kPackB: 0.2, kReadA: 0.19, kReadTransposedA: 0.26, kFromMemory: 4 }

test('gives back the coefficients that times were made with', () => {
  const products = [
    [1, 128, 512, 784, 0, 0],
    [1, 100, 500, 700, 0, 1],
    [1, 784, 512, 128, 1, 0],
    [1, 512, 512, 9216, 0, 0],
    [1, 1024, 300, 4096, 1, 0],
  ]
  const samplesOf = (fromMemory: number) =>
    products.flatMap((args) =>
      divisionsOf(args).map((division) => {
        const make = (factor: number) => cutTerms('avx512', args, division, factor)!
        const { multiply, uneven, packB, readA, readTransposedA } = make(known.kFromMemory)
        const { kUnevenParts, kPackB, kReadA, kReadTransposedA } = known
        const cost = multiply + kUnevenParts * uneven + kPackB * packB + kReadA * readA + kReadTransposedA * readTransposedA
        return { terms: make(fromMemory), time: 3e-7 * cost }
      }),
    )
  const { error, ...costs } = fitCosts(samplesOf)
  expect(costs).toEqual(known)
  expect(error).toBeLessThan(1e-6)
})

test('fits exactly the coefficients of the table', () => {
  const table = readFileSync(new URL('../../native/kernels/matmul_costs.inc', import.meta.url), 'utf8')
  const names = Array.from(table.matchAll(/^STEEPEST_CUT_COST\((\w+), [\d.]+\)/gm), ([, name]) => name)
  expect(names).toEqual(Object.keys(known))
})
