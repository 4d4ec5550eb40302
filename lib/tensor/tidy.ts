// Explicit control over memory, for those who want it: nothing here is needed for safety.
import { ValueError, wrongArgument } from '../errors.js'
import { withScope } from './scope.js'
import type { Storage } from './storage.js'
import { Tensor } from './tensor.js'

/** The storages of all tensors in a value: a tensor, or arrays, maps, sets and objects of them, however nested. */
function* storagesIn(value: unknown, seen = new Set<unknown>()): Generator<Storage> {
  if (value === null || typeof value !== 'object' || seen.has(value)) return
  seen.add(value)
  if (value instanceof Tensor) {
    yield value.storage
    if (value.ownGradient) yield value.ownGradient.storage
  } else {
    const items = value instanceof Map || value instanceof Set ? value.values() : Object.values(value)
    for (const item of items) yield* storagesIn(item, seen)
  }
}

/**
 * Runs `fn` and frees at its end every tensor made inside but those it returns (alone, or in arrays, maps, sets and objects). Variables and gradients
 * stay. Memory of large tensors is reused at once, which makes loops faster; using a freed tensor throws StateError.
 */
export function tidy<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw new ValueError(wrongArgument('tidy', 'fn', 'a function', fn))
  const result = withScope(fn, (value) => storagesIn(value))
  if (result instanceof Promise) throw new ValueError('tidy: fn must be synchronous; tensors made after an await would escape')
  return result
}
