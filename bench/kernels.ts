// Rates of the matrix product and convolution kernels beside the ceiling of the machine: [--filter conv2d] [--rounds 15].
// Rows are handed to the native core directly, so what is measured is the kernel and not the library above it.
// The ceiling is the best rate seen of products that never leave L1 (97 to 99 % of the multiply-add peak on a quiet machine).
// Invariant: it is read anew beside every shape, so that a disturbed figure shows as one.
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'

interface Addon {
  kernels: { name: string; scratch: boolean }[]
  bind(row: Float64Array): void
  run(): number
  scratchBytes(): number
  address(memory: ArrayBuffer): number
  info(): { threads: number; instructionSet: string }
}

interface Shape {
  kernel: string
  label: string
  /** Elements of each buffer in order, 4 bytes each. */
  sizes: number[]
  args: number[]
  flop: number
}

const native = createRequire(import.meta.url)(path.resolve('build/Release/steepest.node')) as Addon
const { values: options } = parseArgs({ options: { filter: { type: 'string' }, rounds: { type: 'string', default: '15' } } })

function matmul(label: string, M: number, N: number, K: number, transposes = 'NN', batch = 1): Shape {
  const letters = [transposes[0] === 'T', transposes[1] === 'T'].map(Number)
  return {
    kernel: 'matmul',
    label: `${label} ${batch > 1 ? `${batch} x ` : ''}${M}x${N}x${K} ${transposes}`,
    sizes: [batch * M * N, batch * M * K, batch * K * N],
    args: [batch, M, N, K, ...letters, M * K, K * N],
    flop: 2 * batch * M * N * K,
  }
}

/** The three kernels of a convolution: [batch, size, size, C] with `O` square kernels. */
function conv(batch: number, size: number, C: number, kernel: number, O: number, stride = 1, pad = 0): Shape[] {
  const out = Math.floor((size + 2 * pad - kernel) / stride) + 1
  const [x, w, y] = [batch * size * size * C, kernel * kernel * C * O, batch * out * out * O]
  const args = [batch, size, size, C, kernel, kernel, O, out, out, stride, stride, pad, pad, 1, 1, 1]
  const label = `${batch}x${size}x${size} ${C}->${O} ${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ''}${pad > 0 ? ' padded' : ''}`
  const shape = (name: string, sizes: number[]): Shape => ({
    kernel: name,
    label,
    sizes,
    args,
    flop: 2 * y * kernel * kernel * C,
  })
  return [shape('conv2d', [y, x, w]), shape('conv2dBackwardInput', [x, y, w]), shape('conv2dBackwardKernel', [w, x, y])]
}

const shapes: Shape[] = [
  matmul('mlp forward', 128, 512, 784),
  matmul('mlp gradient', 784, 512, 128, 'TN'),
  matmul('head forward', 128, 10, 512),
  matmul('head input', 128, 512, 10, 'NT'),
  matmul('head gradient', 512, 10, 128, 'TN'),
  matmul('cnn forward', 64, 128, 9216),
  matmul('cnn input', 64, 9216, 128, 'NT'),
  matmul('cnn gradient', 9216, 128, 64, 'TN'),
  matmul('attention', 64, 64, 32, 'NT', 128),
  matmul('small', 32, 64, 64),
  matmul('square', 512, 512, 512),
  matmul('square', 1024, 1024, 1024),
  matmul('vector', 1, 1024, 1024),
  ...conv(64, 28, 1, 3, 32),
  ...conv(64, 26, 32, 3, 64),
  ...conv(64, 32, 16, 3, 16, 1, 1),
  ...conv(16, 32, 64, 3, 64, 1, 1),
  ...conv(16, 32, 64, 3, 128, 2, 1),
  ...conv(64, 16, 64, 1, 256),
]

const row = new Float64Array(128)

/** Milliseconds per call of each round; a round is long enough for the clock. */
function measure({ kernel, sizes, args }: Shape): number[] {
  const id = native.kernels.findIndex(({ name }) => name === kernel)
  const buffers = sizes.map((size) => Float32Array.from({ length: size }, (_, i) => Math.sin(i)).buffer as ArrayBuffer)
  native.bind(row)
  row.set([id, 0, buffers.length + 1, args.length, ...buffers.map((buffer) => native.address(buffer)), 0, ...args])
  const scratch = new ArrayBuffer(native.scratchBytes() + 64)
  row[4 + buffers.length] = Math.ceil(native.address(scratch) / 64) * 64
  const time = (calls: number): number => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) if (native.run() !== 0) throw new Error(`${kernel} refused its row`)
    return (performance.now() - start) / calls
  }
  time(2)
  const calls = Math.max(1, Math.ceil(1 / time(1)))
  return Array.from({ length: Number(options.rounds) }, () => time(calls)).sort((a, b) => a - b)
}

/** One pair of small operands, over and over. */
const insideCache: Shape = { ...matmul('', 56, 32, 128, 'NN', 256), args: [256, 56, 32, 128, 0, 0, 0, 0] }
const gigaflops = (shape: Shape, ms: number): number => shape.flop / ms / 1e6

const { threads, instructionSet } = native.info()
console.log(`${threads} threads, ${instructionSet}`)
for (const shape of shapes) {
  if (!`${shape.kernel} ${shape.label}`.includes(options.filter ?? '')) continue
  const rounds = measure(shape)
  const rate = gigaflops(shape, rounds[rounds.length >> 1] as number)
  const ceiling = gigaflops(insideCache, measure(insideCache)[0] as number)
  const figures = `${rate.toFixed(1).padStart(7)} GFLOP/s ${((100 * rate) / ceiling).toFixed(0).padStart(4)} % of ${ceiling.toFixed(0)}`
  console.log(`${shape.kernel.padEnd(21)} ${shape.label.padEnd(36)} ${figures}`)
}
