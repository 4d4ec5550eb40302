// What each pass over recorded rows is worth: [--workloads cnn,resnet20] [--rounds 3] [--calls 40]. A step with all passes and with one left
// out take turns, each in a process of its own; printed is the median time and the median of the paired ratios.
// Invariant: nothing is left out but what STEEPEST_PROGRAM names.
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as st from 'steepest'
import { again } from './support/again.js'
import { batchOf, readData } from './support/datafile.js'
import { folder, prepare } from './support/sampling.js'
import { bodyOf } from './support/steps.js'
import { type Workload, workloadNamed } from './support/workloads.js'

const { values: options } = parseArgs({
  options: {
    workloads: {
      type: 'string',
      default: 'mlp,small,cnn,resnet20,cnn-infer-1,cnn-infer-256,resnet20-infer-1,resnet20-infer-32,resnet20-infer-256',
    },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '40' },
    measure: { type: 'string' },
  },
})
const switches = [
  'dead',
  'epilogue',
  'unpool',
  'spread',
  'convolution',
  'mask',
  'statistics',
  'prepare',
  'merge',
  'slices',
  'segments',
  'inplace',
].map((name) => `no-${name}`)

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** Milliseconds per call of the recorded step on the calling thread. */
function measure(workload: Workload): number {
  const data = readData(workload, path.join(folder, `${workload.name}.safetensors`))
  const run = st.program(bodyOf(workload, data))
  const [pixels, labels] = batchOf(workload, data, 0)
  const x = st.tensor(pixels, [workload.batch, ...workload.sample])
  const y =
    workload.classes === 2
      ? st.tensor(Float32Array.from(labels), [workload.batch, 1])
      : st.tensor(labels, [workload.batch], 'int32')
  const time = (): number => {
    const start = performance.now()
    run.sync(x, y)
    return performance.now() - start
  }
  time()
  const calls = Math.ceil(Number(options.calls) * Math.max(1, 1 / Math.max(0.01, time())))
  return median(Array.from({ length: calls }, time))
}

/** The same in a process of its own, with a switch of programs. */
const measured = (workload: Workload, setting: string): number =>
  Number(again(['--measure', workload.name, '--calls', options.calls], setting))

function report(workload: Workload): void {
  for (const setting of switches) {
    const pairs = Array.from(
      { length: Number(options.rounds) },
      () => [measured(workload, ''), measured(workload, setting)] as const,
    )
    const ratio = median(pairs.map(([all, without]) => without / all))
    const [all, without] = [0, 1].map((k) => median(pairs.map((pair) => pair[k] as number)).toFixed(3))
    console.log(
      `${workload.name.padEnd(20)} ${setting.padEnd(16)} ${all} ms, without ${without} ms: ${ratio.toFixed(2)} times the time`,
    )
  }
}

if (options.measure) console.log(measure(workloadNamed(options.measure)))
else {
  const tasks = options.workloads.split(',').map((name) => workloadNamed(name))
  prepare(tasks, [])
  for (const workload of tasks) report(workload)
}
