// Where the time of a step goes: [--workloads mlp,resnet20] [--calls 100] [--rows] [--write]. Operations with their time, share, arithmetic as a
// part of the machine's peak (more than all of it by Winograd's shortcuts) and traffic; with --rows every row in its order. --write keeps
// the operations in bench/results/profile.json, from which docs/benchmarks.md has them. Each workload in a process of its own.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { again } from './support/again.js'
import { type Ceilings, ceilings } from './support/machine.js'
import { type Profile, profileFile } from './support/profile-page.js'
import { byOperation, type OperationTime, type RowTime, ratesOf, rowTimes } from './support/row-times.js'
import { prepare } from './support/sampling.js'
import { type Workload, workloadNamed, workloads } from './support/workloads.js'

const { values: options } = parseArgs({
  options: {
    workloads: { type: 'string', default: workloads.map(({ name }) => name).join(',') },
    calls: { type: 'string', default: '100' },
    rows: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    measure: { type: 'string' },
  },
})

const measured = (workload: Workload): RowTime[] =>
  JSON.parse(again(['--measure', workload.name, '--calls', options.calls], { STEEPEST_PROGRAM: 'profile' })) as RowTime[]

function show(name: string, rows: readonly (RowTime | OperationTime)[], peak: Ceilings | undefined): void {
  const all = rows.reduce((sum, { microseconds }) => sum + microseconds, 0)
  console.log(`\n${name}: ${all.toFixed(1)} µs in rows`)
  for (const row of rows) {
    const { operation, kernel, microseconds } = row
    const { share, gflops, ofPeak, gigabytes } = ratesOf(row, all, peak?.allThreads)
    const columns = [
      microseconds.toFixed(1).padStart(9),
      share.padStart(7),
      (ofPeak ? `${ofPeak} of peak` : `${gflops} GFLOP/s`).padStart(16),
      `${gigabytes} GB/s`.padStart(11),
      'rows' in row ? `${row.rows} × ${operation} (${kernel})` : `${operation} (${kernel}) ${row.outputs}`,
    ]
    console.log(columns.join('  '))
  }
}

if (options.measure) console.log(JSON.stringify(rowTimes(workloadNamed(options.measure), Number(options.calls))))
else {
  const tasks = options.workloads.split(',').map((name) => workloadNamed(name))
  prepare(tasks, [])
  const peak = ceilings()
  const profiles = tasks.map((workload): Profile => {
    const rows = measured(workload)
    const operations = byOperation(rows)
    show(workload.name, options.rows ? rows : operations, peak)
    return { workload: workload.name, ...(peak ? { peakGflops: peak.allThreads } : {}), operations }
  })
  if (options.write) writeFileSync(profileFile, `${JSON.stringify(profiles, null, 1)}\n`)
}
