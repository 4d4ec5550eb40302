// Whether memory stays flat over many training steps of the small MLP: [--steps 200000] [--config sync]. Prints resident memory and page faults
// along the way and exits with 1 if the second half grew by more than 1 MB. `global.gc` is not used: what a user sees is what counts.
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './support/contenders.js'
import { readData, writeData } from './support/datafile.js'
import { runnerOf } from './support/steps.js'
import { workloadNamed } from './support/workloads.js'

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '200000' }, config: { type: 'string', default: 'sync' } },
})
const steps = Number(values.steps)
const readings = 20
/** Growth of the second half that counts as none. */
const allowed = 1e6

const workload = workloadNamed('small')
const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-soak-'))
const file = path.join(folder, 'data.safetensors')
writeData(workload, root, file)
const runner = runnerOf(workload, readData(workload, file), values.config)
rmSync(folder, { recursive: true })

const perCall = runner.stepsPerCall ?? 1
const sizes: number[] = []
const start = performance.now()
let faults = process.resourceUsage().minorPageFault
let done = 0
for (let reading = 1; reading <= readings; reading++) {
  for (; done < (steps * reading) / readings; done += perCall) {
    const result = runner.step(done)
    if (result instanceof Promise) await result
  }
  const now = process.resourceUsage().minorPageFault
  sizes.push(process.memoryUsage.rss())
  console.log(
    `step ${String(done).padStart(8)}  ${((sizes.at(-1) as number) / 1e6).toFixed(2).padStart(8)} MB  ${now - faults} page faults`,
  )
  faults = now
}
const half = sizes.slice(readings / 2 - 1)
const growth = Math.max(...half) - (half[0] as number)
console.log(
  `${(((performance.now() - start) / done) * 1000).toFixed(1)} µs a step; the second half grew by ${(growth / 1e6).toFixed(2)} MB`,
)
process.exitCode = growth > allowed ? 1 : 0
