// What `fit` costs beyond its kernels: [--workload mlp] [--epochs 3] [--rounds 15] [--write]. Two processes take turns of a few hundred milliseconds: one
// runs the whole of fit, from data in memory to the trained model, callbacks included, and gives its time per step; the other the same step
// with the gather of its batch, replayed, and gives the sum over its kernels, timed one by one (STEEPEST_PROGRAM=profile). Target: at most 5 % more.
// --write keeps the figures of the workload in bench/results/fit.json, beside those of others, and writes the line of docs/training.md.
// Invariant: the two of a round are neighbours in time, and every other round begins with the other one, so that the machine's moods cancel.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as st from 'steepest'
import { root } from './support/contenders.js'
import { type BenchData, readData, writeData } from './support/datafile.js'
import { type FitCost, fitFile, fitLine, fitMark, readFitCosts } from './support/fit-page.js'
import { describeMachine } from './support/machine.js'
import { withMarked } from './support/marked.js'
import { quantile } from './support/measure.js'
import { bodyOf, loadedNetwork, optimizerOf } from './support/steps.js'
import { type Workload, workloadNamed, workloads } from './support/workloads.js'

const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: 'mlp' },
    epochs: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '15' },
    write: { type: 'boolean', default: false },
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

type Role = 'kernels' | 'fit'
/** Microseconds a step, measured anew with every call. */
type Turn = () => number | Promise<number>

/** All rows of a replayed step, the last column of the listing. */
function kernelsOf(data: BenchData): Turn {
  const { batch } = workload
  const body = bodyOf(workload, data)
  const [x, y] = dataSet(data)
  const order = new st.Generator(1).permutation(y.size)
  const steps = y.size / batch
  // Another value of the last argument is another recording, timed anew; all share one arena, whose pages the first brings in.
  const program = st.program((rows: st.Tensor, _turn: number) => body(st.gather(x, rows), st.gather(y, rows)))
  let turn = 0
  return () => {
    turn++
    for (let i = 0; i < Number(values.epochs) * steps; i++) program.sync(order.slice((i % steps) * batch, batch), turn)
    const rows = program.toString().split('\n').slice(2)
    return rows.reduce((sum, row) => sum + Number(row.trim().split(/\s+/).at(-1)), 0)
  }
}

/** The whole of fit. */
function fitOf(data: BenchData): Turn {
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
  return async () => {
    const start = performance.now()
    await model.fit(x, y, { batchSize: batch, verbose: 0, callbacks: [callback], epochs })
    if (!Number.isFinite(losses)) throw new Error('the loss is not finite')
    return (1000 * (performance.now() - start)) / (epochs * copies * batches)
  }
}

function start(role: Role): ChildProcess {
  const args = ['--role', role, '--workload', workload.name, '--epochs', values.epochs]
  const env = { ...process.env, ...(role === 'kernels' ? { STEEPEST_PROGRAM: 'profile' } : {}) }
  const worker = fork(process.argv[1] as string, args, { env })
  return worker.on('exit', (code) => {
    if (code !== 0) throw new Error(`the process of ${role} failed`)
  })
}

/** Takes a turn whenever the parent asks for one. */
function serve(role: Role): void {
  const turn = { kernels: kernelsOf, fit: fitOf }[role](dataOf(workload))
  process.on('message', async () => process.send?.(await turn()))
}

/** A round: both figures, in the order of `roles`. */
async function round(workers: Record<Role, ChildProcess>, roles: readonly Role[]): Promise<Record<Role, number>> {
  const figures = { kernels: 0, fit: 0 }
  for (const role of roles) {
    const worker = workers[role]
    worker.send('turn')
    figures[role] = (await once(worker, 'message'))[0] as number
  }
  return figures
}

async function compare(): Promise<FitCost> {
  const workers = { kernels: start('kernels'), fit: start('fit') }
  await round(workers, ['kernels', 'fit'])
  const rounds: Record<Role, number>[] = []
  for (let i = 0; i < Number(values.rounds); i++) {
    const { kernels, fit } = await round(workers, i % 2 === 0 ? ['kernels', 'fit'] : ['fit', 'kernels'])
    rounds.push({ kernels, fit })
    console.log(
      `round ${i + 1}  kernels ${kernels.toFixed(0)} µs a step, fit ${fit.toFixed(0)} µs: ${(100 * (fit / kernels - 1)).toFixed(1)} % more`,
    )
  }
  for (const worker of Object.values(workers)) worker.disconnect()
  const ratios = rounds.map(({ kernels, fit }) => fit / kernels)
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => 100 * (quantile(ratios, q) - 1)) as [number, number, number]
  console.log(`median: ${middle.toFixed(1)} % more, the middle half of the rounds from ${low.toFixed(1)} to ${high.toFixed(1)} %`)
  const [kernels, fit] = (['kernels', 'fit'] as const).map((role) =>
    quantile(
      rounds.map((figures) => figures[role]),
      0.5,
    ),
  )
  return {
    workload: workload.name,
    rounds: rounds.length,
    kernels: kernels as number,
    fit: fit as number,
    more: { low, middle, high },
    machine: describeMachine(),
  }
}

/** The data and the line of docs/training.md. */
function keep(cost: FitCost): void {
  const order = workloads.map(({ name }) => name)
  const all = [...readFitCosts(root).filter((other) => other.workload !== cost.workload), cost]
  all.sort((a, b) => order.indexOf(a.workload) - order.indexOf(b.workload))
  writeFileSync(path.join(root, fitFile), `${JSON.stringify(all, null, 1)}\n`)
  const page = path.join(root, 'docs/training.md')
  writeFileSync(page, withMarked(readFileSync(page, 'utf8'), fitMark, fitLine(all)))
}

if (workload.task !== 'training' || workload.classes === 2) throw new Error('--workload must be mlp, mlp-adam, cnn or resnet20')
if (values.role) serve(values.role as Role)
else {
  const cost = await compare()
  if (values.write) keep(cost)
}
