// Runs the contenders' processes one after another and stores what they print. Invariant: contenders take turns within a round, and
// what is in the store already is not run again.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Contender, lacks, python, root } from './contenders.js'
import { writeData } from './datafile.js'
import { type Ceilings, ceilings, stealTicks, stolen } from './machine.js'
import type { Curve, Measurement } from './measure.js'
import type { Store } from './store.js'
import type { Workload } from './workloads.js'

export const folder = path.join(root, '.cache/bench')
/** A contender that has no figure by then is given up. */
const patienceMs = 45_000
/** Seconds for the comparison of a hundred losses, and how long after them a contender is given up. */
const comparison = { seconds: 120, slowSeconds: 40, patienceMs: 30_000 }

const dataFile = (workload: Workload): string => path.join(folder, `${workload.name}.safetensors`)

/** Writes the data files and the models for ONNX Runtime. */
export function prepare(tasks: readonly Workload[], field: readonly Contender[]): void {
  mkdirSync(folder, { recursive: true })
  for (const workload of tasks) writeData(workload, root, dataFile(workload))
  const wanted = tasks.filter(({ task }) => task === 'inference').map(dataFile)
  if (wanted.length === 0 || !field.some(({ family, missing }) => family === 'ONNX Runtime' && !missing) || lacks('onnx')) return
  const stale = wanted.filter((file) => {
    const model = file.replace(/safetensors$/, 'onnx')
    return !existsSync(model) || statSync(model).mtimeMs < statSync(path.join(root, 'bench/peers/onnx_models.py')).mtimeMs
  })
  if (stale.length === 0) return
  const result = spawnSync(python, [path.join(root, 'bench/peers/onnx_models.py'), ...stale], { encoding: 'utf8' })
  if (result.status !== 0)
    console.error(`the ONNX models could not be made:\n${result.stderr.trim().split('\n').slice(-3).join('\n')}`)
}

/** One thing to run: a round (1 and up) or the comparison of losses and outputs (0). */
export interface Piece {
  round: number
  workload: Workload
  contender: Contender
}

/** What there is to run, in order, from round `first` (0 is the comparison) to the last. */
export function piecesOf(tasks: readonly Workload[], field: readonly Contender[], first: number, last: number): Piece[] {
  const all = Array.from({ length: last - first + 1 }, (_, i) =>
    tasks.flatMap((workload) => field.map((contender) => ({ round: first + i, workload, contender }))),
  ).flat()
  const able = all.filter(({ contender, workload }) => !contender.missing && !contender.cannot?.(workload))
  return able.filter(({ round, contender }) => round > 0 || !contender.ownMathematics)
}

/** Has compilers fill their caches, so that a measured process does not spend its patience on them. */
export function warm(pieces: readonly Piece[]): void {
  for (const { workload, contender } of pieces.filter(
    ({ round, contender: { env } }) => round === 1 && env?.TORCHINDUCTOR_CACHE_DIR,
  )) {
    const [program, ...args] = contender.command as [string, ...string[]]
    console.log(`compiling ${workload.name} for ${contender.name}`)
    const about = ['--workload', workload.name, '--data', dataFile(workload), '--seconds', '0']
    spawnSync(program, [...args, ...about], {
      cwd: root,
      env: { ...process.env, ...contender.env },
      stdio: 'ignore',
      timeout: 600_000,
    })
  }
}

export class Sampler {
  constructor(
    private readonly store: Store,
    private readonly seconds: number,
    /** When to stop, in milliseconds since the start of the process. */
    private readonly deadline: number,
  ) {
    const all = ceilings(true)
    if (all) store.seen(all)
  }

  /** The multiply-add rate of all threads now, the lesser of pure and mixed, as a fraction of the best seen. */
  private quietness(): number {
    const now: Ceilings | undefined = ceilings()
    return now ? Math.min(now.allThreads, now.mixed) / this.store.seen(now).allThreads : 1
  }

  /** Waits a little for a quiet moment. */
  private async quietMoment(): Promise<number> {
    let quiet = this.quietness()
    for (let i = 0; i < 3 && quiet < 0.9; i++) {
      await wait(500)
      quiet = this.quietness()
    }
    return quiet
  }

  /** Runs a piece that is not in the store yet; false once time is up. */
  async run({ round, workload, contender }: Piece): Promise<boolean> {
    if (this.store.has(round, workload.name, contender.name)) return true
    const before = round > 0 ? await this.quietMoment() : 1
    const compared = contender.slow ? comparison.slowSeconds : comparison.seconds
    const patience = round > 0 ? patienceMs : 1000 * compared + comparison.patienceMs
    const left = Math.floor(Math.min(patience, this.deadline - performance.now()))
    if (left < 1000) return false
    const ticks = stealTicks()
    const [program, ...args] = contender.command as [string, ...string[]]
    const about = ['--workload', workload.name, '--contender', contender.name, '--data', dataFile(workload)]
    const how = round > 0 ? ['--seconds', String(this.seconds)] : ['--check', '--seconds', String(compared)]
    const result = spawnSync(program, [...args, ...about, ...how], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...contender.env },
      timeout: left,
      maxBuffer: 2 ** 26,
    })
    if (result.signal && left < patience) return false
    const key = { round, workload: workload.name, contender: contender.name }
    const line = result.stdout.trim().split('\n').at(-1) ?? ''
    if (result.signal || result.status !== 0 || !line.startsWith('{')) {
      const why = result.stderr.trim().split('\n').filter(Boolean).at(-1) ?? 'it failed'
      const failed = result.signal ? `no figure within ${patience / 1000} s` : why.slice(0, 200)
      this.store.add({ ...key, failed })
      console.error(`${contender.name} on ${workload.name}: ${failed}`)
    } else if (round === 0) this.store.add({ ...key, curve: (JSON.parse(line) as Curve).curve })
    else {
      const sample = {
        ...(JSON.parse(line) as Measurement),
        round,
        quiet: Math.min(before, this.quietness()),
        steal: stolen(ticks),
      }
      this.store.add({ ...key, sample })
      const what = `${contender.name} ${workload.name}`.padEnd(38)
      console.log(`round ${round}  ${what} ${sample.medianMs.toFixed(4).padStart(11)} ms  quiet ${sample.quiet.toFixed(2)}`)
    }
    return true
  }
}
