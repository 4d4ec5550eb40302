// How long each row of a recorded step takes, by the marks of the replay itself (STEEPEST_PROGRAM=profile), and rows of one operation together.
// Invariant: a time is the median over recordings of their means.
import path from 'node:path'
import * as st from 'steepest'
import { readData } from './datafile.js'
import { quantile } from './measure.js'
import { folder } from './sampling.js'
import { batchTensors, bodyOf } from './steps.js'
import type { Workload } from './workloads.js'

export interface RowTime {
  operation: string
  kernel: string
  outputs: string
  /** Of the tensors that the row names. */
  bytes: number
  /** By the definition, whatever the algorithm saves. */
  flops: number
  microseconds: number
}

/** Rows of one operation and kernel together. */
export interface OperationTime extends Omit<RowTime, 'outputs'> {
  rows: number
}

/** Recordings of the same step, timed in turns. */
const recordings = 5

/** The rows of a listing, cell by cell under the names of its columns. */
function cellsOf(listing: string): Map<string, string>[] {
  const [header, ...lines] = listing.split('\n').slice(1) as [string, ...string[]]
  const starts = [...header.matchAll(/\S+/g)].map((match) => match.index)
  return lines.map(
    (line) =>
      new Map(starts.map((start, i) => [header.slice(start, starts[i + 1]).trim(), line.slice(start, starts[i + 1]).trim()])),
  )
}

function rowOf(cells: Map<string, string>): RowTime {
  const cell = (name: string): string => cells.get(name) ?? ''
  return {
    operation: cell('operation'),
    kernel: cell('kernel'),
    outputs: cell('outputs'),
    bytes: Number(cell('bytes')),
    flops: Number(cell('flops')),
    microseconds: Number(cell('µs')),
  }
}

/** The rows of a workload's step in their order, from about as many runs in all as `calls`. */
export function rowTimes(workload: Workload, calls: number): RowTime[] {
  const data = readData(workload, path.join(folder, `${workload.name}.safetensors`))
  const body = bodyOf(workload, data)
  const batch = batchTensors(workload, data, 0)
  body(...batch) // the optimizer makes its moments, so that all recordings are alike
  // Another value of the first argument is another recording; all share one arena, whose pages the first brings in.
  using run = st.program((_recording: number, ...tensors: st.Tensor[]) => body(...tensors))
  const lists = Array.from({ length: 1 + recordings }, (_, recording) => {
    for (let i = 0; i < Math.ceil(calls / recordings); i++) run.sync(recording, ...batch)
    return cellsOf(run.toString()).map(rowOf)
  }).slice(1)
  return (lists[0] as RowTime[]).map((row, i) => ({
    ...row,
    microseconds: quantile(
      lists.map((list) => (list[i] as RowTime).microseconds),
      0.5,
    ),
  }))
}

/** Rows of one operation and kernel as one, the longest first. */
export function byOperation(rows: readonly RowTime[]): OperationTime[] {
  const groups = new Map<string, OperationTime>()
  for (const { operation, kernel, bytes, flops, microseconds } of rows) {
    const key = `${operation} ${kernel}`
    const group = groups.get(key) ?? { operation, kernel, rows: 0, bytes: 0, flops: 0, microseconds: 0 }
    group.rows++
    group.bytes += bytes
    group.flops += flops
    group.microseconds += microseconds
    groups.set(key, group)
  }
  return [...groups.values()].sort((a, b) => b.microseconds - a.microseconds)
}

/**
 * What a row's time means, written out: its share of `all` microseconds, its arithmetic (as a part of a peak in GFLOP/s, else '') and traffic. A row
 * under 0.05 µs reads as 0 in a listing and counts as that.
 */
export function ratesOf({ flops, bytes, microseconds }: Omit<RowTime, 'outputs'>, all: number, peak: number | undefined) {
  const perNanosecond = (count: number): number => count / Math.max(microseconds, 0.05) / 1000
  const gflops = perNanosecond(flops)
  return {
    share: `${((100 * microseconds) / all).toFixed(1)} %`,
    gflops: gflops.toFixed(1),
    ofPeak: peak ? `${((100 * gflops) / peak).toFixed(1)} %` : '',
    gigabytes: perNanosecond(bytes).toFixed(1),
  }
}
