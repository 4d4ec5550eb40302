// Callbacks: the rules of Keras 3 for each of them, on figures that a test dictates.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, recorder, smallModel, twoClasses } from './problem.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-callbacks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const { x, y } = twoClasses()
const { callbacks } = st

/** Runs one epoch per value, with `figure` set to it, and returns what happened. */
async function dictated(values: readonly number[], list: st.Callback[], figure = 'valLoss') {
  const model = smallModel()
  const stream = recorder()
  const dictate = {
    onEpochEnd: (epoch: number, logs: st.Logs) => {
      logs[figure] = values[epoch]
    },
  }
  const { epoch, history } = await model.fit(x, y, {
    epochs: values.length,
    batchSize: 96,
    stream,
    seed: 1,
    callbacks: [dictate, ...list],
  })
  return { epochs: epoch.length, history, model, lines: stream.lines }
}

describe('earlyStopping', () => {
  it.each([
    [{ patience: 0 }, [3, 2, 2, 1], 3],
    [{ patience: 2 }, [3, 2, 2.5, 2.1, 1], 4],
    [{ patience: 2 }, [3, 2, 2.5, 1.9, 2, 2, 1], 6],
    [{ patience: 1, minDelta: 0.5 }, [3, 2.6, 2.2, 1], 2],
    [{ patience: 3, baseline: 1 }, [3, 2, 2.5, 1.2], 3],
    [{ patience: 0, startFromEpoch: 2 }, [1, 2, 3, 2, 4], 5],
    [{ patience: 1 }, [Number.NaN, Number.NaN, 1], 2],
  ])('with %o on %o stops after %i epochs', async (options, values, wanted) => {
    expect((await dictated(values, [callbacks.earlyStopping(options)])).epochs).toBe(wanted)
  })

  it('takes more to be better for accuracies, and as told', async () => {
    const rising = [0.5, 0.6, 0.7, 0.6, 0.8]
    expect((await dictated(rising, [callbacks.earlyStopping({ monitor: 'valAccuracy' })], 'valAccuracy')).epochs).toBe(4)
    expect((await dictated(rising, [callbacks.earlyStopping({ mode: 'max' })])).epochs).toBe(4)
  })

  it('goes back to the best weights and says so', async () => {
    const kept: Record<string, number[]>[] = []
    class Keep extends st.Callback {
      override onEpochEnd(): void {
        kept.push(bits(this.model))
      }
    }
    const stopping = callbacks.earlyStopping({ patience: 2, restoreBestWeights: true, verbose: 1 })
    const { model, lines } = await dictated([3, 1, 2, 2, 2], [new Keep(), stopping])
    expect(bits(model)).toEqual(kept[1])
    expect(stopping.best).toBe(1)
    expect(lines.join('')).toContain('earlyStopping: weights of epoch 2 restored (1.0000)')
  })

  it('refuses a figure that nobody measures', async () => {
    const run = smallModel().fit(x, y, { verbose: 0, callbacks: [callbacks.earlyStopping()] })
    await expect(run).rejects.toThrow("earlyStopping: monitor 'valLoss' is not measured; there are loss, accuracy")
  })
})

describe('learning rates', () => {
  it('follow a function of the epoch', async () => {
    const schedule = callbacks.learningRateScheduler((epoch, rate) => (epoch < 2 ? rate : rate / 2))
    const { history } = await dictated([1, 1, 1, 1], [schedule])
    expect(history.learningRate).toEqual([0.001, 0.001, 0.0005, 0.00025])
  })

  it.each([
    [{ patience: 1, factor: 0.5 }, [3, 3, 3, 2, 2], [1, 1, 0.5, 0.25, 0.25]],
    [{ patience: 2, factor: 0.1 }, [3, 3, 3, 3, 3], [1, 1, 1, 0.1, 0.1]],
    [{ patience: 1, factor: 0.5, cooldown: 2 }, [3, 3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25, 0.25]],
    [{ patience: 1, factor: 0.1, minLR: 0.0005 }, [3, 3, 3], [1, 1, 0.5]],
    [{ patience: 1, factor: 0.5, minDelta: 0.5 }, [3, 2.8, 2], [1, 1, 0.5]],
  ])('are reduced on a plateau: %o on %o', async (options, values, wanted) => {
    const { history } = await dictated(values, [callbacks.reduceLROnPlateau(options)])
    for (const [epoch, rate] of wanted.entries()) expect(history.learningRate[epoch]).toBeCloseTo(rate / 1000, 12)
  })
})

