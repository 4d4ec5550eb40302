// Sample tensors for the generic tests of operations: reproducible, the same values in float32 and float64.

import { type Nested, type Tensor, tensor } from '../../lib/index.js'
import type { SampleMaker } from '../../lib/ops/op.js'

/** mulberry32: uniform in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled(count: number, next: () => number): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  return order
}

/** Values are rounded to float32 first, so both types see the same numbers. */
export function sampleMaker(dtype: 'float32' | 'float64', seed = 1): SampleMaker {
  const next = uniform(seed)
  const make = (
    shape: number[],
    value: (i: number, size: number) => number,
    type: 'float32' | 'float64' | 'int32' | 'bool' = dtype,
  ): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1)
    const values = Array.from({ length: size }, (_, i) => Math.fround(value(i, size)))
    return tensor(values as Nested, shape, type)
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return {
    normal: (...shape) => make(shape, normal),
    positive: (...shape) => make(shape, () => 0.5 + 1.5 * next()),
    unit: (...shape) => make(shape, () => (next() < 0.5 ? -1 : 1) * (0.05 + 0.85 * next())),
    distinct: (...shape) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const order = shuffled(size, next)
      return make(shape, (i) => ((order[i] as number) - size / 2) * 0.137 + 0.0171 + 0.02 * next())
    },
    integers: (below, ...shape) => make(shape, () => Math.floor(next() * below), 'int32'),
    truth: (...shape) => make(shape, () => (next() < 0.5 ? 0 : 1), 'bool'),
  }
}
