// Many steps per wake-up of JavaScript: as few runs as callbacks allow, and nothing that a user can see differs from step by step.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { programs } from '../../lib/dispatch.js'
import * as st from '../../lib/index.js'
import { inPieces } from '../../lib/tensor/creation.js'
import { Model } from '../../lib/train/model.js'
import { Stride } from '../../lib/train/pace.js'
import { bits, smallModel, twoClasses } from './problem.js'

const { x, y } = twoClasses(1003)
const options = { verbose: 0, batchSize: 4, seed: 2 } as const
const steps = 251
const everyBatch = { onBatchEnd: (): void => undefined }

afterEach(() => vi.restoreAllMocks())

/** The repeats of each run of the step; other programs run once. */
async function repeatsOf(run: () => Promise<unknown>): Promise<number[]> {
  const start = vi.spyOn(programs, 'start')
  await run()
  return start.mock.calls.map(([, , repeats]) => repeats)
}

describe('Stride', () => {
  it('takes one step at first, then as many as take 20 ms', () => {
    const stride = new Stride()
    expect(stride.steps).toBe(1)
    for (let i = 0; i < 20; i++) stride.took(10, 1)
    expect(stride.steps).toBe(200)
    stride.took(1, 50)
    expect(stride.steps).toBe(1)
  })

  it('is not misled for long by one fast step, and never takes no end of steps', () => {
    const stride = new Stride()
    for (let i = 0; i < 20; i++) stride.took(1, 2)
    stride.took(1, 0.001)
    expect(stride.steps).toBe(20)
    for (let i = 0; i < 50; i++) stride.took(1, 0)
    expect(stride.steps).toBe(20_000)
  })
})

describe('fit wakes up', () => {
  it('a few times per epoch, once more for the smaller last batch', async () => {
    const repeats = await repeatsOf(() => smallModel().fit(x, y, { ...options, epochs: 6 }))
    expect(repeats.reduce((sum, n) => sum + n, 0)).toBe(6 * (steps + 1))
    expect(repeats.length).toBeLessThan(120)
    expect(Math.max(...repeats)).toBeGreaterThan(50)
  })

  it('after every batch for a callback that wants it, and not for one that saves after epochs', async () => {
    const trained = (callbacks: readonly (st.Callback | st.Hooks)[]): Promise<number[]> =>
      repeatsOf(() => smallModel().fit(x, y, { ...options, epochs: 2, callbacks: [...callbacks] }))
    const ran = await trained([everyBatch])
    expect([ran.length, Math.max(...ran)]).toEqual([2 * (steps + 1), 1])
    vi.restoreAllMocks()
    const filepath = '/dev/null/none'
    const backup = st.callbacks.backupAndRestore({ filepath })
    expect([backup.onBatchEnd, st.callbacks.modelCheckpoint({ filepath }).onBatchEnd]).toEqual([undefined, undefined])
    expect(st.callbacks.modelCheckpoint({ filepath: 'at-{batch}' }).onBatchEnd).toBeDefined()
  })

  it('and ends with the bits of training step by step and of runEagerly', async () => {
    const weights = Float32Array.from({ length: 1003 }, (_, i) => 1 + (i % 3))
    const trained = async (eager: boolean, shuffle: boolean, callbacks: st.Hooks[] = []) => {
      const model = smallModel()
      model.runEagerly = eager
      const data = { sampleWeight: weights, validationSplit: 0.1, classWeight: { 0: 1, 1: 2 } }
      const { history } = await model.fit(x, y, { ...options, ...data, shuffle, epochs: 3, callbacks })
      return { history, weights: bits(model) }
    }
    for (const shuffle of [true, false]) {
      const wanted = await trained(false, shuffle, [everyBatch])
      expect(await trained(false, shuffle)).toEqual(wanted)
      expect(await trained(true, shuffle)).toEqual(wanted)
    }
  })
})

