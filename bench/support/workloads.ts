// The networks of examples 2 to 5 as the benchmark measures them: shapes, initial weights, and the least work a training step is.
// Invariant: every contender gets the same batches and the same initial weights from one file, so first losses must agree.

/** A parameter: initial values uniform on [-limit, limit), 0 for biases. Kernels are HWIO and [in, out]. */
export interface Parameter {
  name: string
  shape: number[]
  limit: number
}

export interface Workload {
  name: 'mlp' | 'mlp-dropout' | 'binary' | 'cnn'
  about: string
  batch: number
  /** Of one sample; images have no channel axis in the file. */
  sample: number[]
  classes: number
  parameters: Parameter[]
  /** Multiplications and additions of one step that no algorithm but Winograd's or Strassen's avoids. */
  flops: number
  /** Bytes one step must move at least: parameters and their optimizer state, the batch, and every stored activation once each way. */
  bytes: number
  /** Whether the loss depends on random masks (then losses of contenders agree only roughly). */
  random: boolean
}

const glorot = (fanIn: number, fanOut: number): number => Math.sqrt(6 / (fanIn + fanOut))

function dense(name: string, inputs: number, units: number): Parameter[] {
  return [
    { name: `${name}.kernel`, shape: [inputs, units], limit: glorot(inputs, units) },
    { name: `${name}.bias`, shape: [units], limit: 0 },
  ]
}

function conv(name: string, channels: number, filters: number): Parameter[] {
  return [
    { name: `${name}.kernel`, shape: [3, 3, channels, filters], limit: glorot(9 * channels, 9 * filters) },
    { name: `${name}.bias`, shape: [filters], limit: 0 },
  ]
}

const size = (shape: number[]): number => shape.reduce((product, n) => product * n, 1)
const count = (parameters: Parameter[]): number => parameters.reduce((sum, { shape }) => sum + size(shape), 0)

/** Flops of a training step of one layer with m multiply-adds a sample: forward, gradient to the kernel, gradient to the input. */
const layer = (batch: number, m: number, first = false): number => 2 * batch * m * (first ? 2 : 3)

/** Traffic of the parameters (read, written, gradient written and read, `slots` of optimizer state read and written) and activations. */
const traffic = (parameters: Parameter[], slots: number, batch: number, activations: number): number =>
  4 * (count(parameters) * (4 + 2 * slots) + 2 * batch * activations)

const mlpParameters = [...dense('dense1', 784, 512), ...dense('dense2', 512, 10)]
const mlp: Workload = {
  name: 'mlp',
  about: 'MNIST 784-512-10, RMSprop, batch 128',
  batch: 128,
  sample: [28, 28],
  classes: 10,
  parameters: mlpParameters,
  flops: layer(128, 784 * 512, true) + layer(128, 512 * 10),
  bytes: traffic(mlpParameters, 1, 128, 784 + 512 + 10),
  random: false,
}

const binaryParameters = [...dense('dense1', 20, 64), ...dense('dense2', 64, 64), ...dense('dense3', 64, 1)]
const cnnParameters = [
  ...conv('conv1', 1, 32),
  ...conv('conv2', 32, 64),
  ...dense('dense1', 9216, 128),
  ...dense('dense2', 128, 10),
]

export const workloads: Workload[] = [
  mlp,
  { ...mlp, name: 'mlp-dropout', about: 'MNIST 784-512-dropout 0.2-10, RMSprop, batch 128', random: true },
  {
    name: 'binary',
    about: '20-64-64-1 sigmoid, Adam, batch 32',
    batch: 32,
    sample: [20],
    classes: 2,
    parameters: binaryParameters,
    flops: layer(32, 20 * 64, true) + layer(32, 64 * 64) + layer(32, 64),
    bytes: traffic(binaryParameters, 2, 32, 20 + 64 + 64 + 1),
    random: false,
  },
  {
    name: 'cnn',
    about: 'MNIST conv 32, conv 64, max-pool, dropout, 128, dropout, 10; SGD with momentum, batch 64',
    batch: 64,
    sample: [28, 28],
    classes: 10,
    parameters: cnnParameters,
    flops: layer(64, 26 * 26 * 9 * 32, true) + layer(64, 24 * 24 * 9 * 32 * 64) + layer(64, 9216 * 128) + layer(64, 128 * 10),
    bytes: traffic(cnnParameters, 1, 64, 784 + 26 * 26 * 32 + 24 * 24 * 64 + 9216 + 128 + 10),
    random: true,
  },
]

export function workloadNamed(name: string | undefined): Workload {
  const found = workloads.find((workload) => workload.name === name)
  if (!found) throw new Error(`workload must be one of ${workloads.map((w) => w.name).join(', ')}, got ${name}`)
  return found
}

/** Batches in a data file; step i takes batch i mod this. */
export const batches = 16
