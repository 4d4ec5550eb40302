// What `fit` costs beyond its kernels: [--workload mlp] [--epochs 3] [--rounds 3]. In turns, each in a process of its own: the whole of fit, from
// data in memory to the trained model, callbacks included, per step; and the sum over the kernels of the same step and of the gather of its
// batch, timed one by one in a replayed program (STEEPEST_PROGRAM=profile). Target: at most 5 % more.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as st from 'steepest'
import { root } from './support/contenders.js'
import { type BenchData, readData, writeData } from './support/datafile.js'
import { quantile } from './support/measure.js'
import { bodyOf, loadedNetwork, optimizerOf } from './support/steps.js'
import { type Workload, workloadNamed } from './support/workloads.js'

const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: 'mlp' },
    epochs: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    role: { type: 'string' },
  },
})
const workload = workloadNamed(values.workload)
/** Copies of the file's batches that make up the data set. */
const copies = 8

function dataOf(work: Workload): BenchData {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-fit-'))
  const file = path.join(folder, 'data.safetensors')
  writeData(work, root, file)
  const data = readData(work, file)
  rmSync(folder, { recursive: true })
  return data
}

/** Copies of the file's batches, one after the other. */
function dataSet(data: BenchData): [st.Tensor, st.Tensor] {
  const { batch, batches, sample } = workload
  const repeat = <T extends Float32Array | Int32Array>(to: T, from: T): T => {
    for (let i = 0; i < copies; i++) to.set(from, i * from.length)
    return to
  }
  const rows = copies * batches * batch
  const x = st.tensor(repeat(new Float32Array(copies * data.x.length), data.x), [rows, ...sample])
  return [x, st.tensor(repeat(new Int32Array(rows), data.y), [rows], 'int32')]
}

/** Microseconds of all rows of a replayed step, the last column of the listing. */
function kernels(data: BenchData): number {
  const { batch } = workload
  const body = bodyOf(workload, data)
  const [x, y] = dataSet(data)
  const program = st.program((rows: st.Tensor) => body(st.gather(x, rows), st.gather(y, rows)))
  const order = new st.Generator(1).permutation(y.size)
  const steps = y.size / batch
  for (let i = 0; i < 200; i++) program.sync(order.slice((i % steps) * batch, batch))
  const rows = program.toString().split('\n').slice(2)
  return rows.reduce((sum, row) => sum + Number(row.trim().split(/\s+/).at(-1)), 0)
}

/** Microseconds a step of the whole of fit. */
async function fit(data: BenchData): Promise<number> {
  const { batch, batches } = workload
  const model = st.model(loadedNetwork(workload, data))
  model.compile({
    optimizer: optimizerOf(workload),
    loss: (yTrue, yPred) => st.losses.sparseCategoricalCrossentropy(yTrue, yPred, { fromLogits: true }),
  })
  const [x, y] = dataSet(data)
  const epochs = Number(values.epochs)
  let losses = 0
  const callback = {
    onEpochEnd: (_: number, logs: st.Logs) => {
      losses += logs.loss ?? 0
    },
  }
  const options = { batchSize: batch, verbose: 0, callbacks: [callback] } as const
  await model.fit(x, y, { ...options, epochs: 1 })
  const start = performance.now()
  await model.fit(x, y, { ...options, epochs })
  if (!Number.isFinite(losses)) throw new Error('the loss is not finite')
  return (1000 * (performance.now() - start)) / (epochs * copies * batches)
}

function measured(role: string): number {
  const args = [process.argv[1] as string, '--role', role, '--workload', workload.name, '--epochs', values.epochs]
  const env = { ...process.env, ...(role === 'kernels' ? { STEEPEST_PROGRAM: 'profile' } : {}) }
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

if (workload.task !== 'training' || workload.classes === 2) throw new Error('--workload must be mlp, mlp-adam, cnn or resnet20')
if (values.role) console.log(await (values.role === 'kernels' ? kernels : fit)(dataOf(workload)))
else {
  const ratios = Array.from({ length: Number(values.rounds) }, (_, round) => {
    const [sum, whole] = [measured('kernels'), measured('fit')]
    console.log(
      `round ${round + 1}  kernels ${sum.toFixed(0)} µs a step, fit ${whole.toFixed(0)} µs: ${(100 * (whole / sum - 1)).toFixed(1)} % more`,
    )
    return whole / sum
  })
  console.log(`median: ${(100 * (quantile(ratios, 0.5) - 1)).toFixed(1)} % more`)
}
