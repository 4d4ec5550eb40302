// Checks of options and arguments for the data functions. Invariant: every failure is a ValueError in the one form of lib/errors.ts,
// naming the function, the argument, what was wanted and what was given.
import { describe, ValueError, wrongArgument } from '../errors.js'

/** Refuses option names that the function does not know, so that a misspelt option is an error and not a silent default. */
export function checkOptions(fn: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ValueError(wrongArgument(fn, 'options', 'an object of options', options))
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new ValueError(`${fn}: options must be among ${known.join(', ')}, got ${describe(name)}`)
    }
  }
}

/** An integer of at least `minimum` (and at most `maximum`); returns it. */
export function checkInteger(
  fn: string,
  argument: string,
  value: number,
  minimum = 0,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  if (!Number.isSafeInteger(value) || value < minimum || value > maximum) {
    const range =
      maximum === Number.MAX_SAFE_INTEGER ? `an integer of at least ${minimum}` : `an integer from ${minimum} to ${maximum}`
    throw new ValueError(wrongArgument(fn, argument, range, value))
  }
  return value
}

/** A finite number of at least `minimum` (and at most `maximum`); returns it. */
export function checkNumber(
  fn: string,
  argument: string,
  value: number,
  minimum = Number.NEGATIVE_INFINITY,
  maximum = Number.POSITIVE_INFINITY,
): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum || value > maximum) {
    const low = minimum === Number.NEGATIVE_INFINITY ? '' : ` of at least ${minimum}`
    const high = maximum === Number.POSITIVE_INFINITY ? '' : `${low ? ' and' : ' of'} at most ${maximum}`
    throw new ValueError(wrongArgument(fn, argument, `a finite number${low}${high}`, value))
  }
  return value
}

/** One of a few names; returns it. */
export function checkChoice<T extends string>(fn: string, argument: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    throw new ValueError(wrongArgument(fn, argument, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value))
  }
  return value
}

/** True or false; returns it. */
export function checkBoolean(fn: string, argument: string, value: boolean): boolean {
  if (typeof value !== 'boolean') throw new ValueError(wrongArgument(fn, argument, 'true or false', value))
  return value
}
