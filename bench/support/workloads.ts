// What is measured: networks, batches, optimizers, and the least work a training step or a forward pass is.
// Invariant: every contender gets the same batches and the same initial weights from one file, so losses and outputs must agree.
import { conv, dense, type LayerSpec, type Parameter, parametersOf, resnet20, workOf } from './network.js'

/** Keras's conventions and names. RMSprop's epsilon is inside the root: the square of what PyTorch adds outside. */
export type OptimizerSpec =
  | { kind: 'rmsprop'; rate: number; decay: number; epsilon: number }
  | { kind: 'adam'; rate: number; epsilon: number }
  | { kind: 'sgd'; rate: number; momentum: number }

export interface Workload {
  name: string
  about: string
  task: 'training' | 'inference'
  layers: LayerSpec[]
  batch: number
  /** Batches in the data file; step i takes batch i mod this. */
  batches: number
  /** Shape of one sample; images [height, width, channels]. */
  sample: number[]
  classes: number
  optimizer: OptimizerSpec
  parameters: Parameter[]
  /** Multiplications and additions of one step by the definition, and those that Winograd's algorithm leaves. */
  flops: number
  winogradFlops: number
  /** Bytes one step must move at least: parameters, optimizer state and batch; in training every stored activation once each way. */
  bytes: number
  /** Whether many steps go into one wake-up of JavaScript (overhead is everything). */
  tiny: boolean
  /** Whether the loss depends on random masks (the comparison of losses then leaves them out). */
  random: boolean
}

interface Network {
  layers: LayerSpec[]
  sample: number[]
  classes: number
  about: string
}

const relu: LayerSpec = { kind: 'relu' }
const flatten: LayerSpec = { kind: 'flatten' }

const mlp: Network = {
  about: '784-512-10',
  sample: [784],
  classes: 10,
  layers: [dense('dense1', 784, 512), relu, dense('dense2', 512, 10)],
}
const small: Network = {
  about: '20-64-64-1',
  sample: [20],
  classes: 2,
  layers: [dense('dense1', 20, 64), relu, dense('dense2', 64, 64), relu, dense('dense3', 64, 1)],
}
const neuron: Network = { about: 'one neuron, 8-1', sample: [8], classes: 2, layers: [dense('dense1', 8, 1)] }
const cnn: Network = {
  about: 'conv 32, conv 64, max-pool, dropout, 128, dropout, 10 on 28 × 28',
  sample: [28, 28, 1],
  classes: 10,
  layers: [
    conv('conv1', 3, 1, 32),
    relu,
    conv('conv2', 3, 32, 64),
    relu,
    { kind: 'maxPool' },
    { kind: 'dropout', rate: 0.25 },
    flatten,
    dense('dense1', 9216, 128),
    relu,
    { kind: 'dropout', rate: 0.5 },
    dense('dense2', 128, 10),
  ],
}
const resnet: Network = { about: 'ResNet-20 on 32 × 32 × 3', sample: [32, 32, 3], classes: 10, layers: resnet20() }

const adam: OptimizerSpec = { kind: 'adam', rate: 0.001, epsilon: 1e-7 }
const rmsprop: OptimizerSpec = { kind: 'rmsprop', rate: 0.001, decay: 0.9, epsilon: 1e-14 }

const floats = (parameters: readonly Parameter[]): number =>
  parameters.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0)

function training(name: string, network: Network, batch: number, optimizer: OptimizerSpec, how: string): Workload {
  const { work } = workOf(network.layers, network.sample)
  const parameters = parametersOf(network.layers)
  const slots = optimizer.kind === 'adam' ? 2 : optimizer.kind === 'sgd' && optimizer.momentum === 0 ? 0 : 1
  return {
    name,
    about: `${network.about}; ${how}, batch ${batch}`,
    task: 'training',
    layers: network.layers,
    batch,
    batches: 16,
    sample: network.sample,
    classes: network.classes,
    optimizer,
    parameters,
    flops: 2 * batch * (3 * work.multiplies - work.first),
    winogradFlops: 2 * batch * (3 * work.winograd - work.first),
    bytes: 4 * (floats(parameters) * (4 + 2 * slots) + 2 * batch * work.activations),
    tiny: work.multiplies < 10_000,
    random: network.layers.some(({ kind }) => kind === 'dropout'),
  }
}

function inference(name: string, network: Network, batch: number): Workload {
  const { work, shape } = workOf(network.layers, network.sample)
  const parameters = parametersOf(network.layers)
  return {
    ...training(`${name}-infer-${batch}`, network, batch, adam, 'inference'),
    task: 'inference',
    batches: 4,
    flops: 2 * batch * work.multiplies,
    winogradFlops: 2 * batch * work.winograd,
    bytes: 4 * (floats(parameters) + batch * (network.sample.reduce((product, n) => product * n, 1) + (shape[0] ?? 1))),
    random: false,
  }
}

export const workloads: Workload[] = [
  training('mlp', mlp, 128, rmsprop, 'RMSprop'),
  training('mlp-adam', mlp, 128, adam, 'Adam'),
  training('small', small, 32, adam, 'Adam'),
  training('neuron', neuron, 32, { kind: 'sgd', rate: 0.01, momentum: 0 }, 'SGD'),
  training('cnn', cnn, 64, { kind: 'sgd', rate: 0.01, momentum: 0.5 }, 'SGD with momentum'),
  training('resnet20', resnet, 64, { kind: 'sgd', rate: 0.01, momentum: 0.9 }, 'batch normalization, SGD with momentum'),
  ...[1, 32, 256].flatMap((batch) => [
    inference('mlp', mlp, batch),
    inference('cnn', cnn, batch),
    inference('resnet20', resnet, batch),
  ]),
]

export function workloadNamed(name: string | undefined): Workload {
  const found = workloads.find((workload) => workload.name === name)
  if (!found) throw new Error(`workload must be one of ${workloads.map((w) => w.name).join(', ')}, got ${name}`)
  return found
}