describe('modelCheckpoint', () => {
  it('fills epoch and figures into the path', async () => {
    const target = path.join(folder, 'all')
    await dictated([2, 1], [callbacks.modelCheckpoint({ filepath: `${target}-{epoch:03d}-{valLoss:.2f}.safetensors` })])
    expect(readdirSync(folder).filter((name) => name.startsWith('all'))).toEqual([
      'all-001-2.00.safetensors',
      'all-002-1.00.safetensors',
    ])
  })

  it('saves only the best on request, and nothing but weights', async () => {
    const filepath = path.join(folder, 'best-{epoch}.safetensors')
    const options = { filepath, saveBestOnly: true, saveWeightsOnly: true, initialValueThreshold: 2.5 }
    const { lines } = await dictated([3, 2, 2.2, 1], [callbacks.modelCheckpoint({ ...options, verbose: 1 })])
    expect(readdirSync(folder).filter((name) => name.startsWith('best'))).toEqual(['best-2.safetensors', 'best-4.safetensors'])
    expect(lines.filter((line) => line.startsWith('modelCheckpoint'))).toHaveLength(2)
    await smallModel(9).loadWeights(path.join(folder, 'best-4.safetensors'))
  })

  it('saves after every so many batches', async () => {
    const filepath = path.join(folder, 'batch-{batch}.safetensors')
    const checkpoint = callbacks.modelCheckpoint({ filepath, saveFreq: 4 })
    await smallModel().fit(x, y, { verbose: 0, epochs: 3, batchSize: 32, callbacks: [checkpoint] })
    expect(readdirSync(folder).filter((name) => name.startsWith('batch'))).toEqual(['batch-4.safetensors', 'batch-8.safetensors'])
  })

  it('refuses a path that names a figure nobody measures', async () => {
    const checkpoint = callbacks.modelCheckpoint({ filepath: path.join(folder, '{auc}.x') })
    await expect(dictated([1], [checkpoint])).rejects.toThrow(/names \{auc\}, but there are only epoch, batch, loss, accuracy/)
  })
})

describe('csvLogger', () => {
  it('writes a line per epoch, and NA for figures of other epochs', async () => {
    const filename = path.join(folder, 'log.csv')
    const options = { verbose: 0 as const, epochs: 2, validationData: [x, y] as const, validationFreq: 2 }
    const { history } = await smallModel().fit(x, y, { ...options, callbacks: [callbacks.csvLogger({ filename })] })
    const lines = readFileSync(filename, 'utf8').split('\n')
    expect(lines[0]).toBe('epoch,loss,accuracy,valLoss,valAccuracy')
    expect(lines[1]).toBe(`0,${history.loss[0]},${history.accuracy[0]},NA,NA`)
    expect(lines[2].split(',').slice(3).map(Number)).toEqual([history.valLoss[1], history.valAccuracy[1]])
    expect(lines).toHaveLength(4)
    await smallModel().fit(x, y, { ...options, callbacks: [callbacks.csvLogger({ filename, append: true, separator: ',' })] })
    expect(readFileSync(filename, 'utf8').split('\n')).toHaveLength(6)
  })
})

