// Bad input everywhere, all in this one process, which afterwards still trains correctly.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { coreCalls } from './table-core.js'
import { dataCalls } from './table-data.js'
import { nnCalls } from './table-nn.js'

const calls = [...coreCalls, ...dataCalls, ...nnCalls]

describe('bad input', () => {
  it('is tried in many distinct ways', () => {
    expect(new Set(calls.map(([fn, argument, fault]) => `${fn}|${argument}|${fault}`)).size).toBe(calls.length)
    expect(calls.length).toBeGreaterThanOrEqual(60)
  })

  it.each(calls)('%s: %s: %s', async (_fn, _argument, _fault, call, wanted, mentions) => {
    let thrown: unknown
    try {
      await call()
    } catch (error) {
      thrown = error
    }
    expect(thrown, 'nothing was thrown').toBeDefined()
    expect(thrown).toBeInstanceOf(wanted)
    expect((thrown as Error).message).toMatch(mentions)
  })

  it('leaves a process that trains a step correctly', () => {
    const w = st.variable([1, -2])
    const x = st.tensor([
      [1, 2],
      [3, 4],
    ])
    const optimizer = st.optimizers.sgd({ learningRate: 0.1 })
    const error = x.mul(w).sum(1).sub([1, 0])
    error.square().mean().backward()
    optimizer.step([w])
    // errors (−4, −5): gradient = mean of 2·error·x = (−19, −28)
    expect(w.array()).toEqual([expect.closeTo(1 + 1.9, 5), expect.closeTo(-2 + 2.8, 5)])
  })
})
