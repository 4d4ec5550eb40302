// Options that all examples take on the command line: `npm run example mnist-cnn -- --seed 2 --epochs 1`.
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seed: { type: 'string' }, epochs: { type: 'string' } } })

function integer(name: string, text: string | undefined, standard: number): number {
  const value = text === undefined ? standard : Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} must be a non-negative integer, got ${text}`)
  return value
}

/** Seed of everything random in the program. */
export const seed: number = integer('seed', values.seed, 1)

/** Number of epochs: the example's own unless another is asked for. */
export function epochs(standard: number): number {
  return integer('epochs', values.epochs, standard)
}
