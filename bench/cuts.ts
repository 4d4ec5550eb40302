// How matrix products are best divided into parts: [--filter mlp] [--rounds 3]. For each shape the rate as the model of
// native/kernels/matmul_cut-inl.h divides it, the best rates of all divisions into 8 to 64 parts [rows, columns, slices of k], and what
// the model loses to the best. Its coefficients come from such a table, by bench/fit-cuts.ts.
// Invariant: divisions take turns within a round, so that a drift of the machine meets all alike.
import { parseArgs } from 'node:util'
import { divisionsOf } from './support/divisions.js'
import { measure } from './support/kernel-rows.js'
import { type KernelShape, kernelShapes } from './support/kernel-shapes.js'

const { values: options } = parseArgs({ options: { filter: { type: 'string' }, rounds: { type: 'string', default: '3' } } })

/** GFLOP/s of each division, the best of the rounds; the first is the model's. */
function ratesOf(shape: KernelShape): number[] {
  const rows = [shape, ...divisionsOf(shape.args).map((division) => ({ ...shape, args: [...shape.args, ...division] }))]
  const best = rows.map(() => 0)
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, row] of rows.entries()) {
      best[i] = Math.max(best[i] ?? 0, shape.flop / (measure(row, 3)[0] as number) / 1e6)
    }
  }
  return best
}

for (const shape of kernelShapes) {
  if (shape.kernel !== 'matmul' || shape.flop < 2e7 || shape.flop > 4e9 || !shape.label.includes(options.filter ?? '')) continue
  const [model = 0, ...rates] = ratesOf(shape)
  const ranked = divisionsOf(shape.args)
    .map((division, i) => ({ division, rate: rates[i] as number }))
    .sort((a, b) => b.rate - a.rate)
  const loss = Math.max(0, 1 - model / Math.max(model, ranked[0]?.rate ?? 0))
  const list = ranked.slice(0, 4).map(({ division, rate }) => `${division.join(' ')}: ${rate.toFixed(0)}`)
  console.log(
    `${shape.label.padEnd(40)} model ${model.toFixed(0)}, ${(100 * loss).toFixed(0).padStart(2)} % below the best   ${list.join('   ')}`,
  )
}