describe('weights that wait for their first input', () => {
  it('are made layer by layer before the step is recorded, the same as by build', async () => {
    const trained = async (build: boolean, eager: boolean) => {
      st.setSeed(4)
      const { dense, dropout } = st.layers
      const layers = [dense({ units: 6, activation: 'relu' }), dropout({ rate: 0.3 })]
      const model = st.sequential([...layers, dense({ units: 2, activation: 'softmax' })])
      model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', runEagerly: eager })
      if (build) model.build([null, 2])
      const turns: boolean[] = []
      const watch = (): void => {
        turns.push(model.built)
        if (!model.built) setImmediate(watch)
      }
      setImmediate(watch)
      await model.fit(x, y, { ...options, epochs: 1 })
      return { weights: bits(model), turns }
    }
    const [known, waiting] = [await trained(true, false), await trained(false, false)]
    expect(waiting.weights).toEqual(known.weights)
    expect(waiting.turns.filter((built) => !built).length).toBeGreaterThanOrEqual(2)
    expect((await trained(true, true)).weights).toEqual(known.weights)
  })
})

describe('a run that is cut short', () => {
  it('by a signal stops at the step, and resumes from there with the same bits', async () => {
    const straight = smallModel()
    const { history } = await straight.fit(x, y, { ...options, epochs: 40 })
    const model = smallModel()
    const controller = new AbortController()
    const reason = new Error('enough')
    const abort = { onEpochBegin: (epoch: number) => void (epoch === 20 && setTimeout(() => controller.abort(reason), 1)) }
    const run = model.fit(x, y, { ...options, epochs: 40, signal: controller.signal, callbacks: [abort] })
    await expect(run).rejects.toBe(reason)
    const { epoch, batch, samples } = Model.trainerOf(model).saved ?? {}
    expect(model.optimizer.iterations).toBe((epoch ?? 0) * steps + (batch ?? 0))
    expect(samples).toBe(Math.min(4 * (batch ?? 0), 1003))
    const resumed = await model.fit(x, y, { verbose: 0, batchSize: 4, epochs: 40, resume: true })
    expect(bits(model)).toEqual(bits(straight))
    expect(resumed.history).toEqual(history)
  })

  it('by a bad label counts the steps before it', async () => {
    const labels = y.dataSync().slice() as Int32Array
    labels[4 * 200] = 7
    const model = smallModel()
    await model.fit(x, y, { ...options, shuffle: false })
    await expect(model.fit(x, st.tensor(labels), { ...options, shuffle: false })).rejects.toThrow(
      /index 7 at position 0 must be in/,
    )
    expect(model.optimizer.iterations).toBe(steps + 200)
    expect(Model.trainerOf(model).saved?.batch).toBe(200)
  })

  it('evaluates in many steps per wake-up too, to the figures of a data set', async () => {
    const model = smallModel()
    const loader = st.data.loader([x, y], { batchSize: 4 })
    const wanted = await model.evaluate(loader)
    let logs: st.Logs = {}
    const repeats = await repeatsOf(async () => {
      logs = await model.evaluate(x, y, { batchSize: 4 })
    })
    expect(logs).toEqual(wanted)
    expect(repeats.reduce((sum, n) => sum + n, 0)).toBe(steps)
    expect(repeats.length).toBeLessThan(60)
    await expect(model.evaluate(x, y, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })
})

describe('large nested arrays', () => {
  const flat = new st.Generator(5).normal([20_000, 8])
  const numbers = flat.dataSync()
  const rows = Array.from({ length: 20_000 }, (_, i) => Array.from(numbers.slice(8 * i, 8 * i + 8)))

  it('are read with turns of the event loop between, to the same tensor', async () => {
    let turns = 0
    let reading = true
    const count = (): void => {
      turns++
      if (reading) setImmediate(count)
    }
    setImmediate(count)
    const read = await inPieces('fit', 'x', rows)
    reading = false
    expect(turns).toBeGreaterThanOrEqual(2)
    expect(read).toBeInstanceOf(st.Tensor)
    expect((read as st.Tensor).shape).toEqual([20_000, 8])
    expect((read as st.Tensor).dataSync()).toEqual(numbers)
    for (const other of [flat, numbers, [[1, 2]], 3, null]) expect(await inPieces('fit', 'x', other)).toBe(other)
    const model = st.sequential([st.layers.dense({ units: 1 })])
    expect((await model.predict(rows, { batchSize: 20_000 })).dataSync()).toEqual(
      (await model.predict(flat, { batchSize: 20_000 })).dataSync(),
    )
  })

  it('must be regular to the end', async () => {
    const model = smallModel()
    const crooked = [...rows.slice(0, -1), [1, 2]]
    await expect(model.fit(crooked, st.zeros([20_000]))).rejects.toThrow('nested arrays must be regular')
    await expect(model.predict(crooked)).rejects.toThrow(st.ShapeError)
  })
})
