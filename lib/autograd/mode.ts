// Whether operations record how to differentiate themselves. One flag, changed only by the functions here and restored when they return.
let enabled = true

/** Whether gradients are being recorded. */
export function isGradEnabled(): boolean {
  return enabled
}

function withMode<T>(mode: boolean, fn: () => T): T {
  const before = enabled
  enabled = mode
  try {
    return fn()
  } finally {
    enabled = before
  }
}

/** Runs `fn` (synchronous) without recording gradients: results have no `requiresGrad`. */
export function noGrad<T>(fn: () => T): T {
  return withMode(false, fn)
}

/** Runs `fn` with gradients recorded, also inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return withMode(true, fn)
}
