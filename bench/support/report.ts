// The results of a run as data and as docs/benchmarks.md. Invariant: nothing stands on the page that is not in the data.
import type { Contender } from './contenders.js'
import { earlyBound, earlySteps, type Figure, type Floor, floorOf, type Row, rowsOf } from './figures.js'
import { type Ceilings, describeMachine, readBytes } from './machine.js'
import { type Profile, profileLines, readProfiles } from './profile-page.js'
import type { Store } from './store.js'
import { ratioOf, reasons, rival, shortfalls, type Target, targets } from './targets.js'
import type { Workload } from './workloads.js'

export interface WorkloadResult {
  name: string
  about: string
  task: string
  flops: number
  bytes: number
  floor?: Floor
  rows: Row[]
  profile?: Profile
  /** Contenders without a figure, with the reason. */
  absent: Record<string, string>
}

export interface Results {
  machine: Record<string, string | number>
  ceilings?: Ceilings
  rounds: number
  secondsPerSample: number
  contenders: { name: string; about: string; missing?: string }[]
  workloads: WorkloadResult[]
}

function absences(workload: Workload, field: readonly Contender[], store: Store): Record<string, string> {
  const reason = (contender: Contender): string | undefined =>
    contender.cannot?.(workload) ?? store.failure(workload.name, contender.name)
  return Object.fromEntries(
    field.flatMap((c) => (!c.missing && c.name !== 'steepest repeated' && reason(c) ? [[c.name, reason(c) as string]] : [])),
  )
}

export function resultsOf(
  tasks: readonly Workload[],
  field: readonly Contender[],
  store: Store,
  secondsPerSample: number,
): Results {
  const { ceilings, samples, curves } = store
  const profiles = new Map(readProfiles().map((profile) => [profile.workload, profile]))
  const one = (workload: Workload): WorkloadResult => ({
    name: workload.name,
    about: workload.about,
    task: workload.task,
    flops: workload.flops,
    bytes: workload.bytes,
    ...(ceilings?.read ? { floor: floorOf(workload, ceilings) } : {}),
    rows: rowsOf(workload, field, samples, curves, ceilings),
    ...(profiles.has(workload.name) ? { profile: profiles.get(workload.name) as Profile } : {}),
    absent: absences(workload, field, store),
  })
  return {
    machine: describeMachine(),
    ...(ceilings ? { ceilings } : {}),
    rounds: Math.max(0, ...samples.map(({ round }) => round)),
    secondsPerSample,
    contenders: field.map(({ name, about, missing }) => ({ name, about, ...(missing ? { missing } : {}) })),
    workloads: tasks.map(one).filter(({ rows }) => rows.length > 0),
  }
}

const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value >= 0.01 ? value.toFixed(3) : value.toPrecision(2)
const range = ({ median, least, most }: Figure): string =>
  number(least) === number(most) ? number(median) : `${number(median)} (${number(least)}–${number(most)})`

/** Whether a contender computes what we do, as far as it was compared. NaN does not agree. */
const agrees = ({ differs }: Row): boolean => !differs || differs.early < earlyBound

/** The contenders that compute something else, each as a line. */
export function disagreements({ workloads }: Results): string[] {
  return workloads.flatMap(({ name, rows }) =>
    rows
      .filter((row) => !agrees(row))
      .map(
        ({ contender, differs }) =>
          `${contender} on ${name} differs by ${differs?.early.toExponential(1)} from ours: at most ${earlyBound} is rounding`,
      ),
  )
}

/** What the comparison of losses found, for the page. */
function comparisonLines(results: Results): string[] {
  const compared = results.workloads.flatMap(({ name, rows }) => rows.map((row) => ({ name, ...row })))
  const early = compared.flatMap(({ name, contender, differs }) => (differs ? [{ name, contender, early: differs.early }] : []))
  const farthest = early.filter((one) => !Number.isNaN(one.early)).sort((a, b) => b.early - a.early)[0]
  if (!farthest) return []
  const broken = disagreements(results)
  const most = `the most is ${farthest.early.toExponential(1)}, ${farthest.contender} on ${farthest.name}`
  const verdict = broken.length > 0 ? ['**Broken:**', '', ...broken.map((line) => `- ${line}.`)] : [`Held everywhere: ${most}.`]
  return [
    '',
    '## The same mathematics',
    '',
    `The first ${earlySteps} losses of training, and all outputs of inference, may differ from ours by less than ${earlyBound} of the first loss or the largest`,
    'output: roundings do, another formula does not. Dropout is left out for this comparison.',
    '',
    ...verdict,
  ]
}

