// What `bench fit --write` keeps, and the line that docs/training.md has of it. Invariant: nothing stands there that is not in the data.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface FitCost {
  workload: string
  rounds: number
  /** Microseconds a step, medians of the rounds: the sum of the kernels, and the whole of fit. */
  kernels: number
  fit: number
  /** Percent more than the kernels: the quartiles of the rounds. */
  more: { low: number; middle: number; high: number }
  machine: Record<string, string>
}

/** The file that keeps them, and the marks around the line on the page. */
export const [fitFile, fitMark] = ['bench/results/fit.json', 'cost of fit']

export function readFitCosts(root: string): FitCost[] {
  const file = path.join(root, fitFile)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as FitCost[]) : []
}

export function fitLine(costs: readonly FitCost[]): string {
  const one = ({ workload, rounds, kernels, fit, more }: FitCost): string => {
    const [low, middle, high] = [more.low, more.middle, more.high].map((percent) => percent.toFixed(1))
    return `${workload} ${middle} % (middle half ${low} to ${high}; ${fit.toFixed(0)} µs beside ${kernels.toFixed(0)}, ${rounds} rounds)`
  }
  if (costs.length === 0) return ''
  const machine = Object.values(costs[0]?.machine ?? {}).join(', ')
  return `What the whole of \`fit\` takes more than the sum of its kernels, by \`npm run bench fit -- --write\` on ${machine}, median of the rounds: ${costs.map(one).join('; ')}.`
}
