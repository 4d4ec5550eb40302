// Large batches run in slices where that changes nothing but the time: the same bits, whatever the batch, the limit and the rows.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { settings } from '../../lib/program/settings.js'
import { withSettings } from './problem.js'

const { conv2d, maxPool2d, relu } = st
const values = (seed: number, ...shape: number[]): st.Tensor => new st.Generator(seed).normal(shape)

const w = values(1, 3, 3, 2, 4)
const v = values(2, 3, 3, 4, 4)
const factor = st.variable(values(3, 4))

type Net = (x: st.Tensor) => st.Tensor | st.Tensor[]

/** Batches of the recorded rows, after the results were found to be those without the pass, to the bit. */
function batches(net: Net, x: st.Tensor, sliceBytes: number): number[] {
  const run = (limit: number): { results: unknown; listing: string } => {
    const program = st.program(net)
    settings.sliceBytes = limit
    const results = [program.sync(x)].flat().map((tensor) => Array.from(tensor.dataSync()))
    return { results, listing: program.toString() }
  }
  const sliced = withSettings('', () => run(sliceBytes))
  const whole = withSettings('no-slices', () => run(sliceBytes))
  const eager = withSettings('eager', () => run(sliceBytes))
  expect(sliced.results).toEqual(whole.results)
  expect(sliced.results).toEqual(eager.results)
  return [...sliced.listing.matchAll(/ conv2d\w* +float32\[(\d+),/g)].map(([, batch]) => Number(batch))
}

describe('a batch in slices', () => {
  const chain: Net = (x) => maxPool2d(relu(conv2d(relu(conv2d(x, w)).mul(factor), v)), 2)
  // The largest row reads and writes 400 floats of each sample, and the factor.
  const x = values(4, 10, 12, 12, 2)

  it('runs all rows of some samples before the next ones, in near-equal parts', () => {
    expect(batches(chain, x, 1e6)).toEqual([10, 10])
    expect(batches(chain, x, 4 * 800 * 5 + 16)).toEqual([5, 5, 5, 5])
    expect(batches(chain, x, 4 * 800 * 4 + 16)).toEqual([3, 3, 3, 3, 4, 4])
    expect(batches(chain, x, 1)).toEqual(Array.from({ length: 20 }, () => 1))
  })

  it('of every size gives the same bits', () => {
    for (const n of [2, 3, 7, 16, 33]) for (const limit of [1, 5000, 20_000]) batches(chain, values(n, n, 12, 12, 2), limit)
  })

  it('keeps what is returned or read by others whole', () => {
    const results: Net = (a) => {
      const y = relu(conv2d(a, w))
      return [y, relu(conv2d(conv2d(y, v), v)), y.mean(0)]
    }
    expect(batches(results, x, 1)).toHaveLength(30)
    expect(batches((a) => [conv2d(a, w), conv2d(conv2d(a, w), v)].reverse(), x, 1)).toContain(1)
    const nothingInner: Net = (a) => {
      const y = conv2d(a, w)
      return [y, conv2d(y, v)]
    }
    expect(batches(nothingInner, x, 1)).toEqual([10, 10])
  })

  it('has residuals and normalized rows as parts', () => {
    const norm = st.layers.batchNormalization({ inputShape: [1, 1, 4] })
    norm.eval()
    const residual: Net = (a) => {
      const y = norm.forward(conv2d(a, w, { padding: 'same' }))
      const z = relu(norm.forward(conv2d(y, v, { padding: 'same' })).add(y))
      return conv2d(z.square().add(y), v)
    }
    for (const text of ['', 'no-convolution', 'no-inplace']) withSettings(text, () => batches(residual, x, 1))
    expect(batches(residual, x, 1)).toHaveLength(30)
  })

  it('leaves weights that are made within the program whole, and makes them before', () => {
    expect(batches((a) => conv2d(relu(conv2d(a, w.mul(factor))), v.mul(2).add(factor)), x, 1)).toHaveLength(20)
  })

  it('ends where weights depend on the batch, or the batch is another one', () => {
    const dependent: Net = (a) => {
      const y = conv2d(a, w)
      return conv2d(y, y.slice(0, 1).reshape([10, 10, 4, 1]))
    }
    expect(batches(dependent, x, 1)).toEqual([10, 10])
    const folded: Net = (a) => conv2d(conv2d(a, w).reshape([20, 5, 10, 4]), v)
    expect(batches(folded, x, 1)).toEqual([10, 20])
  })

  it('writes state in its place', () => {
    const run = (): number[] => {
      factor.assign(values(3, 4))
      const program = st.program((a: st.Tensor) => {
        const y = relu(conv2d(a, w).mul(factor))
        factor.assign(factor.mul(2))
        return conv2d(conv2d(y, v), v)
      })
      settings.sliceBytes = 1
      return [...program.sync(x).dataSync(), ...program.sync(x).dataSync(), ...factor.dataSync()]
    }
    expect(withSettings('', run)).toEqual(withSettings('no-slices', run))
    factor.assign(values(3, 4))
  })
})
