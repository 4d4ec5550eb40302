// Every registered kernel, with the cases of its family (test/native/cases/<family>.ts, found by listing the folder).
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { checkCases, type KernelCase } from './harness.js'

const folder = new URL('./cases/', import.meta.url)
const families = readdirSync(folder).filter((file) => file.endsWith('.ts'))
const modules = (await Promise.all(families.map((file) => import(new URL(file, folder).href)))) as {
  cases: readonly KernelCase[]
}[]
const cases = modules.flatMap((module) => module.cases)

test('every kernel has a float64 twin and at least one case', () => {
  const tested = new Set(cases.map(({ kernel }) => kernel))
  expect(native.kernels.filter(({ twin }) => !twin).map(({ name }) => name)).toEqual([])
  expect(native.kernels.filter(({ name }) => !tested.has(name)).map(({ name }) => name)).toEqual([])
  expect([...tested].filter((name) => !native.kernels.some((kernel) => kernel.name === name))).toEqual([])
})

test('exactly the kernels that are declared to refuse index values do so in a case', () => {
  const refuse = new Set(cases.filter(({ fails }) => fails).map(({ kernel }) => kernel))
  expect(native.kernels.filter(({ indexing }) => indexing).map(({ name }) => name)).toEqual(
    native.kernels.filter(({ name }) => refuse.has(name)).map(({ name }) => name),
  )
})

describe('kernel', () => {
  for (const { name } of native.kernels) {
    const own = cases.filter(({ kernel }) => kernel === name)
    if (own.length > 0) test(`${name}: ${own.length} cases`, () => checkCases(own))
  }
})
