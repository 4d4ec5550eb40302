// Turns the samples of a run into figures. Invariant: a figure is the median of rounds with its least and greatest beside it, a ratio is
// taken within a round; nothing is a best-of.
import type { Contender } from './contenders.js'
import { type Ceilings, readRate } from './machine.js'
import { type Curve, quantile } from './measure.js'
import type { Sample } from './store.js'
import type { Workload } from './workloads.js'

/** Below this fraction of the best multiply-add rate the machine was busy with something else, and the sample is dropped. */
export const quietEnough = 0.85

/**
 * Losses that are compared as `early`, and the difference from which on they are another formula's. Measured on these workloads: roundings
 * differ by up to 1e-4 (ResNet-20; 1e-6 elsewhere), the place of Adam's epsilon by 3.5e-4, a momentum left out or another decay by 5e-3 to 0.4.
 */
export const [earlySteps, earlyBound] = [5, 1e-3]

export interface Figure {
  median: number
  least: number
  most: number
}

export interface Row {
  contender: string
  family: string
  samples: number
  dropped: number
  ms: Figure
  /** Step time over ours, within rounds; > 1: ours is faster. */
  ratio?: Figure
  gflops: number
  /** Of the machine's multiply-add rate with all threads. */
  peak?: number
  /** Step time over that of `steepest repeated`, within rounds; of workloads that it takes part in. */
  toRepeated?: Figure
  /**
   * Largest difference from our losses (as a fraction of the first) or outputs (of the largest), and over how many of them; of the first
   * losses alone, before roundings have grown, what tells mathematics that is not the same.
   */
  differs?: { most: number; over: number; early: number }
  faults: number
  facts: Record<string, string | number>
}

/** The least time a step can take: arithmetic by the definition and with Winograd's algorithm, memory traffic. */
export interface Floor {
  arithmeticMs: number
  winogradMs: number
  trafficMs: number
}

export function floorOf({ flops, winogradFlops, bytes }: Workload, ceilings: Ceilings): Floor {
  const rate = ceilings.allThreads * 1e6
  const read = readRate(ceilings, bytes)
  return { arithmeticMs: flops / rate, winogradMs: winogradFlops / rate, trafficMs: read ? bytes / read / 1e6 : 0 }
}

function figure(values: readonly number[]): Figure {
  return { median: quantile(values, 0.5), least: Math.min(...values), most: Math.max(...values) }
}

const quietOnes = (samples: readonly Sample[]): Sample[] => {
  const quiet = samples.filter((sample) => sample.quiet >= quietEnough)
  return quiet.length > 0 ? quiet : [...samples]
}

function difference(workload: Workload, ours: Curve | undefined, theirs: Curve | undefined): Row['differs'] {
  if (!ours || !theirs) return undefined
  const over = Math.min(ours.curve.length, theirs.curve.length)
  const gaps = ours.curve.slice(0, over).map((value, i) => Math.abs(value - (theirs.curve[i] as number)))
  const scale = workload.task === 'training' ? ours.curve[0] : Math.max(...ours.curve.map(Math.abs))
  const most = (of: readonly number[]): number => Math.max(...of) / (scale ?? 1)
  return { most: most(gaps), over, early: most(workload.task === 'training' ? gaps.slice(0, earlySteps) : gaps) }
}

/** Milliseconds by round. */
type Rounds = ReadonlyMap<number, number>

/** Step times over those of another contender, within rounds. */
function ratiosTo(other: Rounds, kept: readonly Sample[]): Figure | undefined {
  const ratios = kept
    .filter(({ round }) => other.has(round))
    .map(({ round, medianMs }) => medianMs / (other.get(round) as number))
  return ratios.length > 0 ? figure(ratios) : undefined
}

interface Ours {
  step: Rounds
  repeated: Rounds
}

function row(contender: Contender, samples: Sample[], ours: Ours, workload: Workload, ceilings?: Ceilings): Row {
  const kept = quietOnes(samples)
  const ms = figure(kept.map((sample) => sample.medianMs))
  const [ratio, toRepeated] = [ratiosTo(ours.step, kept), ratiosTo(ours.repeated, kept)]
  const gflops = workload.flops / ms.median / 1e6
  return {
    contender: contender.name,
    family: contender.family,
    samples: kept.length,
    dropped: samples.filter((sample) => sample.quiet < quietEnough).length,
    ms,
    ...(ratio ? { ratio } : {}),
    ...(toRepeated ? { toRepeated } : {}),
    gflops,
    ...(ceilings ? { peak: gflops / ceilings.allThreads } : {}),
    faults: quantile(
      kept.map((sample) => sample.minorFaultsPerStep),
      0.5,
    ),
    facts: (kept.at(-1) as Sample).facts,
  }
}

/** The rows of one workload, in the order of the contenders; the first is the one that ratios are taken to. */
export function rowsOf(
  workload: Workload,
  field: readonly Contender[],
  samples: readonly Sample[],
  curves: readonly Curve[],
  ceilings?: Ceilings,
): Row[] {
  const of = (name: string): Sample[] => samples.filter((s) => s.workload === workload.name && s.contender === name)
  const curve = (name: string): Curve | undefined => curves.find((c) => c.workload === workload.name && c.contender === name)
  const roundsOf = (name: string): Rounds => new Map(quietOnes(of(name)).map((sample) => [sample.round, sample.medianMs]))
  const ours = { step: roundsOf('steepest'), repeated: roundsOf('steepest repeated') }
  return field.flatMap((contender) => {
    const list = of(contender.name)
    if (list.length === 0) return []
    const differs = contender.ownMathematics ? undefined : difference(workload, curve('steepest'), curve(contender.name))
    return [{ ...row(contender, list, ours, workload, ceilings), ...(differs ? { differs } : {}) }]
  })
}
