// The part of docs/benchmarks.md that shows where the time of a step goes, from what `bench profile --write` kept.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './contenders.js'
import { type OperationTime, ratesOf } from './row-times.js'

export interface Profile {
  workload: string
  /** GFLOP/s of all threads when it was taken. */
  peakGflops?: number
  operations: OperationTime[]
}

export const profileFile = path.join(root, 'bench/results/profile.json')

/** All that were kept; none where no file is. */
export function readProfiles(): Profile[] {
  return existsSync(profileFile) ? (JSON.parse(readFileSync(profileFile, 'utf8')) as Profile[]) : []
}

/** Operations under this part of a step are left out of the page. */
const leastShare = 0.01

/** A table of the operations that take the most time. */
export function profileLines({ operations, peakGflops }: Profile): string[] {
  const all = operations.reduce((sum, { microseconds }) => sum + microseconds, 0)
  const lines = operations
    .filter(({ microseconds }) => microseconds >= leastShare * all)
    .map((row) => {
      const { share, ofPeak, gigabytes } = ratesOf(row, all, peakGflops)
      return `| ${row.operation} | ${row.kernel} | ${row.rows} | ${row.microseconds.toFixed(1)} | ${share} | ${ofPeak} | ${gigabytes} |`
    })
  const head = ['| operation | kernel | rows | µs | of the step | of peak | GB/s |', '|---|---|---|---|---|---|---|']
  return ['', `Where our ${all.toFixed(0)} µs in rows go (\`npm run bench profile\`):`, '', ...head, ...lines]
}
