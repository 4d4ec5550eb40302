// Contender: the same networks in plain JavaScript, one thread, typed arrays, no library.
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Trainer } from '../support/measure.js'
import type { Workload } from '../support/workloads.js'
import { conv3x3, dense, dropout, type Layer, maxPool, relu, type Slot } from './plain-layers.js'

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

const rmsprop: Update = ({ w, g }, [v]) => {
  for (let i = 0; i < w.length; i++) {
    v[i] = 0.9 * v[i] + 0.1 * g[i] * g[i]
    w[i] -= (0.001 * g[i]) / Math.sqrt(v[i] + 1e-7)
  }
}

const adam: Update = ({ w, g }, [m, v], step) => {
  const rate = (0.001 * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step)
  for (let i = 0; i < w.length; i++) {
    m[i] += 0.1 * (g[i] - m[i])
    v[i] += 0.001 * (g[i] * g[i] - v[i])
    w[i] -= (rate * m[i]) / (Math.sqrt(v[i]) + 1e-7)
  }
}

const sgd: Update = ({ w, g }, [m]) => {
  for (let i = 0; i < w.length; i++) {
    m[i] = 0.5 * m[i] - 0.01 * g[i]
    w[i] += m[i]
  }
}

function network({ name, batch }: Workload, w: Float32Array[]): { layers: Layer[]; loss: Loss; update: Update } {
  const [k1, b1, k2, b2, k3, b3, k4, b4] = w as [Float32Array, Float32Array, ...Float32Array[]]
  if (name === 'binary') {
    const layers = [dense(batch, 20, 64, k1, b1, true), relu(), dense(batch, 64, 64, k2, b2), relu(), dense(batch, 64, 1, k3, b3)]
    return { layers, loss: binaryCrossEntropy, update: adam }
  }
  if (name === 'cnn') {
    const features = [
      conv3x3(batch, 28, 1, 32, k1, b1, true),
      relu(),
      conv3x3(batch, 26, 32, 64, k2, b2),
      relu(),
      maxPool(batch, 24, 64),
    ]
    const head = [dense(batch, 9216, 128, k3, b3), relu(), dropout(batch * 128, 0.5), dense(batch, 128, 10, k4, b4)]
    return { layers: [...features, dropout(batch * 9216, 0.25), ...head], loss: crossEntropy(10), update: sgd }
  }
  const masks = name === 'mlp-dropout' ? [dropout(batch * 512, 0.2)] : []
  const layers = [dense(batch, 784, 512, k1, b1, true), relu(), ...masks, dense(batch, 512, 10, k2, b2)]
  return { layers, loss: crossEntropy(10), update: rmsprop }
}

function trainer(workload: Workload, data: BenchData): Trainer {
  const { layers, loss, update } = network(workload, data.weights)
  const slots = layers.flatMap((layer) => layer.slots)
  const state = slots.map(({ w }) => [new Float32Array(w.length), new Float32Array(w.length)])
  const step = (i: number): number => {
    const [x, labels] = batchOf(workload, data, i)
    const output = layers.reduce((h, layer) => layer.forward(h), x)
    const value = loss(output, labels)
    layers.reduceRight((d, layer) => layer.backward(d), output)
    for (let s = 0; s < slots.length; s++) update(slots[s], state[s], i + 1)
    return value
  }
  return { step, facts: { threads: 1 } }
}

await contend('plain JavaScript', trainer)
