// Model files: what is saved comes back bit for bit, weights travel alone, and a model in training can go on from its file.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, smallModel, twoClasses } from './problem.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-saving-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string): string => path.join(folder, name)
const { x, y } = twoClasses()
const quiet = { verbose: 0 as const, batchSize: 16 }
const output = async (model: st.Model): Promise<number[]> => Array.from((await model.predict(x)).dataSync())

describe('save and loadModel', () => {
  it('bring back architecture, weights, compiled state and optimizer', async () => {
    const model = smallModel()
    await model.fit(x, y, { ...quiet, epochs: 2, seed: 1 })
    await model.save(file('whole'))
    const loaded = await st.loadModel(file('whole'))
    expect(loaded.getConfig()).toEqual(model.getConfig())
    expect(bits(loaded)).toEqual(bits(model))
    expect(await output(loaded)).toEqual(await output(model))
    expect(await loaded.evaluate(x, y)).toEqual(await model.evaluate(x, y))
    for (const each of [model, loaded]) await each.fit(x, y, { ...quiet, epochs: 2, seed: 2 })
    expect(bits(loaded)).toEqual(bits(model))
  })

  it.each<[string, () => st.OptimizerName | st.Optimizer]>([
    ['sgd', () => st.optimizers.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })],
    ['rmsprop', () => st.optimizers.rmsprop({ centered: true, momentum: 0.5 })],
    ['adamW', () => st.optimizers.adamW({ clipNorm: 1 })],
    ['adagrad', () => 'adagrad'],
    [
      'a schedule',
      () =>
        st.optimizers.adam({
          learningRate: st.schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 5, decayRate: 0.5 }),
        }),
    ],
  ])('continue with the optimizer where it was: %s', async (_, make) => {
    const model = smallModel(3, make())
    await model.fit(x, y, { ...quiet, seed: 1 })
    await model.save(file('optimizer'))
    const loaded = await st.loadModel(file('optimizer'))
    expect(loaded.optimizer.getConfig()).toEqual(model.optimizer.getConfig())
    for (const each of [model, loaded]) await each.fit(x, y, { ...quiet, seed: 2 })
    expect(bits(loaded)).toEqual(bits(model))
    expect(loaded.optimizer.iterations).toBe(12)
  })

  it('keep losses and metrics with options, and say when a loss cannot be kept', async () => {
    const model = st.sequential([st.layers.dense({ units: 1, inputShape: [2] })])
    const target = x.slice([0, 0], [96, 1])
    const metrics = [st.metrics.meanAbsoluteError({ name: 'distance' })]
    model.compile({ loss: { className: 'huber', config: { delta: 0.1 } }, optimizer: 'sgd', metrics })
    await model.save(file('loss'))
    const loaded = await st.loadModel(file('loss'))
    expect(await loaded.evaluate(x, target)).toEqual(await model.evaluate(x, target))
    expect(Object.keys(await loaded.evaluate(x, target))).toEqual(['loss', 'distance'])
    model.compile({ loss: (a, b) => st.losses.meanSquaredError(a, b), optimizer: 'sgd' })
    await model.save(file('loss'))
    const bare = await st.loadModel(file('loss'))
    await expect(bare.evaluate(x, target)).rejects.toThrow(/not compiled/)
    expect(await output(bare)).toEqual(await output(model))
  })

  it('work without compile, before the first input, and from bytes', async () => {
    const model = st.sequential({
      name: 'plain',
      layers: [st.layers.dense({ units: 2 }), st.layers.activation({ activation: 'relu' })],
    })
    await model.save(file('plain'))
    const loaded = await st.loadModel(readFileSync(file('plain')))
    expect([loaded.built, loaded.name, loaded.layers.length]).toEqual([false, 'plain', 2])
    expect((await loaded.predict(x)).shape).toEqual([96, 2])
  })

  it('refuse what a file cannot bring back', async () => {
    class Own extends st.Layer {
      readonly className = 'own'
      call(input: st.Tensor): st.Tensor {
        return input
      }
      computeOutputShape(shape: st.BatchShape): st.BatchShape {
        return shape
      }
    }
    const model = st.sequential([new Own('own', { inputShape: [2] })])
    await expect(model.save(file('own'))).rejects.toThrow(/not registered/)
    await expect(model.save(path.join(folder, 'missing', 'a'))).rejects.toThrow(st.ValueError)
    await expect(st.loadModel(file('none'))).rejects.toThrow(st.ValueError)
  })
})

describe('load', () => {
  class Net extends st.Module {
    hidden = st.layers.dense({ units: 4, activation: 'relu' })
    drop = st.layers.dropout({ rate: 0.5 })
    out = st.layers.dense({ units: 2, activation: 'softmax' })
    forward(input: st.Tensor): st.Tensor {
      return this.out.forward(this.drop.forward(this.hidden.forward(input)))
    }
  }
  const compiled = (): st.Model => {
    const model = st.model(new Net())
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    return model
  }

  it("brings a class of one's own to the state of its file, layers that were not built included", async () => {
    const model = compiled()
    await model.fit(x, y, { ...quiet, seed: 1 })
    await model.save(file('module'))
    await expect(st.loadModel(file('module'))).rejects.toThrow(/class of its own/)
    const fresh = compiled()
    await fresh.load(file('module'))
    expect(bits(fresh)).toEqual(bits(model))
    for (const each of [model, fresh]) await each.fit(x, y, { ...quiet, seed: 2 })
    expect(bits(fresh)).toEqual(bits(model))
  })

  it('changes nothing if the file does not fit', async () => {
    await smallModel().save(file('other'))
    const model = compiled()
    await model.fit(x, y, { ...quiet, seed: 1 })
    const before = bits(model)
    await expect(model.load(file('other'))).rejects.toThrow(st.ValueError)
    await expect(model.loadWeights(file('other'))).rejects.toThrow(st.ValueError)
    expect(bits(model)).toEqual(before)
    const sgd = smallModel(3, 'sgd')
    await expect(sgd.load(file('other'))).rejects.toThrow(/its optimizer is 'adam', the model is compiled with 'sgd'/)
  })
})

