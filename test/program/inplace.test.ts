// Results in the place of operands: less memory, the same bits, and nothing that is still read is written over.
import { describe, expect, it } from 'vitest'
import { RandomSource } from '../../lib/data/rng.js'
import * as st from '../../lib/index.js'
import { joinLifetimes, placesInPlace } from '../../lib/program/inplace.js'
import type { Storage } from '../../lib/tensor/storage.js'
import { withSettings } from './problem.js'

const x = new st.Generator(3).normal([64, 128])
const column = new st.Generator(4).normal([128])

/** The result and the memory of the temporaries of one run. */
function run(text: string, fn: (x: st.Tensor) => st.Tensor): { values: number[]; bytes: number } {
  return withSettings(text, () => {
    const recorded = st.program(fn)
    const values = Array.from(recorded.sync(x).dataSync())
    const bytes = recorded.arenaBytes
    recorded.dispose()
    return { values, bytes }
  })
}

function compare(fn: (x: st.Tensor) => st.Tensor): { saved: number } {
  // Merged formulas would leave little to see.
  const [shared, apart] = [run('no-merge', fn), run('no-merge,no-inplace', fn)]
  expect(shared.values).toEqual(apart.values)
  expect(shared.values).toEqual(run('eager', fn).values)
  return { saved: apart.bytes - shared.bytes }
}

/** Thirty random steps, each from earlier values of two shapes. */
function randomSteps(seed: number): (x: st.Tensor) => st.Tensor {
  return (t) => {
    const rng = new RandomSource(seed)
    const pick = (below: number): number => Math.floor(rng.uniform() * below)
    const values = [t, t.mul(column)]
    const some = (): st.Tensor => values[Math.max(0, values.length - 1 - pick(4))] as st.Tensor
    const steps = [
      () => some().sin(),
      () => some().mul(some()),
      () => some().sub(column),
      () => some().add(some().mean(0)),
      () => some().maximum(some()),
      () => some().sub(some().mean(1, true)),
    ]
    for (let i = 0; i < 30; i++) values.push((steps[pick(steps.length)] as () => st.Tensor)().tanh())
    return some().add(some())
  }
}

describe('results in the place of operands', () => {
  it('save an array of memory in a chain', () => {
    expect(compare((t) => t.exp().mul(column).sin().add(t).sum(0)).saved).toBeGreaterThanOrEqual(x.size * 4)
  })

  it('leave operands that a later row reads', () => {
    compare((t) => {
      const a = t.exp()
      const b = a.sin()
      return a.mul(b).sum(0)
    })
  })

  it('do not lie over broadcast operands', () => {
    expect(compare((t) => t.sum(0).exp().add(t).sum(1)).saved).toBe(0)
  })

  it('change no bit of 40 random programs, and save memory in most', () => {
    const saved = Array.from({ length: 40 }, (_, seed) => compare(randomSteps(seed)).saved)
    expect(saved.filter((bytes) => bytes > 0).length).toBeGreaterThan(20)
  })

  it('share the slot of the first operand, alive until the last result is read', () => {
    const storages = ['a', 'b', 'c', 'd'] as unknown as Storage[]
    const [a, b, c, d] = storages as [Storage, Storage, Storage, Storage]
    const lifetimes = new Map(storages.map((storage, i) => [storage, { bytes: 64, first: i, last: i + 1 }]))
    const joined = joinLifetimes(
      lifetimes,
      new Map([
        [b, a],
        [c, a],
      ]),
    )
    expect([...joined]).toEqual([
      [a, { bytes: 64, first: 0, last: 3 }],
      [d, lifetimes.get(d)],
    ])
    expect(joinLifetimes(new Map(), placesInPlace([], new Map())).size).toBe(0)
  })
})
