// Guard against regressions: rates of training steps, passes and operations relative to a reference in the same process, as JSON; --write keeps
// them in bench/results/guard.json as the baseline of this instruction set, the least of each figure where it has one already. Ratios,
// not times: a slow or busy machine slows both. What arithmetic or formulas limit stands beside a product by OpenBLAS, which meets the same
// vector units, caches and neighbours, with kernels that are named, the same on every processor; what calls or memory limit stands beside a
// product in plain JavaScript. All on one thread; each figure is the median of interleaved rounds.
// The baseline of avx512 is worked out, not yet measured: figures of two Xeons beside plain JavaScript, the least of them, over that of the
// matrix product, which counts as level with OpenBLAS. Without that entry, --write puts measured ones in its place.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import * as st from 'steepest'
import { matmul } from './peers/matmul.js'
import { again } from './support/again.js'
import { root } from './support/contenders.js'
import { readData, writeData } from './support/datafile.js'
import { native } from './support/kernel-rows.js'
import { quantile } from './support/measure.js'
import { runnerOf } from './support/steps.js'
import { workloadNamed } from './support/workloads.js'

const rounds = 9
/** Each reading lasts about this long. */
const readingMs = 15
/** The kernels of OpenBLAS that the reference takes. */
const coreTypes: Record<string, string> = { avx512: 'SkylakeX', avx2: 'Haswell', sse4: 'Nehalem', neon: 'ARMV8' }

/** What is measured beside what. */
interface Reading {
  name: string
  call(): unknown
  reference(): unknown
}

const n = 128
const [a, b, c] = [0, 1, 2].map((k) => Float32Array.from({ length: n * n }, (_, i) => Math.sin(i + k))) as Float32Array[]
const view = (data: Float32Array): { data: Float32Array; row: number; column: number } => ({ data, row: n, column: 1 })
const plainProduct = (): void => matmul(c as Float32Array, view(a as Float32Array), view(b as Float32Array), n, n, n)

const square = st.random.normal([256, 256])
const product = (): void => square.matMul(square).dispose()
/** The same by the least instruction set: what leaves products to OpenBLAS, by kernels for this processor all the same. */
function openblasProduct(): void {
  const { instructionSet, instructionSets } = native.info()
  native.setInstructionSet(instructionSets.at(-1) as string)
  try {
    product()
  } finally {
    native.setInstructionSet(instructionSet)
  }
}

/** Milliseconds a call of so many. */
function time(call: () => unknown, calls: number): number {
  const start = performance.now()
  for (let i = 0; i < calls; i++) call()
  return (performance.now() - start) / calls
}

/** Time of the reference over the time of `call`: the median of the rounds. */
function ratio({ call, reference }: Reading): number {
  for (const warm of [reference, call]) time(warm, Math.ceil((2 * readingMs) / time(warm, 2)))
  const callsOf = (f: () => unknown): number => Math.max(1, Math.ceil(readingMs / time(f, 1)))
  const [ours, theirs] = [callsOf(call), callsOf(reference)]
  const ratios = Array.from({ length: rounds }, () => {
    const before = time(reference, theirs)
    const it = time(call, ours)
    return (before + time(reference, theirs)) / 2 / it
  })
  return quantile(ratios, 0.5)
}

const besideOpenblas = (name: string, call: () => unknown): Reading => ({ name, call, reference: openblasProduct })
const besidePlain = (name: string, call: () => unknown): Reading => ({ name, call, reference: plainProduct })

/** A step or pass of a workload, on batches in turns. */
function stepOf(name: string, folder: string): () => unknown {
  const workload = workloadNamed(name)
  const file = path.join(folder, 'data.safetensors')
  writeData(workload, root, file)
  const { step } = runnerOf(workload, readData(workload, file), 'sync')
  let i = 0
  return () => step(i++)
}

function readings(folder: string): Reading[] {
  const [images, kernel] = [st.random.normal([4, 32, 32, 32]), st.random.normal([3, 3, 32, 32])]
  const vectors = st.random.normal([4, 65_536])
  const disposed = (f: () => st.Tensor): (() => void) => {
    return () => f().dispose()
  }
  return [
    besideOpenblas('matMul', product),
    besideOpenblas(
      'conv2d',
      disposed(() => st.conv2d(images, kernel, { padding: 'same' })),
    ),
    besideOpenblas(
      'gelu',
      disposed(() => st.gelu(vectors)),
    ),
    besideOpenblas(
      'softmax',
      disposed(() => vectors.softmax()),
    ),
    besidePlain(
      'sum',
      disposed(() => vectors.sum(0)),
    ),
    ...['small', 'neuron'].map((name) => besidePlain(name, stepOf(name, folder))),
    ...['mlp', 'cnn', 'mlp-infer-32', 'cnn-infer-32', 'resnet20-infer-1'].map((name) =>
      besideOpenblas(name, stepOf(name, folder)),
    ),
  ]
}

function measure(): Record<string, number> {
  const [asked, taken] = [process.env.OPENBLAS_CORETYPE, native.info().blas.core]
  if (asked?.toLowerCase() !== taken.toLowerCase())
    throw new Error(`OpenBLAS takes its kernels for ${taken}, not those for ${asked}`)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-guard-'))
  try {
    return Object.fromEntries(readings(folder).map((reading) => [reading.name, Number(ratio(reading).toPrecision(3))]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const { instructionSet } = st.info()
if (process.argv.includes('--measure')) {
  console.log(JSON.stringify(measure()))
} else {
  const OPENBLAS_CORETYPE = coreTypes[instructionSet]
  if (!OPENBLAS_CORETYPE) throw new Error(`there are no kernels of OpenBLAS to compare ${instructionSet} with`)
  const ratios = JSON.parse(again(['--measure'], { STEEPEST_THREADS: '1', OPENBLAS_CORETYPE })) as Record<string, number>
  console.log(JSON.stringify({ machine: os.cpus()[0]?.model.trim(), instructionSet, ratios }))
  if (process.argv.includes('--write')) {
    const file = path.join(root, 'bench/results/guard.json')
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, number>>
    const before = kept[instructionSet] ?? {}
    const least = Object.entries(ratios).map(([name, ratio]) => [name, Math.min(ratio, before[name] ?? ratio)])
    writeFileSync(file, `${JSON.stringify({ ...kept, [instructionSet]: Object.fromEntries(least) }, null, 2)}\n`)
  }
}
