// Guard against regressions: rates of training steps, passes and operations relative to a plain JavaScript matrix product in the same process:
// prints them as JSON; --write keeps them in bench/results/guard.json as the baseline of this kind of processor, the least of each figure where
// it has one already, since other processors have other ratios and a busy machine has lower ones. Ratios, not times: a slow
// or busy machine slows both. Run with STEEPEST_THREADS=1, as the reference has one thread. Each figure is the median of interleaved rounds.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import * as st from 'steepest'
import { matmul } from './peers/matmul.js'
import { root } from './support/contenders.js'
import { readData, writeData } from './support/datafile.js'
import { quantile } from './support/measure.js'
import { runnerOf } from './support/steps.js'
import { workloadNamed } from './support/workloads.js'

const rounds = 9
/** Each reading lasts about this long. */
const readingMs = 15
const n = 128
const [a, b, c] = [0, 1, 2].map((k) => Float32Array.from({ length: n * n }, (_, i) => Math.sin(i + k))) as Float32Array[]
const view = (data: Float32Array): { data: Float32Array; row: number; column: number } => ({ data, row: n, column: 1 })
const reference = (): void => matmul(c as Float32Array, view(a as Float32Array), view(b as Float32Array), n, n, n)

/** Milliseconds a call of so many. */
function time(call: () => unknown, calls: number): number {
  const start = performance.now()
  for (let i = 0; i < calls; i++) call()
  return (performance.now() - start) / calls
}

/** Time of the reference over the time of `call`, round by round. */
function ratio(call: () => unknown): number {
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

function steps(names: string[]): [string, () => unknown][] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-guard-'))
  const file = path.join(folder, 'data.safetensors')
  const list = names.map((name): [string, () => unknown] => {
    const workload = workloadNamed(name)
    writeData(workload, root, file)
    const { step } = runnerOf(workload, readData(workload, file), 'sync')
    let i = 0
    return [name, () => step(i++)]
  })
  rmSync(folder, { recursive: true })
  return list
}

function operations(): [string, () => unknown][] {
  const [square, images, vector] = [
    st.random.normal([256, 256]),
    st.random.normal([4, 32, 32, 32]),
    st.random.normal([4, 65_536]),
  ]
  const kernel = st.random.normal([3, 3, 32, 32])
  const quietly = (f: () => st.Tensor): (() => void) => {
    return () => f().dispose()
  }
  return [
    ['matMul', quietly(() => square.matMul(square))],
    ['conv2d', quietly(() => st.conv2d(images, kernel, { padding: 'same' }))],
    ['gelu', quietly(() => st.gelu(vector))],
    ['softmax', quietly(() => vector.softmax())],
    ['sum', quietly(() => vector.sum(0))],
  ]
}

const all = [...operations(), ...steps(['mlp', 'small', 'neuron', 'cnn', 'mlp-infer-32', 'cnn-infer-32', 'resnet20-infer-1'])]
const ratios = Object.fromEntries(all.map(([name, call]) => [name, Number(ratio(call).toPrecision(3))]))
const { instructionSet, threads } = st.info()
const machine = `${os.cpus()[0]?.model.trim()}, ${instructionSet}`
console.log(JSON.stringify({ machine, instructionSet, threads, ratios }))
if (process.argv.includes('--write')) {
  const file = path.join(root, 'bench/results/guard.json')
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, number>>
  const before = kept[machine] ?? {}
  const least = Object.entries(ratios).map(([name, ratio]) => [name, Math.min(ratio, before[name] ?? ratio)])
  writeFileSync(file, `${JSON.stringify({ ...kept, [machine]: Object.fromEntries(least) }, null, 2)}\n`)
}
