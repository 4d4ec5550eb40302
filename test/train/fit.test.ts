// fit, evaluate, predict: every way to give data, what they return, and that the event loop keeps turning.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, recorder, smallModel, twoClasses } from './problem.js'

const quiet = { verbose: 0 as const }
const { x, y } = twoClasses()

/** The weights after two epochs on some form of the same data. */
async function trained(run: (model: st.Sequential) => Promise<unknown>): Promise<Record<string, number[]>> {
  const model = smallModel()
  await run(model)
  return bits(model)
}

describe('fit', () => {
  it('learns, and tells loss and metrics of every epoch', async () => {
    const { history, epoch } = await smallModel().fit(x, y, { ...quiet, epochs: 60, batchSize: 16, validationData: [x, y] })
    expect(epoch).toEqual(Array.from({ length: 60 }, (_, i) => i))
    expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'valLoss', 'valAccuracy'])
    expect(history.loss.at(-1)).toBeLessThan(0.5 * history.loss[0])
    expect(history.valAccuracy.at(-1)).toBeGreaterThan(0.9)
  })

  it('takes arrays, typed arrays, tensors and data sets alike', async () => {
    const options = { ...quiet, epochs: 2, batchSize: 16, shuffle: false }
    const wanted = await trained((model) => model.fit(x, y, options))
    const flat = x.dataSync()
    const rows = Array.from({ length: 96 }, (_, i) => [flat[2 * i], flat[2 * i + 1]])
    const batches = (): [st.Tensor, st.Tensor][] =>
      Array.from({ length: 6 }, (_, i) => [x.slice(16 * i, 16), y.slice(16 * i, 16)])
    const once = {
      *[Symbol.iterator]() {
        yield* batches()
      },
    }
    const later = {
      async *[Symbol.asyncIterator]() {
        yield* batches()
      },
    }
    expect(await trained((model) => model.fit(rows, y.dataSync(), options))).toEqual(wanted)
    expect(await trained((model) => model.fit(once, { ...quiet, epochs: 2 }))).toEqual(wanted)
    expect(await trained((model) => model.fit(later, { ...quiet, epochs: 2 }))).toEqual(wanted)
    expect(await trained((model) => model.fit(st.data.loader([x, y], { batchSize: 16 }), { ...quiet, epochs: 2 }))).toEqual(
      wanted,
    )
    expect(await trained((model) => model.fit(st.data.tensorDataset(x, y), options))).toEqual(wanted)
  })

  it('shuffles by seed and epoch', async () => {
    const run = (seed: number): Promise<Record<string, number[]>> =>
      trained((model) => model.fit(x, y, { ...quiet, epochs: 3, seed }))
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  it('sees every sample once per epoch, in another order each time', async () => {
    const seen: number[][] = []
    class Spy extends st.Model {
      w = st.variable(0)
      forward(input: st.Tensor): st.Tensor {
        if (this.training) seen.push(Array.from(input.dataSync()))
        return input.mul(this.w)
      }
    }
    const model = new Spy()
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', runEagerly: true })
    const numbers = st.arange(10).reshape([10, 1])
    await model.fit(numbers, numbers, { ...quiet, epochs: 2, batchSize: 4, seed: 5 })
    const epochs = [seen.slice(0, 3).flat(), seen.slice(3).flat()]
    expect(seen.map((batch) => batch.length)).toEqual([4, 4, 2, 4, 4, 2])
    for (const order of epochs) expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i))
    expect(epochs[0]).not.toEqual(epochs[1])
  })

  it('holds out the end of the samples with validationSplit', async () => {
    const split = await trained((model) => model.fit(x, y, { ...quiet, validationSplit: 0.25, seed: 1 }))
    const whole = await trained((model) => model.fit(x.slice(0, 72), y.slice(0, 72), { ...quiet, seed: 1 }))
    expect(split).toEqual(whole)
    const { history } = await smallModel().fit(x, y, { ...quiet, epochs: 3, validationSplit: 0.25, validationFreq: 2 })
    expect(history.valLoss.map(Number.isNaN)).toEqual([true, false, true])
  })

  it('weights classes and samples alike', async () => {
    const options = { ...quiet, epochs: 2, seed: 1 }
    const weights = Float32Array.from(y.dataSync(), (label) => (label === 1 ? 3 : 0.5))
    const bySample = await trained((model) => model.fit(x, y, { ...options, sampleWeight: weights }))
    expect(await trained((model) => model.fit(x, y, { ...options, classWeight: { 0: 0.5, 1: 3 } }))).toEqual(bySample)
    expect(await trained((model) => model.fit(x, y, options))).not.toEqual(bySample)
    const none = await trained((model) => model.fit(x, y, { ...options, classWeight: { 1: 1 } }))
    expect(none).toEqual(await trained((model) => model.fit(x, y, { ...options, sampleWeight: new Float32Array(96).fill(1) })))
  })

  it('counts epochs from initialEpoch and stops at stepsPerEpoch', async () => {
    const run = { epochs: 4, initialEpoch: 2, stepsPerEpoch: 3, batchSize: 8 }
    const model = smallModel()
    const { epoch } = await model.fit(x, y, { ...quiet, ...run })
    expect(epoch).toEqual([2, 3])
    expect(model.optimizer.iterations).toBe(6)
  })

  it('reads an endless data set on from epoch to epoch', async () => {
    const drawn: number[] = []
    async function* endless(): AsyncGenerator<[st.Tensor, st.Tensor]> {
      for (let i = 0; ; i++) {
        drawn.push(i)
        yield [x.slice(0, 8), y.slice(0, 8)]
      }
    }
    await smallModel().fit(endless(), { ...quiet, epochs: 3, stepsPerEpoch: 4 })
    expect(drawn).toEqual(Array.from({ length: 12 }, (_, i) => i))
  })

  it('feeds pixels batch by batch as float32', async () => {
    const pixels = st.tensor(
      Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256),
      [16, 2, 2],
    )
    const outputs = async (input: st.Tensor): Promise<number[]> => {
      st.setSeed(1)
      const model = st.sequential([st.layers.flatten(), st.layers.dense({ units: 1 })])
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      await model.fit(input, st.zeros([16, 1]), { ...quiet, batchSize: 4, seed: 1 })
      return Array.from((await model.predict(input)).dataSync())
    }
    expect(await outputs(pixels)).toEqual(await outputs(pixels.cast('float32')))
  })

  it('lets timers run while it trains, and leaves the mode as it was', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const model = smallModel()
    model.eval()
    await model.fit(x, y, { ...quiet, epochs: 600, batchSize: 4 })
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(5)
    expect(model.training).toBe(false)
  })

  it('rejects with the reason of an aborted signal, between two batches', async () => {
    const model = smallModel()
    const controller = new AbortController()
    const reason = new Error('enough')
    const stop = { onBatchEnd: (batch: number) => void (batch === 1 && controller.abort(reason)) }
    const run = model.fit(x, y, { ...quiet, epochs: 10, batchSize: 16, signal: controller.signal, callbacks: [stop] })
    await expect(run).rejects.toBe(reason)
    expect(model.optimizer.iterations).toBe(2)
    expect(model.parameters().every((parameter) => parameter.ownGradient === null)).toBe(true)
    await model.fit(x, y, quiet)
    await expect(model.fit(x, y, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('refuses a second fit at the same time, allows predicting meanwhile', async () => {
    const model = smallModel()
    const outputs: st.Tensor[] = []
    const during = {
      onBatchEnd: async (batch: number) => {
        if (batch > 0) return
        outputs.push(await model.predict(x))
        await expect(model.fit(x, y, quiet)).rejects.toThrow(st.StateError)
        expect(() => model.compile({ loss: 'mse' })).toThrow(st.StateError)
      },
    }
    await model.fit(x, y, { ...quiet, batchSize: 48, callbacks: [during], seed: 1 })
    const plain = smallModel()
    await plain.fit(x, y, { ...quiet, batchSize: 48, seed: 1 })
    expect(bits(model)).toEqual(bits(plain))
    expect(outputs[0].shape).toEqual([96, 2])
  })

  it('a failing batch leaves no gradients behind and the model usable', async () => {
    const model = smallModel()
    const wrong = st.full([96], 9, 'int32')
    await expect(model.fit(x, wrong, quiet)).rejects.toThrow(/must be in \[0, 2\)/)
    expect(model.parameters().every((parameter) => parameter.ownGradient === null)).toBe(true)
    await model.fit(x, y, quiet)
  })

  it('adds regularization to the loss', async () => {
    const model = st.sequential([
      st.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones', kernelRegularizer: 'l2' }),
    ])
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const { loss } = await model.evaluate(st.zeros([4, 2]), st.zeros([4, 1]))
    expect(loss).toBeCloseTo(0.02, 6)
  })

  it('takes pixels as they are, with the bits of pixels made floats before', async () => {
    const pixels = st.random.integers([96, 3, 2], 0, 256).cast('uint8')
    const trained = async (x: st.Tensor): Promise<Record<string, number[]>> => {
      st.setSeed(5)
      const model = st.sequential([
        st.layers.rescaling({ scale: 1 / 255, inputShape: [3, 2] }),
        st.layers.flatten(),
        st.layers.dense({ units: 2, activation: 'softmax' }),
      ])
      model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' })
      await model.fit(x, y, { ...quiet, epochs: 2, seed: 1 })
      return bits(model)
    }
    expect(await trained(pixels)).toEqual(await trained(pixels.cast('float32')))
  })

  it('prints a line per epoch to the stream', async () => {
    const stream = recorder()
    await smallModel().fit(x, y, { epochs: 2, stream })
    expect(stream.lines).toHaveLength(2)
    expect(stream.lines[1]).toMatch(
      /^Epoch 2\/2 {2}3 steps {2}[\d.]+ s {2}[\d,]+ samples\/s {2}loss [\d.]+ {2}accuracy [\d.]+\n$/,
    )
  })
})

describe('evaluate and predict', () => {
  it('evaluate is the mean over samples, whatever the batches', async () => {
    const model = smallModel()
    const whole = await model.evaluate(x, y, { batchSize: 96 })
    const parts = await model.evaluate(x, y, { batchSize: 7 })
    expect(Object.keys(whole)).toEqual(['loss', 'accuracy'])
    expect(parts.loss).toBeCloseTo(whole.loss, 6)
    expect(parts.accuracy).toBeCloseTo(whole.accuracy, 12)
    const loader = st.data.loader([x, y], { batchSize: 7 })
    expect(await model.evaluate(loader)).toEqual(parts)
  })

  it('two evaluations at once do not disturb one another', async () => {
    const model = smallModel()
    const alone = await model.evaluate(x, y, { batchSize: 1 })
    const [a, b] = await Promise.all([model.evaluate(x, y, { batchSize: 1 }), model.evaluate(x, y, { batchSize: 1 })])
    expect([a, b]).toEqual([alone, alone])
  })

  it('predict is the forward pass in inference mode, whole or as a stream', async () => {
    const model = smallModel()
    const wanted = Array.from((await model.predict(x, { batchSize: 96 })).dataSync())
    const small = await model.predict(x, { batchSize: 10 })
    expect(small.shape).toEqual([96, 2])
    const streamed: number[] = []
    for await (const part of model.predictStream(x, { batchSize: 10 })) streamed.push(...part.dataSync())
    expect(Array.from(small.dataSync())).toEqual(streamed)
    for (const [i, value] of wanted.entries()) expect(streamed[i]).toBeCloseTo(value, 6)
    expect((await model.predict(x, { steps: 2 })).shape).toEqual([64, 2])
  })

  it('goes on when the model is trained, compiled or given a layer between two batches', async () => {
    const model = st.sequential([st.layers.dense({ units: 2, inputShape: [2] })])
    const compile = (): void => model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const changes = [compile, () => model.fit(x, x, quiet), () => void model.add(st.layers.dense({ units: 3 }))]
    const shapes: (readonly number[])[] = []
    for await (const part of model.predictStream(x, { batchSize: 24 })) {
      shapes.push(part.shape)
      await changes.shift()?.()
    }
    expect(shapes).toEqual([
      [24, 2],
      [24, 2],
      [24, 2],
      [24, 3],
    ])
  })

  it('trainOnBatch makes one update and tells its figures', async () => {
    const model = smallModel()
    const before = bits(model)
    const logs = await model.trainOnBatch(x, y)
    expect(Object.keys(logs)).toEqual(['loss', 'accuracy'])
    expect(model.optimizer.iterations).toBe(1)
    expect(bits(model)).not.toEqual(before)
  })
})
