// Nothing has become slower: rates relative to products of OpenBLAS or plain JavaScript in the same process (bench/guard.ts) are at least 0.8
// of the committed ones. The best of up to four runs counts, so that a neighbour's load does not fail it.
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { read, root } from '../project/sources.js'

const [threshold, retries] = [0.8, 3]

interface Run {
  instructionSet: string
  ratios: Record<string, number>
}

function measure(): Run {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['native/setup/run.mjs', 'bench', 'guard'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Run
}

it(`keeps ${threshold} of the committed rates`, ({ skip }) => {
  const baselines = JSON.parse(read('bench/results/guard.json')) as Record<string, Record<string, number>>
  const first = measure()
  const baseline = baselines[first.instructionSet]
  console.log(JSON.stringify(first))
  // `npm run bench guard -- --write` gives it one.
  if (!baseline) return skip(`there is no baseline for ${first.instructionSet}`)
  expect(Object.keys(baseline).filter((name) => !(name in first.ratios))).toEqual([])
  const best: Record<string, number> = {}
  const slower = (run: Run): string[] => {
    for (const [name, ratio] of Object.entries(run.ratios)) best[name] = Math.max(ratio, best[name] ?? 0)
    return Object.entries(best)
      .filter(([name, ratio]) => ratio < threshold * (baseline[name] ?? 0))
      .map(([name, ratio]) => `${name}: ${ratio}, baseline ${baseline[name]}`)
  }
  let failing = slower(first)
  for (let i = 0; i < retries && failing.length > 0; i++) failing = slower(measure())
  expect(failing).toEqual([])
})
