// Bad input everywhere, all in this one process, which afterwards still trains correctly; and no public function is left out.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { smallModel, twoClasses } from '../train/problem.js'
import type { BadCall } from './bad-call.js'
import { exempt } from './exempt.js'
import { publicFunctions } from './public-functions.js'
import { coreCalls } from './table-core.js'
import { dataCalls } from './table-data.js'
import { fileCalls } from './table-files.js'
import { fitCalls } from './table-fit.js'
import { layerCalls } from './table-layers.js'
import { learningCalls } from './table-learning.js'
import { modelCalls } from './table-models.js'
import { opCalls } from './table-ops.js'

const calls: readonly BadCall[] = [
  ...coreCalls,
  ...opCalls,
  ...layerCalls,
  ...learningCalls,
  ...dataCalls,
  ...fileCalls,
  ...fitCalls,
  ...modelCalls,
]

/** `new Dense` is what `layers.dense` makes: the rows of a factory are rows of its class. */
function factoryOf(name: string): string {
  const simple = name.split('.').at(-1) as string
  return simple.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (capitals) => capitals.toLowerCase())
}

describe('bad input', () => {
  it('is tried in many distinct ways', () => {
    expect(new Set(calls.map(([fn, argument, fault]) => `${fn}|${argument}|${fault}`)).size).toBe(calls.length)
    expect(calls.length).toBeGreaterThanOrEqual(60)
  })

  it('is tried on every public function that takes arguments', () => {
    const functions = publicFunctions()
    const tried = new Set(calls.map(([fn]) => fn))
    const factories = new Set(calls.map(([fn]) => fn.split('.').at(-1)))
    const isTried = (name: string): boolean =>
      tried.has(name) || (name.startsWith('new ') && factories.has(factoryOf(name.slice('new '.length))))
    expect(functions.length).toBeGreaterThan(250)
    expect(functions.filter((name) => !isTried(name) && !(name in exempt))).toEqual([])
    // An exemption must be of a public function that is not tried.
    expect(Object.keys(exempt).filter((name) => !functions.includes(name) || isTried(name))).toEqual([])
  }, 120_000)

  it.each(calls.map((row) => [row[0], row[1], row[2], row] as const))('%s: %s: %s', async (fn, _argument, _fault, row) => {
    const [, , , call, wanted, mentions, calledBy] = row
    let thrown: unknown
    try {
      await call()
    } catch (error) {
      thrown = error
    }
    expect(thrown, 'nothing was thrown').toBeDefined()
    expect(thrown).toBeInstanceOf(wanted)
    const { message } = thrown as Error
    expect(message).toMatch(mentions)
    const name = calledBy ?? fn.replace('new ', '').split('.').at(-1)
    expect(message).toMatch(new RegExp(`^(layer |variable )?'?${name}(_\\d+)?\\b`))
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

  it('leaves models able to train', async () => {
    const { x, y } = twoClasses()
    const { history } = await smallModel().fit(x, y, { epochs: 30, verbose: 0, batchSize: 16 })
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0])
  })
})
