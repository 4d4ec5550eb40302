// Every registered kind of layer: the common checks, the goldens of Keras, and what is particular to each.
import { describe, expect, it } from 'vitest'
import { grad, gradcheck, type Layer, layers, random, sum, type Tensor, tensor, variable } from '../../lib/index.js'
import { layerRegistry } from '../../lib/nn/layer.js'
import { type GoldenTensor, readGolden } from '../golden/read.js'
import { epsilonOf, expectGolden, expectNear, floatTypes, fromGolden } from './golden.js'
import { type LayerExpectation, runLayerTest } from './layer-harness.js'

type Case = [kind: string, options: object, shape: readonly number[], expected: LayerExpectation]
const indices = (shape: readonly number[]): Tensor => random.integers(shape, 0, 7)
const image = [6, 5, 4]

const cases: Case[] = [
  ['dense', { units: 4 }, [5], { parameters: { kernel: [5, 4], bias: [4] }, output: [4], wrong: [[3, 6], [5]] }],
  [
    'dense',
    { units: 3, activation: 'gelu', useBias: false },
    [2, 5],
    { parameters: { kernel: [5, 3] }, output: [2, 3], wrong: [[3, 2, 4]] },
  ],
  ['dense', { units: 3, activation: 'softmax' }, [5], { parameters: { kernel: [5, 3], bias: [3] }, output: [3], wrong: [] }],
  [
    'conv2d',
    { filters: 3, kernelSize: 3, activation: 'tanh' },
    image,
    {
      parameters: { kernel: [3, 3, 4, 3], bias: [3] },
      output: [4, 3, 3],
      wrong: [
        [3, 6, 5, 2],
        [3, 6, 5],
        [1, 2, 2, 4],
      ],
    },
  ],
  [
    'conv2d',
    { filters: 4, kernelSize: [2, 3], strides: 2, padding: 'same', groups: 2, useBias: false },
    image,
    { parameters: { kernel: [2, 3, 2, 4] }, output: [3, 3, 4], wrong: [[3, 6, 5, 3]] },
  ],
  [
    'conv2d',
    { filters: 2, kernelSize: 2, dataFormat: 'channelsFirst', dilationRate: 2 },
    [4, 6, 5],
    { parameters: { kernel: [2, 2, 4, 2], bias: [2] }, output: [2, 4, 3], wrong: [[3, 3, 6, 5]] },
  ],
  [
    'maxPooling2d',
    {},
    image,
    {
      parameters: {},
      output: [3, 2, 4],
      wrong: [
        [3, 6, 5],
        [1, 1, 1, 1],
      ],
    },
  ],
  [
    'maxPooling2d',
    { poolSize: 3, strides: 1, padding: 'same', dataFormat: 'channelsFirst' },
    [4, 6, 5],
    { parameters: {}, output: [4, 6, 5], wrong: [[4]] },
  ],
  ['averagePooling2d', { poolSize: [3, 2], padding: 'same' }, image, { parameters: {}, output: [2, 3, 4], wrong: [[3, 6, 5]] }],
  ['globalAveragePooling2d', {}, image, { parameters: {}, output: [4], wrong: [[3, 4]] }],
  [
    'globalAveragePooling2d',
    { keepDims: true, dataFormat: 'channelsFirst' },
    [4, 6, 5],
    { parameters: {}, output: [4, 1, 1], wrong: [[3, 4]] },
  ],
  ['flatten', {}, image, { parameters: {}, output: [120], wrong: [] }],
  ['flatten', { dataFormat: 'channelsFirst' }, [4, 6, 5], { parameters: {}, output: [120], wrong: [] }],
  ['reshape', { targetShape: [2, -1, 3] }, image, { parameters: {}, output: [2, 20, 3], wrong: [[3, 7]] }],
  ['activation', { activation: 'silu' }, [7], { parameters: {}, output: [7], wrong: [] }],
  ['leakyRelu', { negativeSlope: 0.1 }, [7], { parameters: {}, output: [7], wrong: [] }],
  ['rescaling', { scale: 1 / 255 }, image, { parameters: {}, output: image, wrong: [] }],
  [
    'rescaling',
    { scale: [1, 2, 3, 4], offset: [-1, 0, 1, 2], dtype: 'float64' },
    image,
    { parameters: {}, output: image, wrong: [[3, 7], [4]] },
  ],
  ['dropout', { rate: 0.3 }, [6], { parameters: {}, statistics: ['generator'], output: [6], wrong: [], random: true }],
  [
    'dropout',
    { rate: 0.5, noiseShape: [null, 1, 3], seed: 4 },
    [2, 3],
    { parameters: {}, statistics: ['generator'], output: [2, 3], wrong: [], random: true },
  ],
  [
    'batchNormalization',
    { momentum: 0.9 },
    [4],
    { parameters: { gamma: [4], beta: [4] }, statistics: ['movingMean', 'movingVariance'], output: [4], wrong: [[3, 5], [4]] },
  ],
  [
    'batchNormalization',
    { axis: 1, scale: false },
    [3, 4, 2],
    { parameters: { beta: [3] }, statistics: ['movingMean', 'movingVariance'], output: [3, 4, 2], wrong: [[2, 4, 4, 2]] },
  ],
  [
    'batchNormalization',
    { center: false },
    image,
    { parameters: { gamma: [4] }, statistics: ['movingMean', 'movingVariance'], output: image, wrong: [] },
  ],
  [
    'embedding',
    { inputDim: 7, outputDim: 3 },
    [4],
    { parameters: { embeddings: [7, 3] }, output: [4, 3], wrong: [], input: indices },
  ],
]

