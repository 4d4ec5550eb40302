// The loop every contender written in JavaScript is run by: timed steps, or the curve of its losses (outputs) for comparison.
// Invariant: same warm-up, same clock, one JSON line as the result; bench/peers/common.py does the same in Python.
import { parseArgs } from 'node:util'
import { type BenchData, readData } from './datafile.js'
import { type Workload, workloadNamed } from './workloads.js'

/** What a step gives: the loss of training, the outputs of inference. */
export type StepResult = number | Float32Array

/** A contender ready to run: `step(i)` runs one step on batch i, from JavaScript to JavaScript. */
export interface Runner {
  step(i: number): StepResult | Promise<StepResult>
  /** Steps that one call of `step` makes (many per wake-up); default 1. */
  stepsPerCall?: number
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
  minorFaultsPerStep: number
  peakMiB: number
  facts: Record<string, string | number>
}

/** Losses of consecutive steps without dropout (training), or the outputs for batch 0 (inference). */
export interface Curve {
  contender: string
  workload: string
  curve: number[]
}

const warmUp = { steps: 100, seconds: 1 }
/** A contender whose first step takes longer than this is timed on two steps after one of warm-up. */
const slowMs = 5000
/** Shorter steps are timed in groups of this length. */
const groupMs = 0.2
/** Steps of one curve, which ends early after the seconds asked. */
const checkedSteps = 100

/** Sorted-sample quantile. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return (
    (sorted[low] as number) + (at - low) * ((sorted[Math.min(low + 1, sorted.length - 1)] as number) - (sorted[low] as number))
  )
}

/** Runs up to 100 calls as warm-up, then times calls for the seconds asked. */
async function measure(contender: string, workload: Workload, runner: Runner, seconds: number): Promise<Measurement> {
  const started = performance.now()
  let i = 0
  while (i < 1 || (i < warmUp.steps && performance.now() - started < warmUp.seconds * 1000)) await runner.step(i++)
  const least = (performance.now() - started) / i > slowMs ? 2 : 5
  const before = performance.now()
  await runner.step(i++)
  const group = Math.max(1, Math.ceil(groupMs / (performance.now() - before)))
  const faults = process.resourceUsage().minorPageFault
  const times: number[] = []
  const begun = performance.now()
  const perCall = runner.stepsPerCall ?? 1
  while (times.length < least || performance.now() - begun < seconds * 1000) {
    const start = performance.now()
    for (let k = 0; k < group; k++) {
      const result = runner.step(i++)
      if (result instanceof Promise) await result
    }
    times.push((performance.now() - start) / (group * perCall))
  }
  const usage = process.resourceUsage()
  const steps = times.length * group * perCall
  return {
    contender,
    workload: workload.name,
    medianMs: quantile(times, 0.5),
    p10Ms: quantile(times, 0.1),
    p90Ms: quantile(times, 0.9),
    steps,
    minorFaultsPerStep: (usage.minorPageFault - faults) / steps,
    peakMiB: usage.maxRSS / 1024,
    facts: { node: process.version, ...runner.facts },
  }
}

async function follow(contender: string, workload: Workload, runner: Runner, seconds: number): Promise<Curve> {
  const curve: number[] = []
  const started = performance.now()
  for (let i = 0; i < checkedSteps && performance.now() - started < seconds * 1000; i++) {
    const result = await runner.step(i)
    if (typeof result !== 'number') return { contender, workload: workload.name, curve: [...result] }
    curve.push(result)
  }
  return { contender, workload: workload.name, curve }
}

function withoutDropout(workload: Workload): Workload {
  return { ...workload, layers: workload.layers.filter(({ kind }) => kind !== 'dropout') }
}

/** The whole of a measured process: reads its arguments, builds the runner, measures or follows it. */
export async function contend(
  build: (workload: Workload, data: BenchData, config: string, file: string) => Runner | Promise<Runner>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: 'string' },
      contender: { type: 'string', default: '' },
      data: { type: 'string', default: '' },
      seconds: { type: 'string', default: '3' },
      config: { type: 'string', default: 'default' },
      check: { type: 'boolean', default: false },
    },
  })
  const named = workloadNamed(values.workload)
  const workload = values.check ? withoutDropout(named) : named
  const runner = await build(workload, readData(workload, values.data), values.config, values.data)
  const { contender } = values
  const run = values.check ? follow : measure
  const result = await run(contender, workload, runner, Number(values.seconds))
  console.log(JSON.stringify(result))
}
