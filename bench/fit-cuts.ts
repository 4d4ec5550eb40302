// Fits the coefficients by which matrix products are divided into parts: [--filter mlp] [--rounds 3] [--write]. Measures every division of
// every product of the benchmark, on this machine and instruction set, and prints the coefficients that come closest to the times beside
// those in use; --write puts them into native/kernels/matmul_costs.inc, for the next build. A quiet machine matters more than many rounds.
// Invariant: divisions take turns within a round, and the best round counts.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type CutTerms, cutTerms, fitCosts } from './support/cut-model.js'
import { divisionsOf } from './support/divisions.js'
import { measure, native } from './support/kernel-rows.js'
import { type KernelShape, kernelShapes } from './support/kernel-shapes.js'

const { values: options } = parseArgs({
  options: { filter: { type: 'string' }, rounds: { type: 'string', default: '3' }, write: { type: 'boolean', default: false } },
})

const table = 'native/kernels/matmul_costs.inc'

interface Sample {
  shape: KernelShape
  division: readonly number[]
  /** Milliseconds for each k. */
  time: number
}

function samplesOf(shape: KernelShape): Sample[] {
  const divisions = divisionsOf(shape.args).filter(([, , slices]) => slices === 1)
  const best = divisions.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, division] of divisions.entries()) {
      const [time = 0] = measure({ ...shape, args: [...shape.args, ...division] }, 3)
      best[i] = Math.min(best[i] ?? time, time)
    }
  }
  return divisions.map((division, i) => ({ shape, division, time: (best[i] as number) / (shape.args[3] as number) }))
}

const { instructionSet } = native.info()
const shapes = kernelShapes.filter(
  ({ kernel, flop, args, label }) =>
    kernel === 'matmul' && args[0] === 1 && flop >= 2e7 && flop <= 4e9 && label.includes(options.filter ?? ''),
)
const samples = shapes.flatMap(samplesOf)
const { error, ...costs } = fitCosts((fromMemory) =>
  samples.flatMap(({ shape, division, time }) => {
    const terms: CutTerms | null = cutTerms(instructionSet, shape.args, division, fromMemory)
    if (!terms) throw new Error(`fit-cuts: the model does not know the tiles of ${instructionSet}; use avx512 or avx2`)
    return [{ terms, time }]
  }),
)
const before = readFileSync(table, 'utf8')
let after = before
console.log(`${samples.length} divisions of ${shapes.length} products on ${instructionSet}, off by ${(100 * error).toFixed(0)} %`)
for (const [name, value] of Object.entries(costs)) {
  const line = new RegExp(`(STEEPEST_CUT_COST\\(${name}, )([\\d.]+)(\\) *)`)
  console.log(`${name.padEnd(18)} ${value} (in use: ${line.exec(before)?.[2]})`)
  after = after.replace(line, (whole, start: string) => `${start}${value})`.padEnd(whole.length))
}
if (options.write) writeFileSync(table, after)
