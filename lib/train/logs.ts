// Named figures of an epoch or a batch, and the history of a training run. Names are camelCase: `loss`, `accuracy`, `valLoss`.

/** Figures by name, as callbacks receive them: `{ loss, accuracy, valLoss, … }`. Callbacks may add entries at the end of an epoch. */
export type Logs = Record<string, number>

/** What `fit` returns: which epochs ran, and every figure's value for each of them. */
export interface History {
  /** Epoch numbers, from 0. */
  readonly epoch: number[]
  /** One value per epoch by name: `history.loss`, `history.valAccuracy`. NaN where an epoch has no such figure. */
  readonly history: Record<string, number[]>
}

/** The name of a figure when it is measured on the validation data: 'loss' becomes 'valLoss'. */
export function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

export function emptyHistory(): History {
  return { epoch: [], history: {} }
}

/** Appends one epoch. A figure that first appears late, or is missing, leaves NaN so that all series stay as long as `epoch`. */
export function recordEpoch({ epoch, history }: History, number: number, logs: Readonly<Logs>): void {
  const before = epoch.length
  epoch.push(number)
  for (const name of new Set([...Object.keys(history), ...Object.keys(logs)])) {
    history[name] ??= new Array<number>(before).fill(Number.NaN)
    history[name].push(logs[name] ?? Number.NaN)
  }
}