it('every kind of layer is tested', () => {
  expect([...new Set(cases.map(([kind]) => kind))].sort()).toEqual(layerRegistry.names)
  expect(Object.keys(layers).sort()).toEqual(layerRegistry.names)
})

describe.each(cases)('%s %o', (kind, options, shape, expected) => {
  runLayerTest(layers[kind as 'flatten'] as never, options, shape, expected)
})

it('rescaling takes integers of any kind and gives floats', () => {
  const pixels = tensor([0, 51, 255], [1, 3], 'uint8')
  const scaled = layers.rescaling({ scale: 1 / 255, offset: -0.5 }).forward(pixels)
  expect(scaled.dtype).toBe('float32')
  expectNear(scaled.dataSync(), [-0.5, -0.3, 0.5], 1e-6, 'scaled')
  const each = layers.rescaling({ scale: [2, 3, 4], offset: [1, 0, -1] }).forward(pixels)
  expect([each.dtype, each.array()]).toEqual(['float32', [[1, 153, 1019]]])
  expect(layers.rescaling({ scale: 2, dtype: 'float64' }).forward(pixels).dtype).toBe('float64')
})

describe('goldens of Keras', () => {
  const goldens = readGolden('layers').filter(({ name }) => name !== 'dropout in training')
  for (const dtype of floatTypes) {
    // Sums of up to 27 products and a few roundings of the activation; Keras keeps √½ and slopes in float32.
    const bound = (name: string): number => (/gelu|rank 3|leaky/.test(name) ? 1e-7 : 32 * epsilonOf[dtype])
    it.each(goldens)(`${dtype}: $name`, ({ name: title, op, options, inputs, outputs, gradients }) => {
      const within = Math.max(bound(title), 32 * epsilonOf[dtype])
      const layer = (layers[op as 'flatten'] as (options: object) => Layer)({ ...options, dtype }).eval()
      const { x: input, dy, ...weights } = inputs as Record<string, GoldenTensor>
      const given = fromGolden(input as GoldenTensor, dtype)
      const x = given.dtype === 'int32' ? given : variable(given)
      layer.forward(x)
      layer.loadState({
        ...layer.state(),
        ...Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, fromGolden(w, dtype)])),
      })
      const y = layer.forward(x)
      expectGolden(y, outputs.y as GoldenTensor, within, 'y')
      sum(y.mul(fromGolden(dy as GoldenTensor, dtype))).backward()
      const found = Object.fromEntries([['x', x], ...layer.namedParameters()])
      for (const [name, gradient] of Object.entries(gradients))
        expectGolden(found[name]?.grad as Tensor, gradient, within, `d${name}`)
    })
  }
})

