// Seeds of data functions. Invariant: where the caller gives none, it comes from the default generator, so `setSeed` fixes the whole run.
import { ValueError, wrongArgument } from '../errors.js'
import { random } from '../ops/random.js'

/** The seed itself if it is valid, one drawn from the default generator if it is undefined. */
export function seedOf(fn: string, seed: number | undefined): number {
  if (seed === undefined) {
    const [high, low] = random.integers([2], 0, 2 ** 26).dataSync()
    return (high as number) * 2 ** 26 + (low as number)
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ValueError(wrongArgument(fn, 'seed', 'an integer from 0 to 2^53 - 1', seed))
  }
  return seed
}
