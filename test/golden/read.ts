// Reads the goldens of this folder: <family>.json (names, options, versions) with <family>.safetensors (values).
// Invariant: inputs are exact in float32 (or int32), results were computed in float64; README.md says by which scripts.
import { readFileSync } from 'node:fs'
import { RandomSource } from '../../lib/data/rng.js'

export type GoldenData = Float32Array | Float64Array | Int32Array

/** A value of a golden: row-major data with its shape. */
export interface GoldenTensor {
  shape: number[]
  data: GoldenData
}

/** One case: call `op` with `options` on `inputs`; expect `outputs`, and `gradients` of sum(y · dy) (of the loss itself for losses). */
export interface GoldenCase {
  name: string
  op: string
  options: Record<string, unknown>
  inputs: Record<string, GoldenTensor>
  outputs: Record<string, GoldenTensor>
  gradients: Record<string, GoldenTensor>
  /** Everything else the family records: notes, hyperparameters, the row where a second update begins. */
  extra: Record<string, unknown>
}

const folder = new URL('.', import.meta.url)
const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array }

/** The tensors of a safetensors file of this folder; independent of the library's own reader, which is tested against such files. */
export function readTensors(file: string): Map<string, GoldenTensor> {
  const bytes = readFileSync(new URL(file, folder))
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: keyof typeof arrays; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = new Map<string, GoldenTensor>()
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    const copy = bytes.buffer.slice(bytes.byteOffset + start + offsets[0], bytes.byteOffset + start + offsets[1])
    tensors.set(name, { shape, data: new arrays[dtype](copy as ArrayBuffer) })
  }
  return tensors
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, unknown>
}

/** All cases of a family: ops, losses, optimizers, metrics, layers, schedules, initializers. */
export function readGolden(family: string): GoldenCase[] {
  const tensors = readTensors(`${family}.safetensors`)
  const roles = ['inputs', 'outputs', 'gradients'] as const
  return (readJson(`${family}.json`).cases as Record<string, unknown>[]).map(({ name, op, options, ...rest }) => {
    const values = roles.map((role) => {
      const keys = rest[role] as string[]
      delete rest[role]
      return Object.fromEntries(keys.map((key) => [key, tensors.get(`${name}/${role}/${key}`) as GoldenTensor]))
    })
    const [inputs, outputs, gradients] = values as [GoldenCase['inputs'], GoldenCase['outputs'], GoldenCase['gradients']]
    return {
      name: name as string,
      op: op as string,
      options: options as GoldenCase['options'],
      inputs,
      outputs,
      gradients,
      extra: rest,
    }
  })
}

/** One tensor of a 100-step run: how to make it before the first step, and what is known of it after the last. */
export interface ParityTensor {
  name: string
  shape: number[]
  /** Uniform limits of the initial values (both 0: zeros) and their Philox stream. */
  low: number
  high: number
  stream: number
  /** Norm of the final values, and of what 100 steps changed. */
  norm: number
  change: number
}

export interface ParityRun {
  seed: number
  batch: number
  /** Loss of each step before its update, float64. */
  losses: number[]
  tensors: ParityTensor[]
}

interface ParityFile {
  batch: number
  sketch: { buckets: number; stream: number; every: number }
  seeds: Omit<ParityRun, 'batch'>[]
}

const parityFile = (model: 'mlp' | 'cnn'): ParityFile => readJson(`parity-${model}.json`) as unknown as ParityFile

/** The committed runs of `mlp` or `cnn`. */
export function readParity(model: 'mlp' | 'cnn'): ParityRun[] {
  const { batch, seeds } = parityFile(model)
  return seeds.map((run) => ({ ...run, batch }))
}

/** Initial values: float32(low + (high - low) u), u = (word >> 8) / 2^24 of the tensor's stream. */
export function initialValues(run: ParityRun, { low, high, stream, shape }: ParityTensor): Float32Array {
  const source = new RandomSource(run.seed, stream)
  const size = shape.reduce((product, n) => product * n, 1)
  return Float32Array.from({ length: size }, () => low + (high - low) * ((source.uint32() >>> 8) / 2 ** 24))
}

/**
 * ‖w − reference‖ / ‖reference‖ of final values `w`: exact for tensors that are stored whole, else estimated from a count sketch
 * (standard error 2 % of the estimate, see README.md), and never less than half the figure of every 97th element scaled up.
 */
export function relativeDistance(model: 'mlp' | 'cnn', run: ParityRun, tensor: ParityTensor, w: ArrayLike<number>): number {
  const tensors = readTensors(`parity-${model}.safetensors`)
  const key = `${model}.${run.seed}.${tensor.name}`
  const whole = tensors.get(key)
  if (whole) return norm(w, whole.data, 1) / tensor.norm
  const { buckets, stream, every } = parityFile(model).sketch
  const sketch = new Float64Array(buckets)
  const source = new RandomSource(0, stream + tensor.stream)
  for (let i = 0; i < w.length; i++) {
    const word = source.uint32()
    sketch[word & (buckets - 1)] += word >>> 31 ? -w[i] : w[i]
  }
  const sample = (tensors.get(`${key}.every97`) as GoldenTensor).data
  const sampled = norm(w, sample, every) * Math.sqrt(w.length / sample.length)
  return Math.max(norm(sketch, (tensors.get(`${key}.sketch`) as GoldenTensor).data, 1), sampled / 2) / tensor.norm
}

/** Norm of (a[0], a[every], …) − b. */
function norm(a: ArrayLike<number>, b: ArrayLike<number>, every: number): number {
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += ((a[i * every] as number) - (b[i] as number)) ** 2
  return Math.sqrt(sum)
}
