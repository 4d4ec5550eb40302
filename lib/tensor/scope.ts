// Scopes that dispose of what was allocated in them: those of tidy() and of the backward walk.
// Invariant: a storage belongs to one scope at most, and what its scope's function returns or something outside has kept outlives it.
import type { Storage } from './storage.js'

const scopes: Storage[][] = []

/** Whether the innermost open scope allocated the storage and nothing outside has kept it: then nobody else can hold it. */
export function isOwnedByScope(storage: Storage): boolean {
  return !storage.kept && storage.scope !== null && storage.scope === scopes[scopes.length - 1]
}

/** Gives a new storage to the innermost open scope, if any. */
export function enterScope(storage: Storage): void {
  adopt(storage, scopes[scopes.length - 1])
}

function adopt(storage: Storage, scope: Storage[] | undefined): void {
  storage.scope = scope ?? null
  scope?.push(storage)
}

/** Runs `fn`, then disposes every storage allocated meanwhile that `survivors(result)` does not name and nothing has kept. */
export function withScope<T>(fn: () => T, survivors: (result: T) => Iterable<Storage>): T {
  const mine: Storage[] = []
  const depth = scopes.push(mine)
  let alive: Set<Storage> = new Set()
  try {
    const result = fn()
    alive = new Set(survivors(result))
    return result
  } finally {
    scopes.length = depth - 1
    const outer = scopes[depth - 2]
    for (const storage of mine) {
      if (alive.has(storage) || storage.kept) adopt(storage, outer)
      else storage.dispose()
    }
  }
}
