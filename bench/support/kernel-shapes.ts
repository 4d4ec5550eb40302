// The rows that bench/kernels.ts times: sizes of the buffers, arguments, and the work that a rate is taken of.

import { moveShapes } from './move-shapes.js'
import { streamShapes } from './stream-shapes.js'
import { updateShapes } from './update-shapes.js'

export interface KernelShape {
  kernel: string
  label: string
  /** Elements of each buffer in order. */
  sizes: number[]
  /** Bytes of an element of each buffer (default 4). */
  widths?: number[]
  /** Buffers that lie in the memory of an earlier one, by their places and its own. */
  inPlace?: Record<number, number>
  /** Buffers of int32 indices, by their places, and how many there are to choose from. */
  indices?: Record<number, number>
  args: number[]
  /** Multiplications and additions; 0 for a kernel that only streams, whose rate is that of its bytes. */
  flop: number
}

export interface ConvOptions {
  stride?: number
  /** At the top and left; the output takes the same at the bottom and right unless `output` says otherwise. */
  pad?: number
  dilation?: number
  groups?: number
  output?: number
  /** Default: direct. */
  winograd?: boolean
}

export const bytesOf = ({ sizes, widths }: KernelShape): number =>
  sizes.reduce((sum, size, i) => sum + size * (widths?.[i] ?? 4), 0)

export function matmul(label: string, M: number, N: number, K: number, transposes = 'NN', batch = 1): KernelShape {
  const letters = [transposes[0] === 'T', transposes[1] === 'T'].map(Number)
  return {
    kernel: 'matmul',
    label: `${label} ${batch > 1 ? `${batch} x ` : ''}${M}x${N}x${K} ${transposes}`,
    sizes: [batch * M * N, batch * M * K, batch * K * N],
    args: [batch, M, N, K, ...letters, M * K, K * N],
    flop: 2 * batch * M * N * K,
  }
}

/** The same product with the second operand as programs keep weights that they leave alone: packed once, by `matmulPanels`. */
function keptMatmul(label: string, M: number, N: number, K: number): KernelShape {
  const { args, ...rest } = matmul(label, M, N, K)
  const columns = 16 * Math.ceil(N / 16)
  return { ...rest, label: `${label} ${M}x${N}x${K} kept`, sizes: [M * N, M * K, K * columns], args: args.with(5, 2) }
}

/** The three kernels of a convolution: [batch, size, size, C] with `O` square kernels. */
export function conv(
  batch: number,
  size: number,
  C: number,
  kernel: number,
  O: number,
  options: ConvOptions = {},
): KernelShape[] {
  const { stride = 1, pad = 0, dilation = 1, groups = 1, winograd = false } = options
  const out = options.output ?? Math.floor((size + 2 * pad - (kernel - 1) * dilation - 1) / stride) + 1
  const [x, w, y] = [batch * size * size * C, (kernel * kernel * C * O) / groups, batch * out * out * O]
  const args = [
    batch,
    size,
    size,
    C,
    kernel,
    kernel,
    O,
    out,
    out,
    stride,
    stride,
    pad,
    pad,
    dilation,
    dilation,
    groups,
    Number(winograd),
  ]
  const notes = Object.entries({ stride, pad, dilation, groups }).filter(([name, value]) => value !== (name === 'pad' ? 0 : 1))
  const label = [`${batch}x${size}x${size} ${C}->${O} ${kernel}x${kernel}`, ...notes.map(([name, value]) => `${name} ${value}`)]
  const shape = (name: string, sizes: number[]): KernelShape => ({
    kernel: name,
    label: label.join(' '),
    sizes,
    args,
    flop: 2 * y * ((kernel * kernel * C) / groups),
  })
  return [shape('conv2d', [y, x, w]), shape('conv2dBackwardInput', [x, y, w]), shape('conv2dBackwardKernel', [w, x, y])]
}

/**
 * A copy that touches as much memory as `shape` does: the rate of memory at that size. It moves as many bytes, unless results lie in the
 * place of operands.
 */
export function copyOf(shape: KernelShape): KernelShape {
  const apart = shape.sizes.map((size, i) => (shape.inPlace?.[i] === undefined ? size : 0))
  const size = Math.ceil(bytesOf({ ...shape, sizes: apart }) / 8)
  return { kernel: 'copy', label: '', sizes: [size, size], args: [4, 1, 0, 0, size, 1, 1], flop: 0 }
}

