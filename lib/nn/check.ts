// Checks of options that layers, initializers and losses share. Each returns the value it has checked.
import { ValueError, wrongArgument } from '../errors.js'

export function positiveInteger(fn: string, argument: string, value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new ValueError(wrongArgument(fn, argument, 'a positive integer', value))
  return value as number
}

export function finite(fn: string, argument: string, value: unknown): number {
  if (!Number.isFinite(value)) throw new ValueError(wrongArgument(fn, argument, 'a finite number', value))
  return value as number
}

export function notNegative(fn: string, argument: string, value: unknown): number {
  if (!Number.isFinite(value) || (value as number) < 0)
    throw new ValueError(wrongArgument(fn, argument, 'a finite number, not negative', value))
  return value as number
}

export function positive(fn: string, argument: string, value: unknown): number {
  if (!Number.isFinite(value) || (value as number) <= 0)
    throw new ValueError(wrongArgument(fn, argument, 'a positive finite number', value))
  return value as number
}

/** A number in [0, 1]; `open` excludes 1. */
export function fraction(fn: string, argument: string, value: unknown, open = false): number {
  if (typeof value !== 'number' || !(value >= 0 && (open ? value < 1 : value <= 1)))
    throw new ValueError(wrongArgument(fn, argument, `a number in [0, 1${open ? ')' : ']'}`, value))
  return value
}

export function truth(fn: string, argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new ValueError(wrongArgument(fn, argument, 'true or false', value))
  return value
}

export function oneOf<T extends string>(fn: string, argument: string, value: unknown, names: readonly T[]): T {
  if (!names.includes(value as T))
    throw new ValueError(wrongArgument(fn, argument, names.map((name) => `'${name}'`).join(' or '), value))
  return value as T
}
