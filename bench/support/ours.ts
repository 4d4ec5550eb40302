// Contender: this library, eagerly, as the examples with a loop of their own use it; the loss is read every step.
import * as st from 'steepest'
import { type BenchData, batchOf } from './datafile.js'
import { contend, type Trainer } from './measure.js'
import type { Workload } from './workloads.js'

/** The layers of each workload; `parameters` of the workload name them in the same order. */
function layersOf({ name }: Workload): st.Layer[] {
  const { dense, dropout, conv2d, maxPooling2d, flatten } = st.layers
  if (name === 'binary')
    return [dense({ units: 64, activation: 'relu' }), dense({ units: 64, activation: 'relu' }), dense({ units: 1 })]
  if (name === 'cnn') {
    const features = [
      conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      dropout({ rate: 0.25 }),
      flatten(),
    ]
    return [...features, dense({ units: 128, activation: 'relu' }), dropout({ rate: 0.5 }), dense({ units: 10 })]
  }
  const masks = name === 'mlp-dropout' ? [dropout({ rate: 0.2 })] : []
  return [flatten(), dense({ units: 512, activation: 'relu' }), ...masks, dense({ units: 10 })]
}

class Net extends st.Module {
  constructor(readonly layers: st.Layer[]) {
    super()
  }
  forward(x: st.Tensor): st.Tensor {
    return this.layers.reduce((h, layer) => layer.forward(h), x)
  }
}

function optimizerOf({ name }: Workload): st.Optimizer {
  if (name === 'binary') return st.optimizers.adam()
  if (name === 'cnn') return st.optimizers.sgd({ learningRate: 0.01, momentum: 0.5 })
  return st.optimizers.rmsprop()
}

function trainer(workload: Workload, data: BenchData): Trainer {
  const { name, batch, sample } = workload
  const net = new Net(layersOf(workload))
  const shape = name === 'cnn' ? [batch, ...sample, 1] : [batch, ...sample]
  net.forward(st.zeros(shape))
  for (const [i, parameter] of net.parameters().entries()) {
    parameter.assign(st.tensor(data.weights[i] as Float32Array, workload.parameters[i]?.shape))
  }
  const optimizer = optimizerOf(workload)
  const step = (i: number): number => {
    const [x, y] = batchOf(workload, data, i)
    const output = net.forward(st.tensor(x, shape))
    const loss =
      name === 'binary'
        ? st.losses.binaryCrossentropy(st.tensor(Float32Array.from(y), [batch, 1]), output, { fromLogits: true })
        : st.losses.sparseCategoricalCrossentropy(y, output, { fromLogits: true })
    loss.backward()
    optimizer.step(net.parameters())
    return loss.item()
  }
  const { threads, instructionSet } = st.info()
  return { step, facts: { threads, instructionSet } }
}

await contend('steepest', trainer)
