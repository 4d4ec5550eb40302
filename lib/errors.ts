// The typed errors of the library. Every message names the function, the argument, what was wanted and what was given.

/** A shape, axis or size that does not fit the operation. */
export class ShapeError extends Error {
  override name = 'ShapeError'
}

/** An element type that the operation does not take. */
export class DTypeError extends Error {
  override name = 'DTypeError'
}

/** A value outside what the operation takes: a negative count, an unknown name, a label out of range, a malformed file. */
export class ValueError extends Error {
  override name = 'ValueError'
}

/** An operation at the wrong time: a disposed tensor, a second backward through a freed graph, a model not yet compiled. */
export class StateError extends Error {
  override name = 'StateError'
}

/** The native core could not be loaded, or refused a call. */
export class NativeError extends Error {
  override name = 'NativeError'
}

/** A short printable form of any value, for error messages. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (Array.isArray(value)) return value.length > 8 ? `array of length ${value.length}` : `[${value.map(describe).join(', ')}]`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null) return `${value.constructor?.name ?? 'object'}`
  return String(value)
}

/** `wrongArgument('conv2d', 'filters', 'a positive integer', -1)`: the one form of message that all argument checks share. */
export function wrongArgument(fn: string, argument: string, wanted: string, given: unknown, remedy = ''): string {
  return misfit(fn, argument, wanted, describe(given), remedy)
}

/** The same message where what was given is told in words: `misfit('fit', 'x', 'an array of samples', 'a scalar')`. */
export function misfit(fn: string, argument: string, wanted: string, given: string, remedy = ''): string {
  return `${fn}: argument '${argument}' must be ${wanted}, got ${given}${remedy ? `; ${remedy}` : ''}`
}

/** Runs a function's inner part; errors that name the part as `inner` name the function instead. Promises are followed. */
export function inNameOf<T>(fn: string, inner: string, run: () => T): T {
  const rename = (error: unknown): never => {
    if (!(error instanceof Error) || !error.message.startsWith(`${inner}: `)) throw error
    const Class = error.constructor as new (message: string, options: ErrorOptions) => Error
    throw new Class(`${fn}${error.message.slice(inner.length)}`, { cause: error.cause ?? error })
  }
  try {
    const result = run()
    return result instanceof Promise ? (result.catch(rename) as T) : result
  } catch (error) {
    return rename(error)
  }
}

/** Refuses options that no part of the library would look at. */
export function checkOptions(fn: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new ValueError(wrongArgument(fn, 'options', 'an object', options))
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new ValueError(`${fn}: unknown option '${key}'; it takes ${[...known].sort().join(', ')}`)
  }
}
