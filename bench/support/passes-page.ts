// What `bench passes --write` keeps, and the table that docs/programs.md has of it.
// Invariant: nothing stands in the table that is not in the data.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A step without one pass. */
export interface PassWorth {
  pass: string
  /** Milliseconds with all passes and without this one. */
  ms: number
  withoutMs: number
  /** Time without it over time with all, of paired processes. */
  ratio: { median: number; least: number; most: number }
}

export interface PassResults {
  machine: Record<string, string>
  rounds: number
  /** Of each workload the passes that change its rows. */
  workloads: { name: string; passes: PassWorth[] }[]
}

/** The passes, in the order in which they run, and what comes after them. */
export const switches = [
  'dead',
  'epilogue',
  'unpool',
  'spread',
  'convolution',
  'mask',
  'statistics',
  'prepare',
  'merge',
  'slices',
  'segments',
  'inplace',
]

/** The file that keeps them, and the marks around the table on the page. */
export const [passesFile, passesMark] = ['bench/results/passes.json', 'worth of passes']

export function readPasses(root: string): PassResults | undefined {
  const file = path.join(root, passesFile)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PassResults) : undefined
}

function cellOf(worth: PassWorth | undefined): string {
  if (!worth) return ''
  const [median, least, most] = [worth.ratio.median, worth.ratio.least, worth.ratio.most].map((ratio) => ratio.toFixed(2))
  return least === most ? `${median}` : `${median} (${least}–${most})`
}

/** A line for each pass that changes any of the workloads. */
export function passTable({ machine, rounds, workloads }: PassResults): string {
  const worthOf = (list: readonly PassWorth[], pass: string): PassWorth | undefined => list.find((worth) => worth.pass === pass)
  const firing = switches.filter((pass) => workloads.some((workload) => worthOf(workload.passes, pass)))
  return [
    `Time of a step without the pass over that with all, the median of ${rounds} pair${rounds === 1 ? '' : 's'} of processes with the least and the greatest`,
    `(\`npm run bench passes -- --write\`; ${Object.values(machine).join(', ')}). Empty: the pass changes no row there.`,
    '',
    `| pass | ${workloads.map(({ name }) => name).join(' | ')} |`,
    `|${'---|'.repeat(workloads.length + 1)}`,
    ...firing.map(
      (pass) => `| \`${pass}\` | ${workloads.map((workload) => cellOf(worthOf(workload.passes, pass))).join(' | ')} |`,
    ),
  ].join('\n')
}
