// Comparing tensors with goldens: inputs in either floating type, results within a stated multiple of that type's epsilon.
import { expect } from 'vitest'
import { type Tensor, tensor } from '../../lib/index.js'
import type { GoldenTensor } from '../golden/read.js'

export type FloatType = 'float32' | 'float64'
export const floatTypes: readonly FloatType[] = ['float32', 'float64']
export const epsilonOf = { float32: 2 ** -23, float64: 2 ** -52 } as const

/** The golden as a tensor: integers stay integers. */
export function fromGolden({ data, shape }: GoldenTensor, dtype: FloatType): Tensor {
  return data instanceof Int32Array ? tensor(data, shape) : tensor(Float64Array.from(data), shape, dtype)
}

/** |actual − expected| ≤ bound · max(|expected|, scale) for every element; `scale` defaults to the greatest expected magnitude. */
export function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: number,
  what = '',
  scale?: number,
): void {
  expect(actual.length, `${what}: count`).toBe(expected.length)
  let greatest = 0
  for (let i = 0; i < expected.length; i++) greatest = Math.max(greatest, Math.abs(expected[i] as number))
  const floor = scale ?? greatest
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] as number, expected[i] as number]
    if (!(Math.abs(a - e) <= bound * Math.max(Math.abs(e), floor)))
      expect.fail(`${what}: element ${i} is ${a}, expected ${e} within ${bound} of ${Math.max(Math.abs(e), floor)}`)
  }
}

/** A tensor against a golden: shape (scalars are stored as [1]) and values. */
export function expectGolden(actual: Tensor, expected: GoldenTensor, bound: number, what = '', scale?: number): void {
  expect(actual.rank === 0 ? [1] : actual.shape, `${what}: shape`).toEqual(expected.shape)
  expectNear(actual.dataSync(), expected.data, bound, what, scale)
}