describe('weights', () => {
  it('travel alone, under their paths', async () => {
    const model = smallModel()
    await model.fit(x, y, { ...quiet, seed: 1 })
    await model.saveWeights(file('weights'))
    const { tensors } = await st.io.loadSafetensors(file('weights'))
    expect(Object.keys(tensors).sort()).toEqual(
      model
        .variables()
        .map(([name]) => name)
        .sort(),
    )
    const other = smallModel(8)
    await other.loadWeights(file('weights'))
    expect(bits(other)).toEqual(bits(model))
    await expect(st.loadModel(file('weights'))).rejects.toThrow(/weights alone are read by loadWeights/)
    await expect(st.sequential().saveWeights(file('nothing'))).rejects.toThrow(st.StateError)
  })
})

describe('resume', () => {
  /** Six epochs in one go, and the losses and weights they end with. */
  const options = { ...quiet, epochs: 6 }

  it('continues after an epoch: history, order, masks, moments, all bits', async () => {
    const straight = smallModel()
    const whole = await straight.fit(x, y, { ...options, seed: 4 })
    const half = smallModel()
    await half.fit(x, y, { ...options, epochs: 3, seed: 4 })
    await half.save(file('half'))
    st.setSeed(999)
    const resumed = await st.loadModel(file('half'))
    expect(await resumed.fit(x, y, { ...options, resume: true })).toEqual(whole)
    expect(bits(resumed)).toEqual(bits(straight))
  })

  it('continues in the middle of an epoch, with the states of callbacks', async () => {
    const list = (): st.Callback[] => [
      st.callbacks.reduceLROnPlateau({ monitor: 'loss', patience: 1, minDelta: 0.02, factor: 0.5 }),
      st.callbacks.earlyStopping({ monitor: 'accuracy', patience: 4, restoreBestWeights: true }),
    ]
    const straight = smallModel()
    const whole = await straight.fit(x, y, { ...options, seed: 4, callbacks: list() })
    const stopped = smallModel()
    const save = st.callbacks.modelCheckpoint({ filepath: file('middle-{batch}'), saveFreq: 11 })
    await stopped.fit(x, y, { ...options, seed: 4, callbacks: [...list(), save] })
    for (const batch of [11, 22, 33]) {
      const resumed = await st.loadModel(file(`middle-${batch}`))
      expect(await resumed.fit(x, y, { ...options, resume: true, callbacks: list() })).toEqual(whole)
      expect(bits(resumed)).toEqual(bits(straight))
    }
  })

  it('goes on in a loader at the very batch', async () => {
    const loader = (): st.data.DataLoader => st.data.loader([x, y], { batchSize: 16, shuffle: true, seed: 5 })
    const straight = smallModel()
    const whole = await straight.fit(loader(), { verbose: 0, epochs: 4 })
    const save = st.callbacks.modelCheckpoint({ filepath: file('loader'), saveFreq: 9 })
    await smallModel().fit(loader(), { verbose: 0, epochs: 2, callbacks: [save] })
    const resumed = await st.loadModel(file('loader'))
    expect(await resumed.fit(loader(), { verbose: 0, epochs: 4, resume: true })).toEqual(whole)
    expect(bits(resumed)).toEqual(bits(straight))
  })

  it('by backupAndRestore needs nothing but running the program again', async () => {
    const straight = smallModel()
    const whole = await straight.fit(x, y, { ...options, seed: 4 })
    const backup = (): st.Callback => st.callbacks.backupAndRestore({ filepath: file('backup'), saveFreq: 4 })
    const crash = {
      onBatchEnd: () => {
        if (++batches === 15) throw new Error('power failure')
      },
    }
    let batches = 0
    const first = smallModel().fit(x, y, { ...options, seed: 4, callbacks: [backup(), crash] })
    await expect(first).rejects.toThrow('power failure')
    const second = smallModel()
    expect(await second.fit(x, y, { ...options, seed: 4, callbacks: [backup(), { onBatchEnd: () => {} }] })).toEqual(whole)
    expect(bits(second)).toEqual(bits(straight))
    await expect(st.loadModel(file('backup'))).rejects.toThrow(st.ValueError)
  })

  it('after an abort the same model goes on as well', async () => {
    const straight = smallModel()
    const whole = await straight.fit(x, y, { ...options, seed: 4 })
    const model = smallModel()
    const controller = new AbortController()
    const stop = { onBatchEnd: () => void (model.optimizer.iterations === 10 && controller.abort()) }
    const run = model.fit(x, y, { ...options, seed: 4, signal: controller.signal, callbacks: [stop] })
    await expect(run).rejects.toThrow('aborted')
    expect(await model.fit(x, y, { ...options, resume: true })).toEqual(whole)
    expect(bits(model)).toEqual(bits(straight))
  })

  it('is refused where there is nothing to resume', async () => {
    await expect(smallModel().fit(x, y, { resume: true })).rejects.toThrow(/no training to resume/)
    await expect(smallModel().fit(x, y, { resume: true, seed: 1 })).rejects.toThrow(st.ValueError)
  })
})
