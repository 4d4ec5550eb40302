// What the machine can do and whether it is quiet: ceilings from peers/peak.cc, time stolen by the host.
// Invariant: every sample carries the canary taken just before it, so that a disturbed one can be told and dropped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './contenders.js'

/** Rates in GFLOP/s (float32 fused multiply-adds from registers) and GB/s. */
export interface Ceilings {
  oneThread: number
  allThreads: number
  read: number
}

const folder = path.join(root, '.cache/bench')
const program = path.join(folder, 'peak')

/** Compiles the program; undefined where there is no C++ compiler. */
function build(): boolean {
  if (existsSync(program)) return true
  mkdirSync(folder, { recursive: true })
  const flags = ['-O3', '-march=native', '-ffp-contract=fast', '-pthread', '-std=c++17']
  return spawnSync('c++', [...flags, path.join(root, 'bench/peers/peak.cc'), '-o', program], { stdio: 'inherit' }).status === 0
}

/** One reading of the ceilings, about 60 ms; with `read` also of memory. */
export function ceilings(read = false): Ceilings | undefined {
  if (!build()) return undefined
  const result = spawnSync(program, [String(os.availableParallelism()), ...(read ? ['read'] : [])], { encoding: 'utf8' })
  return result.status === 0 ? (JSON.parse(result.stdout) as Ceilings) : undefined
}

/** Fraction of processor time that the host took away since an earlier reading of `stealTicks`. */
export function stolen(since: [number, number]): number {
  const [steal, total] = stealTicks()
  return total > since[1] ? (steal - since[0]) / (total - since[1]) : 0
}

/** [steal, all] ticks so far; zeros where the system does not tell. */
export function stealTicks(): [number, number] {
  if (!existsSync('/proc/stat')) return [0, 0]
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number)
  return [ticks[7] ?? 0, ticks.reduce((sum, n) => sum + n, 0)]
}

export function describeMachine(): Record<string, string> {
  const cpus = os.cpus()
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown',
    processors: `${os.availableParallelism()} processors`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: os.type(),
    node: `Node ${process.version}`,
    date: new Date().toISOString().slice(0, 10),
  }
}
