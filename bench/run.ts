// Step times of the examples' networks beside PyTorch, TensorFlow.js and plain JavaScript: [--rounds 5] [--seconds 3] [--workloads mlp,cnn]
// [--contenders steepest,…]. Writes bench/results.json and docs/benchmarks.md (a part of the contenders or workloads: only prints).
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Contender, contenders, root } from './support/contenders.js'
import { writeData } from './support/datafile.js'
import { type Ceilings, ceilings, describeMachine, stealTicks, stolen } from './support/machine.js'
import type { Measurement } from './support/measure.js'
import { floorMs, markdown, type Results, rowsOf, type Sample } from './support/report.js'
import { type Workload, workloads } from './support/workloads.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    workloads: { type: 'string' },
    contenders: { type: 'string' },
  },
})
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)]
const chosen = <T extends { name: string }>(all: readonly T[], names: string | undefined): T[] =>
  names === undefined ? [...all] : all.filter(({ name }) => names.split(',').includes(name))
const field = chosen(contenders(), options.contenders)
const tasks = chosen(workloads, options.workloads)
const folder = path.join(root, '.cache/bench')
mkdirSync(folder, { recursive: true })
const dataFile = (workload: Workload): string => path.join(folder, `${workload.name}.safetensors`)
for (const workload of tasks) writeData(workload, root, dataFile(workload))

/** A contender that has no figure by then is given up. */
const patienceMs = 150_000
/** Contenders that are not asked again for a workload. */
const slow = new Set<string>()
let best: Ceilings | undefined
/** The multiply-add rate of all threads now, as a fraction of the best seen in this run. */
function quietness(): number {
  const now = ceilings()
  if (!now) return 1
  best = {
    oneThread: Math.max(now.oneThread, best?.oneThread ?? 0),
    allThreads: Math.max(now.allThreads, best?.allThreads ?? 0),
    read: best?.read ?? 0,
  }
  return now.allThreads / best.allThreads
}

/** Waits up to 10 s for a quiet moment. */
async function quietMoment(): Promise<number> {
  let quiet = quietness()
  for (let i = 0; i < 5 && quiet < 0.9; i++) {
    await wait(2000)
    quiet = quietness()
  }
  return quiet
}

async function sample(contender: Contender, workload: Workload, round: number): Promise<Sample | undefined> {
  const before = await quietMoment()
  const ticks = stealTicks()
  const [program, ...args] = contender.command as [string, ...string[]]
  const all = [...args, '--workload', workload.name, '--data', dataFile(workload), '--seconds', String(seconds)]
  const result = spawnSync(program, all, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...contender.env },
    timeout: patienceMs,
  })
  const steal = stolen(ticks)
  const last = result.stdout.trim().split('\n').at(-1) ?? ''
  if (result.signal) {
    slow.add(`${contender.name} ${workload.name}`)
    console.error(`${contender.name} on ${workload.name} was given up after ${patienceMs / 1000} s`)
    return undefined
  }
  if (result.status !== 0 || !last.startsWith('{')) {
    console.error(`${contender.name} failed on ${workload.name}:\n${result.stderr.trim().split('\n').slice(-3).join('\n')}`)
    return undefined
  }
  return { ...(JSON.parse(last) as Measurement), round, quiet: Math.min(before, quietness()), steal }
}

const started = ceilings(true)
if (started) best = started
const samples: Sample[] = []
for (let round = 1; round <= rounds; round++) {
  for (const workload of tasks) {
    for (const contender of field) {
      const key = `${contender.name} ${workload.name}`
      if (contender.missing || contender.cannot?.[workload.name] || slow.has(key)) continue
      const taken = await sample(contender, workload, round)
      if (!taken) continue
      if (taken.medianMs > 2000) slow.add(key)
      samples.push(taken)
      console.log(
        `round ${round}  ${key.padEnd(32)} ${taken.medianMs.toFixed(3).padStart(10)} ms  quiet ${taken.quiet.toFixed(2)}`,
      )
    }
  }
}

const results: Results = {
  machine: describeMachine(),
  ...(best ? { ceilings: best } : {}),
  rounds,
  secondsPerSample: seconds,
  contenders: field.map(({ name, about, missing }) => ({ name, about, ...(missing ? { missing } : {}) })),
  workloads: tasks.map((workload) => ({
    name: workload.name,
    about: workload.about,
    flops: workload.flops,
    bytes: workload.bytes,
    ...(best?.read ? { floorMs: floorMs(workload, best) } : {}),
    rows: rowsOf(workload, field, samples, best),
    cannot: Object.fromEntries(
      field.flatMap(({ name, cannot }) => (cannot?.[workload.name] ? [[name, cannot[workload.name] as string]] : [])),
    ),
  })),
}
const page = markdown(results)
console.log(`\n${page}`)
if (!options.workloads && !options.contenders) {
  writeFileSync(path.join(root, 'bench/results.json'), `${JSON.stringify({ ...results, samples }, null, 1)}\n`)
  writeFileSync(path.join(root, 'docs/benchmarks.md'), page)
}
