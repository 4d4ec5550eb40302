// Steps of this library as a program with a loop of its own makes them: recorded by st.program and replayed on the calling thread (sync),
// awaited (await) or many times per wake-up (repeat); or op by op (eager). Results are read after every call.
import * as st from 'steepest'
import { type BenchData, batchOf } from './datafile.js'
import type { Runner, StepResult } from './measure.js'
import type { LayerSpec } from './network.js'
import { ResNet20 } from './resnet20.js'
import type { Workload } from './workloads.js'

/** A chain of layers. */
class Chain extends st.Module {
  constructor(readonly layers: st.Layer[]) {
    super()
  }
  forward(x: st.Tensor): st.Tensor {
    return this.layers.reduce((h, layer) => layer.forward(h), x)
  }
}

function layerOf(spec: LayerSpec, next: LayerSpec | undefined): st.Layer[] {
  const activation = next?.kind === 'relu' ? 'relu' : null
  if (spec.kind === 'dense') return [st.layers.dense({ units: spec.units, activation })]
  if (spec.kind === 'conv') return [st.layers.conv2d({ filters: spec.filters, kernelSize: spec.kernel, activation })]
  if (spec.kind === 'dropout') return [st.layers.dropout({ rate: spec.rate })]
  if (spec.kind === 'maxPool') return [st.layers.maxPooling2d({ poolSize: 2 })]
  return spec.kind === 'flatten' ? [st.layers.flatten()] : []
}

function networkOf({ layers }: Workload): st.Module {
  if (layers.some(({ kind }) => kind === 'residual')) return new ResNet20()
  return new Chain(layers.flatMap((spec, i) => layerOf(spec, layers[i + 1])))
}

export function optimizerOf({ optimizer: spec }: Workload): st.Optimizer {
  if (spec.kind === 'adam') return st.optimizers.adam({ learningRate: spec.rate, epsilon: spec.epsilon })
  if (spec.kind === 'sgd') return st.optimizers.sgd({ learningRate: spec.rate, momentum: spec.momentum })
  return st.optimizers.rmsprop({ learningRate: spec.rate, rho: spec.decay, epsilon: spec.epsilon })
}

/** The network with the weights of the file. */
export function loadedNetwork(workload: Workload, data: BenchData): st.Module {
  const network = networkOf(workload)
  network.eval()
  st.noGrad(() => network.forward(st.zeros([workload.batch, ...workload.sample])))
  const variables = network.variables().filter(([name]) => /(kernel|bias|gamma|beta|movingMean|movingVariance)$/.test(name))
  for (const [i, [, variable]] of variables.entries()) {
    variable.assign(st.tensor(data.weights[i] as Float32Array, workload.parameters[i]?.shape))
  }
  return network.train(workload.task === 'training')
}

/** Takes a batch, and in training its labels. */
type Body = (...batch: st.Tensor[]) => st.Tensor

/** The loss of one training step, or the outputs. */
export function bodyOf(workload: Workload, data: BenchData): Body {
  const network = loadedNetwork(workload, data)
  if (workload.task === 'inference') return (x: st.Tensor) => st.noGrad(() => network.forward(x))
  const optimizer = optimizerOf(workload)
  const { binaryCrossentropy, sparseCategoricalCrossentropy } = st.losses
  return (x: st.Tensor, y: st.Tensor) => {
    const output = network.forward(x)
    const loss = (workload.classes === 2 ? binaryCrossentropy : sparseCategoricalCrossentropy)(y, output, { fromLogits: true })
    loss.backward()
    optimizer.step(network.parameters())
    return loss
  }
}

/** Batch `i` as a step takes it: samples alone in inference, with their labels in training. */
export function batchTensors(workload: Workload, data: BenchData, i: number): st.Tensor[] {
  const { batch, sample, classes, task } = workload
  const [pixels, labels] = batchOf(workload, data, i)
  const x = st.tensor(pixels, [batch, ...sample])
  if (task === 'inference') return [x]
  const y = classes === 2 ? st.tensor(Float32Array.from(labels), [batch, 1]) : st.tensor(labels, [batch])
  return [x, y]
}

type Run = (...batch: st.Tensor[]) => st.Tensor | Promise<st.Tensor>

/** Steps of one wake-up. */
const repeats = 100

/** How a step is run: recorded and replayed, unless it is to run eagerly. */
function runOf(body: Body, config: string): Run {
  if (config === 'eager') return body
  const program = st.program(body)
  if (config === 'await') return program
  return config === 'repeat' ? (...batch) => program.repeat(repeats, ...batch) : program.sync
}

export function runnerOf(workload: Workload, data: BenchData, config: string): Runner {
  const { batch, sample, classes, task } = workload
  const run = runOf(bodyOf(workload, data), config)
  const read = (result: st.Tensor): StepResult => (task === 'inference' ? (result.dataSync() as Float32Array) : result.item())
  const prepared = { x: data.x, y: classes === 2 ? Float32Array.from(data.y) : data.y }
  const step = (i: number): StepResult | Promise<StepResult> => {
    const [pixels, labels] = batchOf(workload, prepared, i)
    const x = st.tensor(pixels, [batch, ...sample])
    const result = task === 'inference' ? run(x) : run(x, st.tensor(labels, classes === 2 ? [batch, 1] : [batch]))
    // The input's memory is given back for the next one, which then lies in cache: elsewhere the last reference does that.
    const finish = (of: st.Tensor): StepResult => {
      const value = read(of)
      x.dispose()
      return value
    }
    return result instanceof Promise ? result.then(finish) : finish(result)
  }
  const { threads, instructionSet } = st.info()
  return { step, ...(config === 'repeat' ? { stepsPerCall: repeats } : {}), facts: { threads, instructionSet } }
}
