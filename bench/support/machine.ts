// What the machine can do and whether it is quiet: ceilings from peers/peak.cc, time stolen by the host.
// Invariant: every sample carries the canary taken just before it, so that a disturbed one can be told and dropped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './contenders.js'

/** Rates of float32 fused multiply-adds from registers in GFLOP/s, and of reading in GB/s with all threads. */
export interface Ceilings {
  oneThread: number
  allThreads: number
  /** Of all threads with another instruction beside each multiply-add: falls when a neighbour uses the same core. */
  mixed: number
  /** Of data of the sizes in `readBytes`. */
  read?: number[]
}

/** What the rates of reading are measured on, in all threads together: first-level caches, shared cache, memory. */
export const readBytes = [128 * 2 ** 10, 8 * 2 ** 20, 256 * 2 ** 20]

/** Compiles a C++ program of bench/peers where it is stale; undefined where there is no C++ compiler. */
export function compilePeer(name: string, flags: readonly string[]): string | undefined {
  const source = path.join(root, `bench/peers/${name}.cc`)
  const program = path.join(root, '.cache/bench', name)
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program
  mkdirSync(path.dirname(program), { recursive: true })
  const compiled = spawnSync('c++', ['-std=c++17', source, '-o', program, ...flags], { stdio: 'inherit' })
  return compiled.status === 0 ? program : undefined
}

/** One reading of the ceilings, about 60 ms; with `read` also of memory. */
export function ceilings(read = false): Ceilings | undefined {
  const program = compilePeer('peak', ['-O3', '-march=native', '-ffp-contract=fast', '-pthread'])
  if (!program) return undefined
  const sizes = read ? readBytes.map(String) : []
  const result = spawnSync(program, [String(os.availableParallelism()), ...sizes], { encoding: 'utf8' })
  return result.status === 0 ? (JSON.parse(result.stdout) as Ceilings) : undefined
}

/** GB/s at which `bytes` can be read at best: from the smallest level that holds them. */
export function readRate({ read }: Ceilings, bytes: number): number | undefined {
  const level = readBytes.findIndex((size) => bytes <= size)
  return read?.[level < 0 ? readBytes.length - 1 : level]
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
