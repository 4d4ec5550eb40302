// The loop every contender written in JavaScript is timed by. Invariant: same warm-up, same clock, one JSON line as the result.
import { parseArgs } from 'node:util'
import { type BenchData, readData } from './datafile.js'
import { type Workload, workloadNamed } from './workloads.js'

/** A contender ready to train: `step(i)` runs one training step on batch i and returns its loss without waiting longer than it must. */
export interface Trainer {
  step(i: number): number | Promise<number>
  /** What to print beside the figures: versions, threads, instruction set. */
  facts: Record<string, string | number>
}

export interface Measurement {
  contender: string
  workload: string
  /** Of the measured steps. */
  medianMs: number
  p10Ms: number
  p90Ms: number
  steps: number
  /** Loss of the first step, and of step `lastStep`. */
  firstLoss: number
  lastLoss: number
  lastStep: number
  minorFaultsPerStep: number
  peakMiB: number
  facts: Record<string, string | number>
}

const warmUp = { steps: 100, seconds: 2.5 }
/** A contender whose first step takes longer than this is timed on two steps after one of warm-up. */
const slowMs = 5000

/** Sorted-sample quantile. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return (
    (sorted[low] as number) + (at - low) * ((sorted[Math.min(low + 1, sorted.length - 1)] as number) - (sorted[low] as number))
  )
}

/** Runs up to 100 steps as warm-up, then times steps for the seconds asked; prints the measurement. */
async function measure(contender: string, workload: Workload, trainer: Trainer, seconds: number): Promise<void> {
  const started = performance.now()
  const losses: number[] = []
  let i = 0
  while (i < warmUp.steps && (i < 1 || performance.now() - started < warmUp.seconds * 1000)) losses.push(await trainer.step(i++))
  const least = (performance.now() - started) / i > slowMs ? 2 : 5
  const faults = process.resourceUsage().minorPageFault
  const times: number[] = []
  const begun = performance.now()
  while (times.length < least || performance.now() - begun < seconds * 1000) {
    const before = performance.now()
    const loss = trainer.step(i++)
    if (loss instanceof Promise) await loss
    times.push(performance.now() - before)
  }
  const usage = process.resourceUsage()
  const result: Measurement = {
    contender,
    workload: workload.name,
    medianMs: quantile(times, 0.5),
    p10Ms: quantile(times, 0.1),
    p90Ms: quantile(times, 0.9),
    steps: times.length,
    firstLoss: losses[0] as number,
    lastLoss: losses[losses.length - 1] as number,
    lastStep: losses.length,
    minorFaultsPerStep: (usage.minorPageFault - faults) / times.length,
    peakMiB: usage.maxRSS / 1024,
    facts: { node: process.version, ...trainer.facts },
  }
  console.log(JSON.stringify(result))
}

/** The whole of a measured process: reads its arguments, builds the trainer, measures it. */
export async function contend(
  contender: string,
  build: (workload: Workload, data: BenchData, config: string) => Trainer | Promise<Trainer>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: 'string' },
      data: { type: 'string' },
      seconds: { type: 'string', default: '3' },
      config: { type: 'string', default: 'default' },
    },
  })
  const workload = workloadNamed(values.workload)
  const trainer = await build(workload, readData(workload, values.data ?? ''), values.config)
  await measure(contender, workload, trainer, Number(values.seconds))
}
