// Bad input to compile, fit and trainOnBatch: what is called, which argument is wrong and how.
import * as st from '../../lib/index.js'
import { smallModel, twoClasses } from '../train/problem.js'
import { type BadCall, detached, wrong } from './bad-call.js'

const { x, y } = twoClasses()
const model = smallModel()
const bare = st.sequential([st.layers.dense({ units: 1 })])
const fitting = (options: unknown): Promise<unknown> => model.fit(x, y, { verbose: 0, ...(options as st.FitOptions) })
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

export const fitCalls: readonly BadCall[] = [
  [
    'Model.trainOnBatch',
    'options',
    'unknown',
    () => model.trainOnBatch(x, y, wrong({ classWeights: {} })),
    st.ValueError,
    /'classWeights'; .* classWeight/,
  ],
  ['Model.compile', 'options', 'nothing', () => bare.compile(wrong(undefined)), st.ValueError, /compile: .*options/],
  ['Model.compile', 'loss', 'without loss', () => bare.compile(wrong({})), st.ValueError, /loss/],
  [
    'Model.compile',
    'loss',
    'unknown loss',
    () => bare.compile({ loss: wrong('l3') }),
    st.ValueError,
    /compile: unknown loss 'l3'/,
  ],
  [
    'Model.compile',
    'optimizer',
    'unknown optimizer',
    () => bare.compile({ loss: 'mse', optimizer: wrong('magic') }),
    st.ValueError,
    /unknown optimizer 'magic'/,
  ],
  [
    'Model.compile',
    'options',
    'unknown metric',
    () => bare.compile({ loss: 'mse', metrics: [wrong('luck')] }),
    st.ValueError,
    /unknown metric 'luck'/,
  ],
  [
    'Model.compile',
    'metrics',
    'metrics of text',
    () => bare.compile({ loss: 'mse', metrics: wrong('accuracy') }),
    st.ValueError,
    /metrics/,
  ],
  [
    'Model.compile',
    'options',
    'unknown option',
    () => bare.compile(wrong({ loss: 'mse', lr: 1 })),
    st.ValueError,
    /unknown option 'lr'/,
  ],
  ['Model.fit', 'this', 'before compile', () => bare.fit(x, y), st.StateError, /fit: the model is not compiled/],
  [
    'Model.trainOnBatch',
    'this',
    'before compile',
    () => bare.trainOnBatch(x, y),
    st.StateError,
    /trainOnBatch: the model is not compiled/,
  ],
  ['Model.optimizer', 'this', 'before compile', () => bare.optimizer, st.StateError, /not compiled/],
  ['Model.fit', 'x', 'nothing', () => model.fit(wrong(undefined), y), st.ValueError, /argument 'x'/],
  ['Model.fit', 'x', 'text', () => model.fit(wrong('data'), y), st.ValueError, /argument 'x'.*got 'data'/],
  ['Model.fit', 'x', 'a scalar', () => model.fit(st.full([], 1), y), st.ShapeError, /argument 'x' must be an array of samples/],
  ['Model.fit', 'x', 'no labels', () => model.fit(x, wrong(undefined)), st.StateError, /no labels/],
  [
    'Model.fit',
    'x',
    'other count of labels',
    () => model.fit(x, y.slice(0, 9)),
    st.ShapeError,
    /argument 'y' must have one entry per sample of x \(96\), got shape \[9\]/,
  ],
  ['Model.fit', 'x', 'no samples', () => model.fit(st.zeros([0, 2]), st.zeros([0])), st.ValueError, /at least one sample/],
  ['Model.fit', 'x', 'other width', () => model.fit(st.zeros([4, 3]), y.slice(0, 4)), st.ShapeError, /hidden/, 'hidden'],
  ['Model.fit', 'x', 'detached', () => model.fit(detached(), y), st.StateError, /detached/],
  [
    'Model.fit',
    'x',
    'a disposed tensor',
    () => {
      const gone = st.zeros([96, 2])
      gone.dispose()
      return model.fit(gone, y, { verbose: 0 })
    },
    st.StateError,
    /disposed/,
    'tensor',
  ],
  [
    'Model.fit',
    'x',
    'label out of range',
    () => model.fit(x, st.full([96], 2, 'int32'), { verbose: 0 }),
    st.ValueError,
    /in \[0, 2\)/,
    'sparseCategoricalCrossentropy',
  ],
  [
    'Model.fit',
    'epochs',
    'epochs',
    () => fitting({ epochs: -1 }),
    st.ValueError,
    /'epochs' must be a non-negative integer, got -1/,
  ],
  ['Model.fit', 'epochs', 'epochs of text', () => fitting({ epochs: '3' }), st.ValueError, /'epochs'/],
  [
    'Model.fit',
    'batchSize',
    'batchSize',
    () => fitting({ batchSize: 0 }),
    st.ValueError,
    /'batchSize' must be a positive integer, got 0/,
  ],
  ['Model.fit', 'batchSize', 'batchSize NaN', () => fitting({ batchSize: Number.NaN }), st.ValueError, /'batchSize'/],
  ['Model.fit', 'verbose', 'verbose', () => fitting({ verbose: 3 }), st.ValueError, /'verbose'/],
  ['Model.fit', 'seed', 'seed', () => fitting({ seed: 0.5 }), st.ValueError, /'seed'/],
  ['Model.fit', 'initialEpoch', 'initialEpoch', () => fitting({ initialEpoch: -2 }), st.ValueError, /'initialEpoch'/],
  ['Model.fit', 'stepsPerEpoch', 'stepsPerEpoch', () => fitting({ stepsPerEpoch: 0 }), st.ValueError, /'stepsPerEpoch'/],
  ['Model.fit', 'validationSplit', 'validationSplit', () => fitting({ validationSplit: 1 }), st.ValueError, /'validationSplit'/],
  [
    'Model.fit',
    'validationSplit',
    'validationSplit of nothing',
    () => fitting({ validationSplit: 0.995 }),
    st.ValueError,
    /leaves one part empty/,
  ],
  [
    'Model.fit',
    'x',
    'both validations',
    () => fitting({ validationSplit: 0.5, validationData: [x, y] }),
    st.ValueError,
    /exclude each other/,
  ],
  ['Model.fit', 'validationData', 'validationData', () => fitting({ validationData: [x] }), st.ValueError, /validationData/],
  [
    'Model.fit',
    'validationData',
    'validationData of other counts',
    () => fitting({ validationData: [x, y.slice(0, 3)] }),
    st.ShapeError,
    /validationData/,
  ],
  ['Model.fit', 'validationFreq', 'validationFreq', () => fitting({ validationFreq: 0 }), st.ValueError, /'validationFreq'/],
  ['Model.fit', 'classWeight', 'classWeight', () => fitting({ classWeight: 3 }), st.ValueError, /'classWeight'/],
  [
    'Model.fit',
    'classWeight',
    'classWeight of no class',
    () => fitting({ classWeight: { cat: 3 } }),
    st.ValueError,
    /'classWeight'/,
  ],
  [
    'Model.fit',
    'classWeight',
    'classWeight below 0',
    () => fitting({ classWeight: { 1: -3 } }),
    st.ValueError,
    /classWeight\[1\]/,
  ],
  ['Model.fit', 'sampleWeight', 'sampleWeight', () => fitting({ sampleWeight: [1, 2] }), st.ShapeError, /'sampleWeight'/],
  ['Model.fit', 'callbacks', 'callbacks', () => fitting({ callbacks: {} }), st.ValueError, /'callbacks'/],
  [
    'Model.fit',
    'x',
    'a callback of unknown hooks',
    () => fitting({ callbacks: [{ onEpoch: () => {} }] }),
    st.ValueError,
    /unknown hook 'onEpoch'/,
  ],
  ['Model.fit', 'signal', 'signal', () => fitting({ signal: {} }), st.ValueError, /'signal' must be an AbortSignal/],
  ['Model.fit', 'options', 'unknown option', () => fitting({ epoch: 3 }), st.ValueError, /unknown option 'epoch'/],
  [
    'Model.fit',
    'x',
    'a data set with labels',
    () => model.fit(wrong(pairs), y),
    st.StateError,
    /'y' cannot be used with a data set/,
  ],
  [
    'Model.fit',
    'batchSize',
    'a data set with batchSize',
    () => model.fit(wrong(pairs), { batchSize: 3 }),
    st.StateError,
    /'batchSize' cannot be used/,
  ],
  [
    'Model.fit',
    'x',
    'a data set of four',
    () => model.fit(wrong(pairs), { verbose: 0 }),
    st.ValueError,
    /must yield \[x, y\] or/,
  ],
  ['Model.fit', 'x', 'a data set without labels', () => model.fit(wrong(unlabelled), { verbose: 0 }), st.StateError, /no labels/],
  ['Model.trainOnBatch', 'y', 'another length', () => model.trainOnBatch(x, [1]), st.ShapeError, /'y'.*\(96\).*\[1\]/],
]
