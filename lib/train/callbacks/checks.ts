// Checks of options that callbacks share. Each returns the value it has checked.
import { ValueError, wrongArgument } from '../../errors.js'

export function nonNegativeInteger(fn: string, argument: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new ValueError(wrongArgument(fn, argument, 'a non-negative integer', value))
  return value as number
}

/** 'epoch', or a positive number of batches. */
export function saveFrequency(fn: string, value: unknown): 'epoch' | number {
  if (value !== 'epoch' && !(Number.isSafeInteger(value) && (value as number) > 0))
    throw new ValueError(wrongArgument(fn, 'saveFreq', "'epoch' or a positive number of batches", value))
  return value as 'epoch' | number
}

/** A path that is not empty. */
export function filePath(fn: string, argument: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new ValueError(wrongArgument(fn, argument, 'a path', value))
  return value
}
