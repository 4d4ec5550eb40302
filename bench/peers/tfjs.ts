// Contender: TensorFlow.js on its cpu or wasm backend (--config cpu | wasm), its own optimizers, memory tidied as its guide says.
// The packages are bench/peers/package.json's, installed under .cache by the benchmark; they are typed here by what is used of them.
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Runner } from '../support/measure.js'
import type { LayerSpec } from '../support/network.js'
import type { OptimizerSpec, Workload } from '../support/workloads.js'

interface TfTensor {
  reshape(shape: number[]): TfTensor
  matMul(other: TfTensor): TfTensor
  add(other: TfTensor): TfTensor
  sub(other: TfTensor): TfTensor
  mul(other: TfTensor): TfTensor
  square(): TfTensor
  rsqrt(): TfTensor
  relu(): TfTensor
  mean(axes: number[]): TfTensor
  conv2d(kernel: TfTensor, strides: number, pad: string): TfTensor
  maxPool(size: number, strides: number, pad: string): TfTensor
  dataSync(): Float32Array
}

interface Optimizer {
  minimize(f: () => TfTensor, returnCost: boolean): TfTensor
}

interface Tf {
  tensor(data: Float32Array | Int32Array, shape: number[], dtype?: string): TfTensor
  scalar(value: number): TfTensor
  oneHot(labels: TfTensor, depth: number): TfTensor
  variable(initial: TfTensor, trainable: boolean): TfTensor
  dropout(x: TfTensor, rate: number): TfTensor
  tidy<T>(f: () => T): T
  losses: {
    softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor
    sigmoidCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor
  }
  train: {
    rmsprop(rate: number, decay: number, momentum: number, epsilon: number): Optimizer
    adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer
    momentum(rate: number, momentum: number): Optimizer
    sgd(rate: number): Optimizer
  }
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  version_core: string
}

interface Wasm {
  setThreadsCount(count: number): void
  getThreadsCount(): number
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

type Apply = (x: TfTensor) => TfTensor

/** γ·(x − mean) / √(variance + 0.001) + β; in training with the moments of the batch. */
function norm(tf: Tf, [gamma, beta, mean, variance]: TfTensor[], training: boolean): Apply {
  const epsilon = tf.scalar(0.001)
  return (x) => {
    const m = training ? x.mean([0, 1, 2]) : (mean as TfTensor)
    const centred = x.sub(m)
    const v = training ? centred.square().mean([0, 1, 2]) : (variance as TfTensor)
    return centred
      .mul(
        v
          .add(epsilon)
          .rsqrt()
          .mul(gamma as TfTensor),
      )
      .add(beta as TfTensor)
  }
}

/** Functions of the layers; `weights` are taken from the front. */
function chain(tf: Tf, specs: LayerSpec[], weights: TfTensor[], { batch, task }: Workload): Apply {
  const same: Apply = (x) => x
  const make = (spec: LayerSpec): Apply => {
    const take = (count: number): TfTensor[] => weights.splice(0, count)
    switch (spec.kind) {
      case 'dense': {
        const [kernel, bias] = take(2) as [TfTensor, TfTensor]
        return (x) => x.matMul(kernel).add(bias)
      }
      case 'conv': {
        const [kernel, bias] = take(spec.bias ? 2 : 1) as [TfTensor, TfTensor?]
        const convolve: Apply = (x) => x.conv2d(kernel, spec.stride, spec.padding)
        return bias ? (x) => convolve(x).add(bias) : convolve
      }
      case 'norm':
        return norm(tf, take(4), task === 'training')
      case 'relu':
        return (x) => x.relu()
      case 'dropout':
        return task === 'training' ? (x) => tf.dropout(x, spec.rate) : same
      case 'maxPool':
        return (x) => x.maxPool(2, 2, 'valid')
      case 'globalPool':
        return (x) => x.mean([1, 2])
      case 'flatten':
        return (x) => x.reshape([batch, -1])
      case 'residual': {
        const [body, shortcut] = [all(spec.body), all(spec.shortcut)]
        return (x) => body(x).add(shortcut(x))
      }
    }
  }
  const all = (list: LayerSpec[]): Apply => list.map(make).reduce((before, next) => (x) => next(before(x)), same)
  return all(specs)
}

function optimizerOf({ train }: Tf, spec: OptimizerSpec): Optimizer {
  if (spec.kind === 'adam') return train.adam(spec.rate, 0.9, 0.999, spec.epsilon)
  if (spec.kind === 'rmsprop') return train.rmsprop(spec.rate, spec.decay, 0, spec.epsilon)
  return spec.momentum > 0 ? train.momentum(spec.rate, spec.momentum) : train.sgd(spec.rate)
}

async function runner(workload: Workload, data: BenchData, backend: string): Promise<Runner> {
  const { tf, threads } = await load(backend)
  const { batch, sample, classes } = workload
  const weights = workload.parameters.map(({ shape, trained }, i) =>
    tf.variable(tf.tensor(data.weights[i] as Float32Array, shape), trained),
  )
  const forward = chain(tf, workload.layers, weights, workload)
  const facts = { tfjs: tf.version_core, threads }
  const input = (i: number): TfTensor => tf.tensor(batchOf(workload, data, i)[0], [batch, ...sample])
  if (workload.task === 'inference') return { step: (i) => tf.tidy(() => forward(input(i)).dataSync()), facts }
  const optimizer = optimizerOf(tf, workload.optimizer)
  const loss = (x: TfTensor, y: TfTensor): TfTensor =>
    classes === 2 ? tf.losses.sigmoidCrossEntropy(y, forward(x)) : tf.losses.softmaxCrossEntropy(y, forward(x))
  const step = (i: number): number =>
    tf.tidy(() => {
      const labels = batchOf(workload, data, i)[1]
      const y =
        classes === 2 ? tf.tensor(Float32Array.from(labels), [batch, 1]) : tf.oneHot(tf.tensor(labels, [batch], 'int32'), classes)
      const x = input(i)
      return optimizer.minimize(() => loss(x, y), true).dataSync()[0] as number
    })
  return { step, facts }
}

await contend(runner)