describe('batch normalization of Keras', () => {
  const goldens = readGolden('ops').filter(({ op }) => op === 'batchNormalization')
  for (const dtype of floatTypes) {
    it.each(goldens)(`${dtype}: $name`, ({ options, inputs, outputs, gradients }) => {
      const { training, ...rest } = options
      const given = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, fromGolden(value, dtype)]))
      const { x: input, dy, ...state } = given as Record<string, Tensor>
      const layer = layers
        .batchNormalization({ ...rest, dtype, inputShape: (input as Tensor).shape.slice(1) })
        .train(training as boolean)
      layer.loadState(state)
      const x = variable(input as Tensor)
      const y = layer.forward(x)
      sum(y.mul(dy as Tensor)).backward()
      if (training) layer.forward(x.detach().mul(0.5))
      // Statistics of up to 60 values, and differences of them.
      const within = 64 * epsilonOf[dtype]
      expectGolden(y, outputs.y as GoldenTensor, within, 'y')
      for (const name of ['movingMean', 'movingVariance'] as const)
        expectGolden(layer[name], outputs[name] as GoldenTensor, within, name)
      for (const [name, found] of Object.entries({ x, gamma: layer.gamma, beta: layer.beta }))
        expectGolden(found?.grad as Tensor, gradients[name] as GoldenTensor, within, `d${name}`)
    })
  }
  it('has second derivatives', () => {
    const layer = layers.batchNormalization({ inputShape: [2], dtype: 'float64' })
    const twice = (x: Tensor): Tensor =>
      grad((t) => layer.forward(t).mul(t).mul(t).sum())(x)
        .square()
        .sum()
    gradcheck((x) => twice(x), [random.normal([4, 2])])
  })
})

describe('dropout', () => {
  it('drops the given fraction in training and scales the rest; gradients follow the same mask', () => {
    const layer = layers.dropout({ rate: 0.25, seed: 1 })
    const x = variable(tensor(new Float32Array(200_000).fill(3)))
    const y = layer.forward(x)
    const values = y.dataSync()
    expect([...new Set(values)].sort()).toEqual([0, 4])
    // 200 000 draws: the standard deviation of the fraction is 0.001.
    expect(Math.abs(values.filter((value) => value === 0).length / values.length - 0.25)).toBeLessThan(0.005)
    sum(y).backward()
    expect(x.grad?.dataSync()).toEqual(values.map((value) => Math.fround(value / 3)))
  })
  it('is the identity in inference and with rate 0; rate 1 drops all', () => {
    const x = random.normal([4, 5])
    expect(layers.dropout({ rate: 0.9 }).eval().forward(x)).toBe(x)
    expect(layers.dropout({ rate: 0 }).forward(x)).toBe(x)
    expect(
      layers
        .dropout({ rate: 1 })
        .forward(x)
        .dataSync()
        .every((value) => value === 0),
    ).toBe(true)
  })
  it('repeats for a seed and continues from its state', () => {
    const x = random.normal([50])
    const [a, b] = [layers.dropout({ rate: 0.5, seed: 9 }), layers.dropout({ rate: 0.5, seed: 9 })]
    expect(a.forward(x).dataSync()).toEqual(b.forward(x).dataSync())
    const other = layers.dropout({ rate: 0.5 })
    other.ensureBuilt([50])
    other.loadState(a.state())
    expect(other.forward(x).dataSync()).toEqual(a.forward(x).dataSync())
    expect(a.forward(x).dataSync()).not.toEqual(a.forward(x).dataSync())
  })
  it('shares draws along axes of noiseShape of size 1', () => {
    const y = layers
      .dropout({ rate: 0.5, noiseShape: [null, 1], seed: 2 })
      .forward(tensor(new Float32Array(400).fill(1), [20, 20]))
      .array()
    for (const row of y as number[][]) expect(new Set(row).size).toBe(1)
  })
  it.each([
    ['rate', () => layers.dropout({ rate: 1.5 }), /'rate' must be a number in \[0, 1\], got 1.5/],
    ['noiseShape', () => layers.dropout({ rate: 0.5, noiseShape: [3, 2] }).forward(random.normal([4, 2])), /does not broadcast/],
    ['seed', () => layers.dropout({ rate: 0.5, seed: 0.5 }), /'seed'/],
  ] as const)('refuses a wrong %s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
})
