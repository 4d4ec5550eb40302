// Turns the samples of a run into figures, and the figures into docs/benchmarks.md.
// Invariant: a figure is the median of rounds with its least and greatest beside it, a ratio is taken within a round; nothing is a best-of.
import type { Contender } from './contenders.js'
import type { Ceilings } from './machine.js'
import { type Measurement, quantile } from './measure.js'
import type { Workload } from './workloads.js'

/** One process: its measurement, and how quiet the machine was around it. */
export interface Sample extends Measurement {
  round: number
  /** Multiply-add rate of all threads just before and after, as a fraction of the run's best. */
  quiet: number
  /** Fraction of processor time stolen by the host. */
  steal: number
}

/** Below this fraction of the best multiply-add rate the machine was busy with something else, and the sample is dropped. */
export const quietEnough = 0.85

export interface Figure {
  median: number
  least: number
  most: number
}

export interface Row {
  contender: string
  samples: number
  dropped: number
  ms: Figure
  /** Step time over ours, within rounds; > 1: ours is faster. */
  ratio?: Figure
  gflops: number
  /** Of the machine's multiply-add rate with all threads. */
  peak?: number
  firstLoss: number
  lastLoss: number
  lastStep: number
  faults: number
  facts: Record<string, string | number>
}

export interface Results {
  machine: Record<string, string | number>
  ceilings?: Ceilings
  rounds: number
  secondsPerSample: number
  contenders: { name: string; about: string; missing?: string }[]
  workloads: {
    name: string
    about: string
    flops: number
    bytes: number
    floorMs?: number
    rows: Row[]
    cannot: Record<string, string>
  }[]
}

function figure(values: readonly number[]): Figure {
  return { median: quantile(values, 0.5), least: Math.min(...values), most: Math.max(...values) }
}

function row(samples: Sample[], ours: Map<number, number>, workload: Workload, ceilings: Ceilings | undefined): Row {
  const quiet = samples.filter((sample) => sample.quiet >= quietEnough)
  const kept = quiet.length > 0 ? quiet : samples
  const ms = figure(kept.map((sample) => sample.medianMs))
  const ratios = kept.filter(({ round }) => ours.has(round)).map(({ round, medianMs }) => medianMs / (ours.get(round) as number))
  const last = kept.at(-1) as Sample
  const gflops = workload.flops / ms.median / 1e6
  return {
    contender: last.contender,
    samples: kept.length,
    dropped: samples.length - quiet.length,
    ms,
    ...(ratios.length > 0 ? { ratio: figure(ratios) } : {}),
    gflops,
    ...(ceilings ? { peak: gflops / ceilings.allThreads } : {}),
    firstLoss: last.firstLoss,
    lastLoss: last.lastLoss,
    lastStep: last.lastStep,
    faults: quantile(
      kept.map((sample) => sample.minorFaultsPerStep),
      0.5,
    ),
    facts: last.facts,
  }
}

/** The rows of one workload, in the order of the contenders. */
export function rowsOf(workload: Workload, order: readonly Contender[], samples: readonly Sample[], ceilings?: Ceilings): Row[] {
  const of = (name: string): Sample[] => samples.filter((s) => s.workload === workload.name && s.contender === name)
  const oursQuiet = of('steepest').filter((sample) => sample.quiet >= quietEnough)
  const ours = new Map((oursQuiet.length > 0 ? oursQuiet : of('steepest')).map((sample) => [sample.round, sample.medianMs]))
  return order.map(({ name }) => of(name)).flatMap((list) => (list.length > 0 ? [row(list, ours, workload, ceilings)] : []))
}

/** The least time a step can take: its arithmetic at the machine's rate or its memory traffic at the read rate, whichever is longer. */
export function floorMs({ flops, bytes }: Workload, { allThreads, read }: Ceilings): number {
  return Math.max(flops / allThreads, bytes / read) / 1e6
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3))
const range = ({ median, least, most }: Figure): string =>
  least === most ? number(median) : `${number(median)} (${number(least)}–${number(most)})`

function tableOf(rows: readonly Row[]): string[] {
  const head = [
    '| contender | ms a step | × ours | GFLOP/s | of peak | page faults a step | loss at step |',
    '|---|---|---|---|---|---|---|',
  ]
  const lines = rows.map((r) => {
    const peak = r.peak === undefined ? '' : `${(100 * r.peak).toFixed(1)} %`
    const dropped = r.samples + r.dropped > 1 && r.dropped > 0 ? `, ${r.dropped} disturbed` : ''
    const cells = [`${r.contender}${dropped}`, range(r.ms), r.ratio ? range(r.ratio) : '', number(r.gflops), peak]
    return `| ${[...cells, number(r.faults), `${r.lastLoss.toFixed(4)} at ${r.lastStep}`].join(' | ')} |`
  })
  return [...head, ...lines]
}

/** docs/benchmarks.md. */
export function markdown(results: Results): string {
  const { machine, ceilings, contenders, workloads } = results
  const facts = new Map(workloads.flatMap(({ rows }) => rows.map((r) => [r.contender, r.facts] as const)))
  const lines = [
    '# Benchmarks',
    '',
    'Time of one training step (forward, backward, update, loss read), written by `npm run bench run`. Every figure is the median over',
    `${results.rounds} round${results.rounds === 1 ? '' : 's'} of the median step of ${results.secondsPerSample} s, each in a process of its own, contenders taking turns; least and`,
    'greatest round in brackets. Slow contenders (a step over 2 s) take part in the first round only.',
    '',
    `Machine: ${Object.values(machine).join(', ')}.`,
    ceilings
      ? `Ceilings measured here: ${number(ceilings.allThreads)} GFLOP/s of float32 multiply-adds with all threads (${number(ceilings.oneThread)} with one), ${number(ceilings.read)} GB/s reading memory.`
      : 'No C++ compiler: the ceilings of the machine were not measured.',
    '',
    '| contender | what it is | run with |',
    '|---|---|---|',
    ...contenders.map(({ name, about, missing }) => {
      const run = facts.get(name)
      const shown = run
        ? Object.entries(run).map(([key, value]) => `${key} ${value}`)
        : [missing ? `left out: ${missing}` : 'not run']
      return `| ${name} | ${about} | ${shown.join(', ')} |`
    }),
  ]
  for (const { name, about, flops, bytes, floorMs: floor, rows, cannot } of workloads) {
    lines.push('', `## ${name}`, '', `${about}. ${number(flops / 1e9)} GFLOP and at least ${number(bytes / 1e6)} MB a step`)
    lines[lines.length - 1] += floor === undefined ? '.' : `: not under ${number(floor)} ms here without Winograd's shortcuts.`
    lines.push('', ...tableOf(rows), ...Object.entries(cannot).map(([who, why]) => `\n${who} takes no part: ${why}.`))
  }
  lines.push('', '## How to read this', '', ...limits)
  return `${lines.join('\n')}\n`
}

const limits = [
  '- Everyone trains from the same weights on the same batches, already in memory as float32; losses agree where no dropout is involved.',
  '- GFLOP/s count the multiplications and additions of the definition; an algorithm that needs fewer (Winograd) can exceed the peak.',
  '- A sample is dropped when the machine gave less than 85 % of its best multiply-add rate before or after it (`disturbed`).',
  '- Two processors with unknown neighbours: ratios within this table mean more than single figures, and other machines differ.',
  '- RMSprop adds its epsilon inside the root in Keras, TensorFlow.js, plain JavaScript and here, outside it in PyTorch: a small difference in loss.',
  '- TensorFlow.js has a native binding too (tfjs-node); it is not measured here.',
]