export const kernelShapes: readonly KernelShape[] = [
  // Dense networks: 784-512-10 trained at batch 128, inference at 32 and 256; operands as a dense layer has them, then stored [out, in].
  matmul('mlp forward', 128, 512, 784),
  matmul('mlp forward', 128, 512, 784, 'NT'),
  matmul('mlp forward', 32, 512, 784),
  matmul('mlp forward', 256, 512, 784),
  keptMatmul('mlp forward', 32, 512, 784),
  keptMatmul('mlp forward', 128, 512, 784),
  keptMatmul('mlp forward', 256, 512, 784),
  keptMatmul('wide forward', 32, 2048, 2048),
  matmul('mlp gradient', 784, 512, 128, 'TN'),
  matmul('mlp gradient', 512, 784, 128, 'TN'),
  matmul('head forward', 128, 10, 512),
  matmul('head forward', 128, 10, 512, 'NT'),
  matmul('head forward', 32, 10, 512),
  matmul('head forward', 256, 10, 512),
  matmul('head input', 128, 512, 10, 'NT'),
  matmul('head gradient', 512, 10, 128, 'TN'),
  matmul('head gradient', 10, 512, 128, 'TN'),
  // The wide layer after convolutions.
  matmul('cnn forward', 64, 128, 9216),
  matmul('cnn forward', 64, 128, 9216, 'NT'),
  matmul('cnn forward', 1, 128, 9216),
  matmul('cnn forward', 32, 128, 9216),
  matmul('cnn forward', 256, 128, 9216),
  matmul('cnn input', 64, 9216, 128, 'NT'),
  matmul('cnn input', 64, 9216, 128),
  matmul('cnn gradient', 9216, 128, 64, 'TN'),
  matmul('cnn gradient', 128, 9216, 64, 'TN'),
  matmul('im2col', 36864, 64, 288),
  matmul('1x1 convolution', 16384, 64, 64),
  matmul('1x1 gradient', 64, 64, 16384, 'TN'),
  matmul('lstm', 64, 512, 128, 'NT'),
  matmul('transformer', 2048, 384, 128),
  matmul('transformer', 2048, 384, 128, 'NT'),
  matmul('transformer', 2048, 128, 512, 'NT'),
  matmul('transformer gradient', 512, 128, 2048, 'TN'),
  matmul('attention', 64, 64, 32, 'NT', 128),
  // A network 20-64-64-1 at batch 32, one neuron, and one row at a time: what counts is the cost of a call.
  matmul('small', 32, 64, 20),
  matmul('small', 32, 64, 64),
  matmul('small input', 32, 20, 64, 'NT'),
  matmul('small gradient', 64, 64, 32, 'TN'),
  matmul('small column', 32, 1, 64),
  matmul('neuron', 32, 1, 8),
  matmul('row', 1, 512, 784),
  matmul('row', 1, 10, 512),
  matmul('square', 512, 512, 512),
  matmul('square', 1024, 1024, 1024),
  matmul('square', 2048, 2048, 2048),
  matmul('square', 4096, 4096, 4096),
  matmul('vector', 1, 1024, 1024),
  ...conv(64, 28, 1, 3, 32),
  ...conv(64, 32, 3, 3, 16, { pad: 1 }),
  ...conv(64, 26, 32, 3, 64, { winograd: true }),
  ...conv(64, 26, 32, 3, 64),
  ...conv(64, 32, 16, 3, 16, { pad: 1, winograd: true }),
  ...conv(64, 32, 16, 3, 16, { pad: 1 }),
  ...conv(64, 16, 32, 3, 32, { pad: 1, winograd: true }),
  ...conv(64, 16, 32, 3, 32, { pad: 1 }),
  ...conv(64, 8, 64, 3, 64, { pad: 1, winograd: true }),
  ...conv(64, 8, 64, 3, 64, { pad: 1 }),
  ...conv(1, 32, 16, 3, 16, { pad: 1, winograd: true }),
  ...conv(1, 16, 32, 3, 32, { pad: 1 }),
  ...conv(1, 8, 64, 3, 64, { pad: 1 }),
  ...conv(4, 8, 64, 3, 64, { pad: 1 }),
  ...conv(16, 32, 64, 3, 64, { pad: 1, winograd: true }),
  ...conv(16, 32, 64, 3, 128, { stride: 2, pad: 1 }),
  ...conv(64, 32, 16, 3, 32, { stride: 2, output: 16 }),
  ...conv(64, 16, 32, 3, 64, { stride: 2, output: 8 }),
  ...conv(64, 32, 16, 1, 32, { stride: 2 }),
  ...conv(64, 16, 32, 1, 64, { stride: 2 }),
  ...conv(64, 16, 64, 1, 256),
  ...conv(16, 32, 32, 3, 32, { pad: 2, dilation: 2 }),
  ...conv(16, 32, 32, 5, 32, { pad: 2 }),
  ...conv(8, 64, 3, 7, 64, { stride: 2, pad: 3 }),
  ...conv(16, 16, 64, 7, 64, { pad: 3 }),
  ...conv(16, 32, 64, 3, 64, { pad: 1, groups: 64 }),
  ...conv(16, 32, 64, 3, 64, { stride: 2, output: 16, groups: 64 }),
  ...conv(16, 16, 256, 3, 256, { pad: 1, groups: 256 }),
  ...conv(16, 32, 64, 3, 64, { pad: 1, groups: 16 }),
  ...conv(16, 32, 64, 3, 64, { pad: 1, groups: 8 }),
  ...conv(16, 32, 64, 3, 64, { stride: 2, output: 16, groups: 16 }),
  ...conv(16, 32, 64, 3, 64, { pad: 1, groups: 4 }),
  ...streamShapes,
  ...updateShapes,
  ...moveShapes,
]
