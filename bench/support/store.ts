// The samples taken so far, one JSON line each, so that a run can stop and go on, or be split. Invariant: lines are only appended;
// what a line is about stands in its key, and a key is measured once.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Ceilings } from './machine.js'
import type { Curve, Measurement } from './measure.js'

/** One process: its measurement, and how quiet the machine was around it. */
export interface Sample extends Measurement {
  round: number
  /** Multiply-add rate of all threads just before and after, alone or with other instructions between, as a fraction of the best. */
  quiet: number
  /** Fraction of processor time stolen by the host. */
  steal: number
}

/** Round 0 is the comparison of losses and outputs. */
interface Line {
  round: number
  workload: string
  contender: string
  sample?: Sample
  curve?: number[]
  /** Why there is no figure. */
  failed?: string
}

export class Store {
  private readonly lines: Line[] = []
  private best: Ceilings | undefined

  constructor(private readonly file: string) {
    if (!existsSync(file)) return
    for (const text of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const entry = JSON.parse(text) as Line | { ceilings: Ceilings }
      if ('ceilings' in entry) this.best = entry.ceilings
      else this.lines.push(entry)
    }
  }

  /** Forgets what was measured of these workloads and contenders. */
  forget(workloads: ReadonlySet<string>, contenders: ReadonlySet<string>): void {
    const kept = this.lines.filter((line) => !workloads.has(line.workload) || !contenders.has(line.contender))
    this.lines.splice(0, this.lines.length, ...kept)
    const all = [...(this.best ? [{ ceilings: this.best }] : []), ...kept]
    writeFileSync(this.file, all.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }

  private append(line: Line | { ceilings: Ceilings }): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
  }

  add(line: Line): void {
    this.lines.push(line)
    this.append(line)
  }

  /** Whether this is measured, or was given up, or is too slow to be asked twice. */
  has(round: number, workload: string, contender: string): boolean {
    const about = this.lines.filter((line) => line.workload === workload && line.contender === contender)
    if (about.some((line) => line.round === round)) return true
    const tried = about.filter((line) => line.round > 0)
    return round > 0 && tried.some(({ failed, sample }) => failed !== undefined || (sample?.medianMs ?? 0) > 2000)
  }

  get samples(): Sample[] {
    return this.lines.flatMap(({ sample }) => (sample ? [sample] : []))
  }

  get curves(): Curve[] {
    return this.lines.flatMap(({ workload, contender, curve }) => (curve ? [{ workload, contender, curve }] : []))
  }

  /** Why a contender has no figure. */
  failure(workload: string, contender: string): string | undefined {
    const about = this.lines.filter((line) => line.workload === workload && line.contender === contender)
    return about.find(({ round, failed }) => round > 0 && failed)?.failed
  }

  get ceilings(): Ceilings | undefined {
    return this.best
  }

  /** Keeps the best of what was seen. */
  seen(now: Ceilings): Ceilings {
    const before = this.best
    const read =
      now.read && before?.read ? now.read.map((rate, i) => Math.max(rate, before.read?.[i] ?? 0)) : (now.read ?? before?.read)
    const best: Ceilings = {
      oneThread: Math.max(now.oneThread, before?.oneThread ?? 0),
      allThreads: Math.max(now.allThreads, before?.allThreads ?? 0),
      mixed: Math.max(now.mixed, before?.mixed ?? 0),
      ...(read ? { read } : {}),
    }
    if (JSON.stringify(best) !== JSON.stringify(before)) this.append({ ceilings: best })
    this.best = best
    return best
  }
}
