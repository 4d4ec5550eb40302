// The switches of programs: read once from STEEPEST_PROGRAM, changed by tests.
import { environment } from '../environment.js'
import { ValueError } from '../errors.js'

/** Passes over recorded rows, in the order in which they run. */
export const passNames = [
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
] as const
export type PassName = (typeof passNames)[number]

const modes = ['eager', 'unplanned', 'check', 'profile', 'no-inplace'] as const

export interface Settings {
  /** Run the function at every call instead of recording it. */
  eager: boolean
  /** Give every temporary memory of its own. */
  unplanned: boolean
  /** Let results take the place of operands that are read for the last time. */
  inPlace: boolean
  /** Record anew at every call and compare, run every row on fresh memory, and look for NaN. */
  check: boolean
  /** Time every row. */
  profile: boolean
  /** What a row of a slice of a batch reads and writes at most, in bytes: it and its neighbours stay in a cache of many MiB. */
  sliceBytes: number
  /** Passes that are left out. */
  without: Set<PassName>
}

/** Parses 'unplanned,no-merge'. */
export function parseSettings(text: string): Settings {
  const words = text.split(',').filter(Boolean)
  const passes = passNames.map((name) => `no-${name}`)
  const unknown = words.find((word) => !modes.some((mode) => mode === word) && !passes.includes(word))
  if (unknown !== undefined)
    throw new ValueError(`STEEPEST_PROGRAM: unknown switch '${unknown}'; use ${[...modes, ...passes].join(', ')}`)
  const has = (mode: (typeof modes)[number]): boolean => words.includes(mode)
  return {
    eager: has('eager'),
    unplanned: has('unplanned'),
    inPlace: !has('no-inplace') && !has('unplanned') && !has('check'),
    check: has('check'),
    profile: has('profile'),
    sliceBytes: 8 * 1024 * 1024,
    // Check mode names the one operation that made a NaN.
    without: new Set(passNames.filter((name) => words.includes(`no-${name}`) || (name === 'merge' && has('check')))),
  }
}

export const settings: Settings = parseSettings(environment('STEEPEST_PROGRAM') ?? '')
