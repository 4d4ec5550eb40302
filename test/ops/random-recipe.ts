// What is asked of the random operations: the float64 stream of the same seed, and for integers a Philox of one's own in JavaScript.
import { expect } from 'vitest'
import { philox4x32 } from '../../lib/data/rng.js'
import { Generator, type Tensor } from '../../lib/index.js'

const count = 1003

/** Word `index` of the stream: Philox blocks of four, counted from 0. */
function word(seed: number, index: number): bigint {
  const out = new Uint32Array(4)
  philox4x32(Uint32Array.of(Math.floor(index / 4), 0, 0, 0), Uint32Array.of(seed, 0), out)
  return BigInt(out[index % 4] as number)
}

/** Draw `i` of [0, range): the high part of a 64-bit word times the range. */
function draw(seed: number, i: number, range: number): number {
  return Number((((word(seed, 2 * i) << 32n) | word(seed, 2 * i + 1)) * BigInt(range)) >> 64n)
}

function permutation(seed: number, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = draw(seed, i, i + 1)
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  return order
}

/** Both types of one stream agree to float32's rounding. */
function sameStream(sample: (generator: Generator, dtype: 'float32' | 'float64') => Tensor): void {
  const single = sample(new Generator(42), 'float32').dataSync()
  const double = sample(new Generator(42), 'float64').dataSync()
  double.forEach((value, i) => {
    expect(Math.abs((single[i] as number) - value)).toBeLessThanOrEqual(4e-6 * Math.max(1, Math.abs(value)))
  })
}

/** A check per kernel. */
export const randomChecks: Readonly<Record<string, () => void>> = {
  randomUniform: () => sameStream((g, dtype) => g.uniform([count], -2, 3, dtype)),
  randomNormal: () => sameStream((g, dtype) => g.normal([count], 1, 2, dtype)),
  truncatedNormal: () => sameStream((g, dtype) => g.truncatedNormal([count], 1, 2, dtype)),
  bernoulli: () => sameStream((g, dtype) => g.bernoulli([count], 0.3, dtype)),
  randomInteger: () => {
    const got = new Generator(7).integers([100], -5, 12).dataSync()
    expect([...got]).toEqual(Array.from({ length: 100 }, (_, i) => draw(7, i, 17) - 5))
  },
  permutation: () => {
    expect([...new Generator(9).permutation(50).dataSync()]).toEqual(permutation(9, 50))
  },
}