function tableOf(rows: readonly Row[]): string[] {
  const head = [
    '| contender | ms a step | × ours | GFLOP/s | of peak | page faults a step | differs by |',
    '|---|---|---|---|---|---|---|',
  ]
  const lines = rows.map((row) => {
    const peak = row.peak === undefined ? '' : `${(100 * row.peak).toFixed(1)} %`
    const dropped = row.dropped > 0 ? `, ${row.dropped} disturbed` : ''
    const cells = [`${row.contender}${dropped}`, range(row.ms), row.ratio ? range(row.ratio) : '', number(row.gflops), peak]
    const differs = row.differs
      ? `${row.differs.most.toExponential(0)} over ${row.differs.over}${agrees(row) ? '' : ', **other mathematics**'}`
      : ''
    return `| ${[...cells, row.faults < 0.005 ? '0' : number(row.faults), differs].join(' | ')} |`
  })
  return [...head, ...lines]
}

function sectionOf({ name, about, flops, bytes, floor, rows, absent, task, profile }: WorkloadResult): string[] {
  const step = task === 'training' ? 'step' : 'pass'
  const floors = floor
    ? `: not under ${number(Math.max(floor.arithmeticMs, floor.trafficMs))} ms here (arithmetic ${number(floor.arithmeticMs)}, with Winograd's shortcuts ${number(floor.winogradMs)}, traffic ${number(floor.trafficMs)})`
    : ''
  const work = `${number(flops / 1e9)} GFLOP and at least ${number(bytes / 1e6)} MB a ${step}${floors}.`
  const left = Object.entries(absent).map(([who, why]) => `- ${who} takes no part: ${why}.`)
  const table = [...tableOf(rows), ...(left.length > 0 ? ['', ...left] : [])]
  return ['', `## ${name}`, '', `${about}. ${work}`, '', ...table, ...(profile ? profileLines(profile) : [])]
}

/** A target beside what was measured of one of its workloads. */
interface Outcome {
  target: Target
  workload: WorkloadResult
  row: Row
  ratio: Figure
  ours: string
}

function outcomesOf(workloads: readonly WorkloadResult[]): Outcome[] {
  return targets.flatMap((target) =>
    target.workloads.flatMap((name) => {
      const workload = workloads.find((one) => one.name === name)
      const row = workload && rival(workload.rows, target.against)
      const counts = row && ratioOf(target, row)
      return counts ? [{ target, workload, row, ...counts }] : []
    }),
  )
}

const reached = ({ target, ratio }: Outcome): boolean => ratio.median >= target.ratio

function outcomeLine(outcome: Outcome): string {
  const { target, workload, row, ratio, ours } = outcome
  const least = workload.floor && Math.max(workload.floor.winogradMs, workload.floor.trafficMs)
  const best = least ? number(row.ms.median / least) : ''
  const name = `${workload.name}${target.repeated ? ` (${ours})` : ''}`
  return `| ${name} | ${row.contender} | ${target.ratio} | ${range(ratio)} | ${best} | ${reached(outcome) ? 'reached' : 'not reached'} |`
}

/** Why a target is not reached, where it is known. */
function shortfallLines(outcomes: readonly Outcome[], ceilings: Ceilings | undefined): string[] {
  const lines = outcomes
    .filter((outcome) => !reached(outcome))
    .flatMap(({ target, workload, row }) => {
      const why = shortfalls[`${workload.name} ${target.against}`]
      if (!why || !ceilings) return []
      const { flops, profile } = workload
      return [`- ${workload.name} beside ${row.contender}: ${why({ flops, profile, target: target.ratio, row, ceilings })}.`]
    })
  return lines.length > 0 ? ['', ...lines] : []
}

function targetLines({ workloads, ceilings }: Results): string[] {
  const outcomes = outcomesOf(workloads)
  const head = ['| workload | beside | at least | here | at the floor | |', '|---|---|---|---|---|---|']
  const about =
    'Time of the fastest configuration of the peer over ours; at the floor: over the least time that the arithmetic (with Winograd) and the ' +
    'traffic can take at the ceilings above. Of steps of microseconds the faster of ours counts, one by one or many for each wake-up of JavaScript.'
  return ['', '## Targets', '', about, '', ...head, ...outcomes.map(outcomeLine), ...shortfallLines(outcomes, ceilings)]
}