describe('others', () => {
  it('terminateOnNaN stops at the batch', async () => {
    const model = smallModel(3, st.optimizers.sgd({ learningRate: 1e30 }))
    await model.fit(x, y, { verbose: 0, epochs: 20, batchSize: 8, callbacks: [callbacks.terminateOnNaN()] })
    expect(model.optimizer.iterations).toBeLessThan(24)
  })

  it('lambda and plain objects are called in order, with batches and epochs from 0', async () => {
    const calls: string[] = []
    const note =
      (name: string) =>
      (at?: unknown): void =>
        void calls.push(typeof at === 'number' ? `${name} ${at}` : name)
    const hooks = {
      onTrainBegin: note('trainBegin'),
      onTrainEnd: note('trainEnd'),
      onEpochBegin: note('epochBegin'),
      onEpochEnd: note('epochEnd'),
      onBatchBegin: note('batchBegin'),
      onBatchEnd: note('batchEnd'),
    }
    await smallModel().fit(x, y, { verbose: 0, epochs: 2, batchSize: 64, callbacks: [hooks, callbacks.lambda({})] })
    const batches = ['batchBegin 0', 'batchEnd 0', 'batchBegin 1', 'batchEnd 1']
    expect(calls).toEqual([
      'trainBegin',
      'epochBegin 0',
      ...batches,
      'epochEnd 0',
      'epochBegin 1',
      ...batches,
      'epochEnd 1',
      'trainEnd',
    ])
  })

  it('stopTraining ends training after the batch', async () => {
    const model = smallModel()
    const stop = {
      onBatchEnd: () => {
        model.stopTraining = true
      },
    }
    const { epoch } = await model.fit(x, y, { verbose: 0, epochs: 5, batchSize: 8, callbacks: [stop] })
    expect(epoch).toEqual([0])
    expect(model.optimizer.iterations).toBe(1)
    expect(model.stopTraining).toBe(false)
  })

  it('those that save see what the others have added', async () => {
    const filepath = path.join(folder, 'order.safetensors')
    const late = {
      onEpochEnd: (_: number, logs: st.Logs) => {
        logs.extra = 7
      },
    }
    await smallModel().fit(x, y, {
      verbose: 0,
      callbacks: [callbacks.modelCheckpoint({ filepath, monitor: 'extra', saveBestOnly: true }), late],
    })
    expect(readdirSync(folder)).toContain('order.safetensors')
  })
})

describe('bad options', () => {
  it.each<[string, () => unknown]>([
    ['patience', () => callbacks.earlyStopping({ patience: -1 })],
    ['unknown option', () => callbacks.earlyStopping({ patient: 1 } as never)],
    ['mode', () => callbacks.earlyStopping({ mode: 'up' as never })],
    ['monitor', () => callbacks.earlyStopping({ monitor: '' })],
    ['baseline', () => callbacks.earlyStopping({ baseline: Number.NaN })],
    ['minDelta', () => callbacks.reduceLROnPlateau({ minDelta: Number.NaN })],
    ['factor', () => callbacks.reduceLROnPlateau({ factor: 1 })],
    ['minLR', () => callbacks.reduceLROnPlateau({ minLR: -1 })],
    ['filepath', () => callbacks.modelCheckpoint({} as never)],
    ['saveFreq', () => callbacks.modelCheckpoint({ filepath: 'a', saveFreq: 0 })],
    ['initialValueThreshold', () => callbacks.modelCheckpoint({ filepath: 'a', initialValueThreshold: Number.NaN })],
    ['saveFreq', () => callbacks.backupAndRestore({ filepath: 'a', saveFreq: 'batch' as never })],
    ['filename', () => callbacks.csvLogger({ filename: '' })],
    ['separator', () => callbacks.csvLogger({ filename: 'a', separator: '' })],
    ['schedule', () => callbacks.learningRateScheduler(1 as never)],
    ['hooks', () => callbacks.lambda(null as never)],
    ['onEpochFinish', () => callbacks.lambda({ onEpochFinish: () => {} } as never)],
    ['onEpochEnd', () => callbacks.lambda({ onEpochEnd: 1 as never })],
  ])('%s is named in a ValueError', (name, make) => {
    expect(make).toThrow(st.ValueError)
    expect(make).toThrow(name)
  })
})
