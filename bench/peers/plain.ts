// Contender: the same networks in plain JavaScript, one thread, typed arrays, no library.
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Runner } from '../support/measure.js'
import { type LayerSpec, workOf } from '../support/network.js'
import type { OptimizerSpec, Workload } from '../support/workloads.js'
import { convolution } from './plain-conv.js'
import { dense, dropout, globalPool, type Layer, maxPool, relu, residual, type Slot } from './plain-layers.js'
import { batchNorm } from './plain-norm.js'

type Loss = (output: Float32Array, labels: Int32Array) => number
type Update = (slot: Slot, state: Float32Array[], step: number) => void

/** Softmax cross-entropy over rows; leaves its gradient in `output`. */
const crossEntropy =
  (columns: number): Loss =>
  (output, labels) => {
    const rows = labels.length
    let loss = 0
    for (let r = 0; r < rows; r++) {
      const row = output.subarray(r * columns, (r + 1) * columns)
      const top = Math.max(...row)
      let sum = 0
      for (let j = 0; j < columns; j++) sum += Math.exp((row[j] as number) - top)
      loss += Math.log(sum) + top - (row[labels[r] as number] as number)
      for (let j = 0; j < columns; j++) row[j] = (Math.exp((row[j] as number) - top) / sum - Number(j === labels[r])) / rows
    }
    return loss / rows
  }

/** Binary cross-entropy of a logit; leaves its gradient in `output`. */
const binaryCrossEntropy: Loss = (output, labels) => {
  let loss = 0
  for (let r = 0; r < labels.length; r++) {
    const [z, y] = [output[r] as number, labels[r] as number]
    loss += Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)))
    output[r] = (1 / (1 + Math.exp(-z)) - y) / labels.length
  }
  return loss / labels.length
}

function updateOf(spec: OptimizerSpec): Update {
  const { rate } = spec
  if (spec.kind === 'rmsprop')
    return ({ w, g }, [v]) => {
      for (let i = 0; i < w.length; i++) {
        v[i] = spec.decay * v[i] + (1 - spec.decay) * g[i] * g[i]
        w[i] -= (rate * g[i]) / Math.sqrt(v[i] + spec.epsilon)
      }
    }
  if (spec.kind === 'sgd')
    return ({ w, g }, [m]) => {
      for (let i = 0; i < w.length; i++) {
        m[i] = spec.momentum * m[i] - rate * g[i]
        w[i] += m[i]
      }
    }
  return ({ w, g }, [m, v], step) => {
    const scaled = (rate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step)
    for (let i = 0; i < w.length; i++) {
      m[i] += 0.1 * (g[i] - m[i])
      v[i] += 0.001 * (g[i] * g[i] - v[i])
      w[i] -= (scaled * m[i]) / (Math.sqrt(v[i]) + spec.epsilon)
    }
  }
}

/** Turns specifications into layers, taking weights in their order; `shape` of a sample follows along. */
class Builder {
  private next = 0
  private first = true

  constructor(
    private readonly batch: number,
    private readonly weights: Float32Array[],
    private readonly training: boolean,
  ) {}

  private take(count: number): Float32Array[] {
    this.next += count
    return this.weights.slice(this.next - count, this.next)
  }

  private layer(spec: LayerSpec, shape: number[]): Layer | undefined {
    const { batch } = this
    const [size = 1, , channels = 1] = shape
    const values = batch * shape.reduce((product, n) => product * n, 1)
    const first = this.first
    this.first &&= spec.kind !== 'dense' && spec.kind !== 'conv'
    switch (spec.kind) {
      case 'dense': {
        const [kernel, bias] = this.take(2)
        return dense(batch, spec.inputs, spec.units, kernel, bias, first)
      }
      case 'conv': {
        const [kernel, bias] = this.take(spec.bias ? 2 : 1)
        return convolution(batch, size, spec, kernel, bias ?? null, first)
      }
      case 'norm':
        return batchNorm(values / channels, this.take(4), this.training)
      case 'relu':
        return relu()
      case 'dropout':
        return this.training ? dropout(values, spec.rate) : undefined
      case 'maxPool':
        return maxPool(batch, size, channels)
      case 'globalPool':
        return globalPool(batch, size * size, channels)
      case 'residual':
        return residual(this.chain(spec.body, shape), this.chain(spec.shortcut, shape))
      default:
        return undefined
    }
  }

  chain(specs: LayerSpec[], input: number[]): Layer[] {
    let shape = input
    return specs.flatMap((spec) => {
      const layer = this.layer(spec, shape)
      shape = workOf([spec], shape).shape
      return layer ? [layer] : []
    })
  }
}

function runner(workload: Workload, data: BenchData): Runner {
  const training = workload.task === 'training'
  const layers = new Builder(workload.batch, data.weights, training).chain(workload.layers, workload.sample)
  const loss = workload.classes === 2 ? binaryCrossEntropy : crossEntropy(workload.classes)
  const slots = layers.flatMap((layer) => layer.slots)
  const state = training ? slots.map(({ w }) => [new Float32Array(w.length), new Float32Array(w.length)]) : []
  const update = updateOf(workload.optimizer)
  const facts = { threads: 1 }
  const forward = (x: Float32Array): Float32Array => layers.reduce((h, layer) => layer.forward(h), x)
  if (!training) return { step: (i) => forward(batchOf(workload, data, i)[0]), facts }
  const step = (i: number): number => {
    const [x, labels] = batchOf(workload, data, i)
    const output = forward(x)
    const value = loss(output, labels)
    layers.reduceRight((d, layer) => layer.backward(d), output)
    for (let s = 0; s < slots.length; s++) update(slots[s], state[s], i + 1)
    return value
  }
  return { step, facts }
}

await contend(runner)
