// What each pass over recorded rows is worth: [--workloads cnn,resnet20] [--rounds 3] [--calls 40] [--write]. A step with all passes and with one
// left out take turns, each in a process of its own; printed is the median time and the median of the paired ratios, of the passes that
// change the rows of the step. --write keeps them in bench/results/passes.json, those of other workloads as they were, and writes the table
// of docs/programs.md. Invariant: nothing is left out but what STEEPEST_PROGRAM names.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as st from 'steepest'
import { again } from './support/again.js'
import { root } from './support/contenders.js'
import { readData } from './support/datafile.js'
import { describeMachine } from './support/machine.js'
import { withMarked } from './support/marked.js'
import { quantile } from './support/measure.js'
import {
  type PassResults,
  type PassWorth,
  passesFile,
  passesMark,
  passTable,
  readPasses,
  switches,
} from './support/passes-page.js'
import { folder, prepare } from './support/sampling.js'
import { batchTensors, bodyOf } from './support/steps.js'
import { type Workload, workloadNamed, workloads } from './support/workloads.js'

const { values: options } = parseArgs({
  options: {
    workloads: {
      type: 'string',
      default:
        'mlp,small,cnn,resnet20,mlp-infer-32,cnn-infer-1,cnn-infer-256,resnet20-infer-1,resnet20-infer-32,resnet20-infer-256',
    },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '40' },
    write: { type: 'boolean', default: false },
    measure: { type: 'string' },
    list: { type: 'string' },
  },
})
const rounds = Number(options.rounds)

const median = (values: readonly number[]): number => quantile(values, 0.5)

/** A recorded step, run once on the calling thread. */
function recorded(workload: Workload): { call: () => unknown; listing: () => string } {
  const data = readData(workload, path.join(folder, `${workload.name}.safetensors`))
  const run = st.program(bodyOf(workload, data))
  const batch = batchTensors(workload, data, 0)
  run.sync(...batch)
  return { call: () => run.sync(...batch), listing: () => run.toString() }
}

/** Milliseconds per call. */
function measure(workload: Workload): number {
  const { call } = recorded(workload)
  const time = (): number => {
    const start = performance.now()
    call()
    return performance.now() - start
  }
  const calls = Math.ceil(Number(options.calls) * Math.max(1, 1 / Math.max(0.01, time())))
  return median(Array.from({ length: calls }, time))
}

/** The same in a process of its own, with a switch of programs. */
const measured = (workload: Workload, setting: string): number =>
  Number(again(['--measure', workload.name, '--calls', options.calls], { STEEPEST_PROGRAM: setting }))
const listed = (workload: Workload, setting: string): string => again(['--list', workload.name], { STEEPEST_PROGRAM: setting })

function worthOf(workload: Workload, pass: string): PassWorth {
  const one = (setting: string) => () => measured(workload, setting)
  // Every other pair begins with the other one, so that a machine that grows slower or faster favours neither.
  const pairs = Array.from({ length: rounds }, (_, i): [number, number] => {
    const [all, without] = [one(''), one(`no-${pass}`)]
    return i % 2 === 0 ? [all(), without()] : ([without(), all()].reverse() as [number, number])
  })
  const ratios = pairs.map(([all, without]) => without / all)
  const [ms, withoutMs] = [0, 1].map((k) => median(pairs.map((pair) => pair[k] as number))) as [number, number]
  const ratio = { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
  const figures = `${ms.toFixed(3)} ms, without ${withoutMs.toFixed(3)} ms: ${ratio.median.toFixed(2)} times the time`
  console.log(`${workload.name.padEnd(20)} ${pass.padEnd(13)} ${figures}`)
  return { pass, ms, withoutMs, ratio }
}

/** The worth of the passes that change the rows of a step or their places in memory. */
function report(workload: Workload): PassResults['workloads'][number] {
  const all = listed(workload, '')
  const firing = switches.filter((pass) => listed(workload, `no-${pass}`) !== all)
  return { name: workload.name, passes: firing.map((pass) => worthOf(workload, pass)) }
}

/** The data and the table of docs/programs.md. */
function keep(results: PassResults['workloads']): void {
  const before = readPasses(root)?.workloads.filter(({ name }) => !results.some((result) => result.name === name)) ?? []
  const order = workloads.map(({ name }) => name)
  const kept = [...before, ...results].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  const all: PassResults = { machine: describeMachine(), rounds, workloads: kept }
  writeFileSync(path.join(root, passesFile), `${JSON.stringify(all, null, 1)}\n`)
  const page = path.join(root, 'docs/programs.md')
  writeFileSync(page, withMarked(readFileSync(page, 'utf8'), passesMark, passTable(all)))
}

if (options.measure) console.log(measure(workloadNamed(options.measure)))
else if (options.list) console.log(recorded(workloadNamed(options.list)).listing())
else {
  const tasks = options.workloads.split(',').map((name) => workloadNamed(name))
  prepare(tasks, [])
  const results = tasks.map(report)
  if (options.write) keep(results)
}