function aheadLines(workloads: readonly WorkloadResult[]): string[] {
  const ahead = workloads.flatMap(({ name, rows }) =>
    rows
      .filter(({ family, ratio }) => family !== 'steepest' && ratio && ratio.median < 1)
      .map(({ contender, family, ratio }) => {
        const why = reasons[`${name} ${family}`] ?? 'no reason known yet'
        return `- ${contender} on ${name}, in ${range(ratio as Figure)} of our time: ${why}.`
      }),
  )
  return ['', '## Where a peer is ahead', '', ...(ahead.length > 0 ? ahead : ['Nowhere in these tables.'])]
}

function contenderLines({ contenders, workloads }: Results): string[] {
  const facts = new Map(workloads.flatMap(({ rows }) => rows.map((row) => [row.contender, row.facts] as const)))
  return contenders.map(({ name, about, missing }) => {
    const run = facts.get(name)
    const shown = run
      ? Object.entries(run).map(([key, value]) => `${key} ${value}`)
      : [missing ? `left out: ${missing}` : 'not run']
    return `| ${name} | ${about} | ${shown.join(', ')} |`
  })
}

function ceilingLine(ceilings: Ceilings | undefined): string {
  if (!ceilings) return 'No C++ compiler: the ceilings of the machine were not measured.'
  const reads = ceilings.read?.map((rate, i) => `${number(rate)} GB/s from ${(readBytes[i] as number) / 2 ** 20} MiB`) ?? []
  return `Ceilings measured here: ${number(ceilings.allThreads)} GFLOP/s of float32 multiply-adds with all threads (${number(ceilings.oneThread)} with one); reading with all threads ${reads.join(', ')}.`
}

/** docs/benchmarks.md. */
export function markdown(results: Results): string {
  const { machine, ceilings, workloads, rounds, secondsPerSample } = results
  const lines = [
    '# Benchmarks',
    '',
    'Time of one training step (forward, backward, update, loss read) or one forward pass (outputs read), written by `npm run bench`.',
    `Every figure is the median over at most ${rounds} round${rounds === 1 ? '' : 's'} of the median step of ${secondsPerSample} s, each in a process of its own, contenders taking`,
    'turns; least and greatest round in brackets. Slow contenders (a step over 2 s) take part in the first round only.',
    '',
    `Machine: ${Object.values(machine).join(', ')}.`,
    ceilingLine(ceilings),
    '',
    '![Times of the peers as multiples of ours](benchmarks.svg)',
    ...targetLines(results),
    ...aheadLines(workloads),
    ...comparisonLines(results),
    '',
    '## Contenders',
    '',
    '| contender | what it is | run with |',
    '|---|---|---|',
    ...contenderLines(results),
    ...workloads.flatMap(sectionOf),
    '',
    '## How to read this',
    '',
    ...limits,
  ]
  return `${lines.join('\n')}\n`
}

const limits = [
  '- Everyone starts from the same weights and works on the same batches, already in memory as float32.',
  '- `differs by`: the largest difference from our loss over the first steps, as a fraction of the first loss, dropout left out; for',
  '  inference the largest difference of an output, as a fraction of the largest. float32 sums in another order drift apart with the steps.',
  '  Over the first five it is held to a bound: there roundings make up to 1e-4, a momentum left out or another decay 5e-3 to 0.4.',
  '- GFLOP/s count the multiplications and additions of the definition; an algorithm that needs fewer (Winograd) can exceed the peak.',
  '- A sample is dropped when the machine gave less than 85 % of its best multiply-add rate before or after it',
  '  (`disturbed`), pure or mixed with other instructions, which is what a neighbour on the same core slows.',
  '- Two processors with unknown neighbours: ratios within this table mean more than single figures, and other machines differ.',
  '- RMSprop adds its epsilon outside the root in PyTorch, inside in all others: it is the square there, which leaves a difference of 2e-4.',
  '- Adam adds its epsilon to the corrected root in PyTorch and TensorFlow.js, to the root itself in all others: up to 3.5e-4.',
  "- PyTorch cannot pad after the image alone, as Keras's strided convolutions do: two of ResNet-20's 21 convolutions pad in a step of their own.",
  '- TensorFlow.js has a native binding too (tfjs-node); it is not measured here.',
]
