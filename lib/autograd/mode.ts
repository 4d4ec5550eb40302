// Whether operations record how to differentiate themselves. One flag, changed only by the functions here and restored when they return.
import { ValueError, wrongArgument } from '../errors.js'

let enabled = true

/** Whether gradients are being recorded. */
export function isGradEnabled(): boolean {
  return enabled
}

function withMode<T>(name: string, mode: boolean, fn: () => T): T {
  if (typeof fn !== 'function') throw new ValueError(wrongArgument(name, 'fn', 'a function', fn))
  const before = enabled
  enabled = mode
  try {
    const result = fn()
    if (result instanceof Promise) throw new ValueError(`${name}: fn must be synchronous; the mode ends at the first await`)
    return result
  } finally {
    enabled = before
  }
}

/** Runs `fn` (synchronous) without recording gradients: results have no `requiresGrad`. */
export function noGrad<T>(fn: () => T): T {
  return withMode('noGrad', false, fn)
}

/** Runs `fn` with gradients recorded, also inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return withMode('enableGrad', true, fn)
}
