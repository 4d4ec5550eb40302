// Contender: TensorFlow.js on its cpu or wasm backend (--config cpu | wasm), its own optimizers, memory tidied as its guide says.
// The packages are bench/peers/package.json's, installed under .cache by the benchmark; they are typed here by what is used of them.
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Trainer } from '../support/measure.js'
import type { Workload } from '../support/workloads.js'

interface TfTensor {
  reshape(shape: number[]): TfTensor
  matMul(other: TfTensor): TfTensor
  add(other: TfTensor): TfTensor
  relu(): TfTensor
  conv2d(kernel: TfTensor, strides: number, pad: string): TfTensor
  maxPool(size: number, strides: number, pad: string): TfTensor
  dataSync(): Float32Array
  dispose(): void
}

interface Optimizer {
  minimize(f: () => TfTensor, returnCost: boolean): TfTensor
}

interface Tf {
  tensor(data: Float32Array | Int32Array, shape: number[], dtype?: string): TfTensor
  oneHot(labels: TfTensor, depth: number): TfTensor
  variable(initial: TfTensor): TfTensor
  dropout(x: TfTensor, rate: number): TfTensor
  tidy<T>(f: () => T): T
  losses: {
    softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor
    sigmoidCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor
  }
  train: {
    rmsprop(rate: number, decay: number, momentum: number, epsilon: number): Optimizer
    adam(rate: number): Optimizer
    momentum(rate: number, momentum: number): Optimizer
  }
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  version_core: string
}

interface Wasm {
  setThreadsCount(count: number): void
  getThreadsCount(): number
  setWasmPaths(folder: string): void
}

const require = createRequire(path.resolve('.cache/bench/peers/package.json'))

async function load(backend: string): Promise<{ tf: Tf; threads: number }> {
  const tf = require('@tensorflow/tfjs') as Tf
  const wasm = backend === 'wasm' ? (require('@tensorflow/tfjs-backend-wasm') as Wasm) : undefined
  wasm?.setThreadsCount(os.availableParallelism())
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no backend ${backend} here`)
  await tf.ready()
  return { tf, threads: wasm?.getThreadsCount() ?? 1 }
}

/** The output of the network (logits) for x [batch, …]. */
function forward(tf: Tf, { name }: Workload, x: TfTensor, w: TfTensor[]): TfTensor {
  const dense = (h: TfTensor, i: number): TfTensor => h.matMul(w[i] as TfTensor).add(w[i + 1] as TfTensor)
  if (name === 'binary') return dense(dense(dense(x, 0).relu(), 2).relu(), 4)
  if (name !== 'cnn') {
    const h = dense(x, 0).relu()
    return dense(name === 'mlp-dropout' ? tf.dropout(h, 0.2) : h, 2)
  }
  const conv = (h: TfTensor, i: number): TfTensor =>
    h
      .conv2d(w[i] as TfTensor, 1, 'valid')
      .add(w[i + 1] as TfTensor)
      .relu()
  const pooled = conv(conv(x, 0), 2).maxPool(2, 2, 'valid')
  return dense(tf.dropout(dense(tf.dropout(pooled, 0.25).reshape([-1, 9216]), 4).relu(), 0.5), 6)
}

async function trainer(workload: Workload, data: BenchData, backend: string): Promise<Trainer> {
  const { tf, threads } = await load(backend)
  const w = workload.parameters.map(({ shape }, i) => tf.variable(tf.tensor(data.weights[i] as Float32Array, shape)))
  const { batch, name, classes } = workload
  const shape = name === 'cnn' ? [batch, 28, 28, 1] : [batch, name === 'binary' ? 20 : 784]
  const optimizer =
    name === 'cnn'
      ? tf.train.momentum(0.01, 0.5)
      : name === 'binary'
        ? tf.train.adam(0.001)
        : tf.train.rmsprop(0.001, 0.9, 0, 1e-7)
  const loss = (x: TfTensor, y: TfTensor): TfTensor => {
    const logits = forward(tf, workload, x, w)
    return name === 'binary' ? tf.losses.sigmoidCrossEntropy(y, logits) : tf.losses.softmaxCrossEntropy(y, logits)
  }
  const step = (i: number): number =>
    tf.tidy(() => {
      const [pixels, labels] = batchOf(workload, data, i)
      const x = tf.tensor(pixels, shape)
      const y =
        name === 'binary'
          ? tf.tensor(Float32Array.from(labels), [batch, 1])
          : tf.oneHot(tf.tensor(labels, [batch], 'int32'), classes)
      return optimizer.minimize(() => loss(x, y), true).dataSync()[0] as number
    })
  return { step, facts: { tfjs: tf.version_core, threads } }
}

const backend = process.argv[process.argv.indexOf('--config') + 1] as string
await contend(`tfjs ${backend}`, trainer)
