// Bad input to models: every fault is a typed error that names the function and what is wrong, and the model trains correctly afterwards.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { smallModel, twoClasses } from './problem.js'

const { x, y } = twoClasses()
const model = smallModel()
const bare = st.sequential([st.layers.dense({ units: 1 })])
const wrong = <T>(value: unknown): T => value as T
const fitting = (options: unknown): Promise<unknown> => model.fit(x, y, { verbose: 0, ...(options as st.FitOptions) })
const detached = new Float32Array(192)
structuredClone(detached.buffer, { transfer: [detached.buffer] })
const pairs = {
  *[Symbol.iterator]() {
    yield [x, y, y, y]
  },
}
const unlabelled = {
  *[Symbol.iterator]() {
    yield x
  },
}
const nothing = { *[Symbol.iterator]() {} }

type Fault = [fault: string, call: () => unknown, error: new () => Error, message: RegExp]

const faults: Fault[] = [
  ['compile nothing', () => bare.compile(wrong(undefined)), st.ValueError, /compile: .*options/],
  ['compile without loss', () => bare.compile(wrong({})), st.ValueError, /loss/],
  ['compile unknown loss', () => bare.compile({ loss: wrong('l3') }), st.ValueError, /compile: unknown loss 'l3'/],
  [
    'compile unknown optimizer',
    () => bare.compile({ loss: 'mse', optimizer: wrong('magic') }),
    st.ValueError,
    /unknown optimizer 'magic'/,
  ],
  [
    'compile unknown metric',
    () => bare.compile({ loss: 'mse', metrics: [wrong('luck')] }),
    st.ValueError,
    /unknown metric 'luck'/,
  ],
  ['compile metrics of text', () => bare.compile({ loss: 'mse', metrics: wrong('accuracy') }), st.ValueError, /metrics/],
  ['compile unknown option', () => bare.compile(wrong({ loss: 'mse', lr: 1 })), st.ValueError, /unknown option 'lr'/],
  ['fit before compile', () => bare.fit(x, y), st.StateError, /fit: the model is not compiled/],
  ['evaluate before compile', () => bare.evaluate(x, y), st.StateError, /evaluate: the model is not compiled/],
  ['trainOnBatch before compile', () => bare.trainOnBatch(x, y), st.StateError, /trainOnBatch: the model is not compiled/],
  ['optimizer before compile', () => bare.optimizer, st.StateError, /not compiled/],
  ['fit nothing', () => model.fit(wrong(undefined), y), st.ValueError, /argument 'x'/],
  ['fit text', () => model.fit(wrong('data'), y), st.ValueError, /argument 'x'.*got 'data'/],
  ['fit a scalar', () => model.fit(st.full([], 1), y), st.ShapeError, /argument 'x' must be an array of samples/],
  ['fit no labels', () => model.fit(x, wrong(undefined)), st.StateError, /no labels/],
  [
    'fit other count of labels',
    () => model.fit(x, y.slice(0, 9)),
    st.ShapeError,
    /argument 'y' must have one entry per sample of x \(96\), got shape \[9\]/,
  ],
  ['fit no samples', () => model.fit(st.zeros([0, 2]), st.zeros([0])), st.ValueError, /at least one sample/],
  ['fit other width', () => model.fit(st.zeros([4, 3]), y.slice(0, 4)), st.ShapeError, /hidden/],
  ['fit detached', () => model.fit(detached, y), st.StateError, /detached/],
  [
    'fit a disposed tensor',
    () => {
      const gone = st.zeros([96, 2])
      gone.dispose()
      return model.fit(gone, y, { verbose: 0 })
    },
    st.StateError,
    /disposed/,
  ],
  ['fit label out of range', () => model.fit(x, st.full([96], 2, 'int32'), { verbose: 0 }), st.ValueError, /in \[0, 2\)/],
  ['fit epochs', () => fitting({ epochs: -1 }), st.ValueError, /'epochs' must be a non-negative integer, got -1/],
  ['fit epochs of text', () => fitting({ epochs: '3' }), st.ValueError, /'epochs'/],
  ['fit batchSize', () => fitting({ batchSize: 0 }), st.ValueError, /'batchSize' must be a positive integer, got 0/],
  ['fit batchSize NaN', () => fitting({ batchSize: Number.NaN }), st.ValueError, /'batchSize'/],
  ['fit verbose', () => fitting({ verbose: 3 }), st.ValueError, /'verbose'/],
  ['fit seed', () => fitting({ seed: 0.5 }), st.ValueError, /'seed'/],
  ['fit initialEpoch', () => fitting({ initialEpoch: -2 }), st.ValueError, /'initialEpoch'/],
  ['fit stepsPerEpoch', () => fitting({ stepsPerEpoch: 0 }), st.ValueError, /'stepsPerEpoch'/],
  ['fit validationSplit', () => fitting({ validationSplit: 1 }), st.ValueError, /'validationSplit'/],
  ['fit validationSplit of nothing', () => fitting({ validationSplit: 0.995 }), st.ValueError, /leaves one part empty/],
  ['fit both validations', () => fitting({ validationSplit: 0.5, validationData: [x, y] }), st.ValueError, /exclude each other/],
  ['fit validationData', () => fitting({ validationData: [x] }), st.ValueError, /validationData/],
  ['fit validationData of other counts', () => fitting({ validationData: [x, y.slice(0, 3)] }), st.ShapeError, /validationData/],
  ['fit validationFreq', () => fitting({ validationFreq: 0 }), st.ValueError, /'validationFreq'/],
  ['fit classWeight', () => fitting({ classWeight: 3 }), st.ValueError, /'classWeight'/],
  ['fit classWeight of no class', () => fitting({ classWeight: { cat: 3 } }), st.ValueError, /'classWeight'/],
  ['fit classWeight below 0', () => fitting({ classWeight: { 1: -3 } }), st.ValueError, /classWeight\[1\]/],
  ['fit sampleWeight', () => fitting({ sampleWeight: [1, 2] }), st.ShapeError, /'sampleWeight'/],
  ['fit callbacks', () => fitting({ callbacks: {} }), st.ValueError, /'callbacks'/],
  [
    'fit a callback of unknown hooks',
    () => fitting({ callbacks: [{ onEpoch: () => {} }] }),
    st.ValueError,
    /unknown hook 'onEpoch'/,
  ],
  ['fit signal', () => fitting({ signal: {} }), st.ValueError, /'signal' must be an AbortSignal/],
  ['fit unknown option', () => fitting({ epoch: 3 }), st.ValueError, /unknown option 'epoch'/],
  [
    'fit a data set with labels',
    () => model.fit(wrong<st.Tensor>(pairs), y),
    st.StateError,
    /'y' cannot be used with a data set/,
  ],
  [
    'fit a data set with batchSize',
    () => model.fit(wrong<st.DataSet>(pairs), { batchSize: 3 }),
    st.StateError,
    /'batchSize' cannot be used/,
  ],
  ['fit a data set of four', () => model.fit(wrong<st.DataSet>(pairs), { verbose: 0 }), st.ValueError, /must yield \[x, y\] or/],
  ['fit a data set without labels', () => model.fit(wrong<st.DataSet>(unlabelled), { verbose: 0 }), st.StateError, /no labels/],
  ['evaluate nothing', () => model.evaluate(wrong<st.DataSet>(nothing)), st.ValueError, /nothing to evaluate/],
  ['evaluate batchSize', () => model.evaluate(x, y, { batchSize: 1.5 }), st.ValueError, /evaluate: argument 'batchSize'/],
  ['evaluate unknown option', () => model.evaluate(x, y, wrong({ epochs: 1 })), st.ValueError, /unknown option 'epochs'/],
  ['predict nothing', () => model.predict(st.zeros([0, 2])), st.ValueError, /predict: .*at least one sample/],
  ['predict steps', () => model.predict(x, { steps: 0 }), st.ValueError, /predict: argument 'steps'/],
  [
    'predict an option of others',
    () => model.predict(x, wrong({ sampleWeight: [1] })),
    st.ValueError,
    /unknown option 'sampleWeight'/,
  ],
  ['predict without layers', () => st.sequential().predict(x), st.StateError, /no layers/],
  ['sequential of numbers', () => st.sequential(wrong([1])), st.ValueError, /must be a layer/],
  ['sequential of an unknown option', () => st.sequential(wrong({ layer: [] })), st.ValueError, /unknown option 'layer'/],
  ['model of a function', () => st.model(wrong(() => x)), st.ValueError, /must be a Module/],
  ['save nowhere', () => model.save(''), st.ValueError, /path/],
  ['load nothing', () => model.load(wrong(5)), st.ValueError, /source/],
  ['loadModel nothing', () => st.loadModel(wrong(null)), st.ValueError, /source/],
  ['loadWeights of no file', () => model.loadWeights('/nowhere/at/all'), st.ValueError, /nowhere/],
]

describe('bad input to models', () => {
  it.each(faults)('%s', async (_, call, error, message) => {
    const thrown = await Promise.resolve()
      .then(call)
      .then(
        () => null,
        (reason: Error) => reason,
      )
    expect(thrown).toBeInstanceOf(error)
    expect(thrown?.message).toMatch(message)
  })

  it('leaves the model able to train', async () => {
    const { history } = await model.fit(x, y, { epochs: 30, verbose: 0, batchSize: 16 })
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0])
  })
})
