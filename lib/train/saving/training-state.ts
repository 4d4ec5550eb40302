// The state of training in a model file: position, history, figures of the epoch so far, states of callbacks, random numbers.
// Invariant: unpacking checks every value; packing and unpacking give an equal snapshot, bit for bit.
import { describe, ValueError } from '../../errors.js'
import { checkShape } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { CallbackState } from '../callbacks/callback.js'
import type { History } from '../logs.js'
import type { TrackerState } from '../tracker.js'
import type { Snapshot } from '../trainer.js'
import { isRecord } from './metadata.js'

interface Packed {
  readonly json: Readonly<Record<string, unknown>>
  readonly tensors: Readonly<Record<string, Tensor>>
}

/** JSON has no NaN and no infinities; they are written as their names. */
const plainNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value))

export function packTraining({ epoch, batch, samples, seed, history, tracker, callbacks, random }: Snapshot): Packed {
  const tensors: Record<string, Tensor> = { random }
  for (const [name, value] of Object.entries(tracker?.tensors ?? {})) tensors[`figures.${name}`] = value
  callbacks.forEach((callback, i) => {
    for (const [name, value] of Object.entries(callback.tensors)) tensors[`callbacks.${i}.${name}`] = value
  })
  const series = Object.entries(history.history).map(([name, values]) => [name, values.map(plainNumber)] as const)
  const json = {
    epoch,
    batch,
    samples,
    seed,
    history: { epoch: history.epoch, history: Object.fromEntries(series) },
    figures: tracker && { outputShape: tracker.outputShape, count: tracker.count },
    callbacks: callbacks.map(({ state }) => state),
  }
  return { json, tensors }
}

class Reader {
  constructor(
    private readonly where: string,
    private readonly tensors: Readonly<Record<string, Tensor>>,
  ) {}

  fail(name: string, wanted: string, got: unknown): never {
    throw new ValueError(`${this.where}: training.${name} must be ${wanted}, got ${describe(got)}`)
  }

  count(name: string, value: unknown): number {
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.fail(name, 'a non-negative integer', value)
  }

  number(name: string, value: unknown): number {
    if (typeof value === 'number') return value
    return ['NaN', 'Infinity', '-Infinity'].includes(value as string) ? Number(value) : this.fail(name, 'a number', value)
  }

  list(name: string, value: unknown): readonly unknown[] {
    return Array.isArray(value) ? value : this.fail(name, 'a list', value)
  }

  record(name: string, value: unknown): Record<string, unknown> {
    return isRecord(value) ? value : this.fail(name, 'an object', value)
  }

  /** The tensors below a prefix, by what follows it. */
  below(prefix: string): Record<string, Tensor> {
    const found = Object.entries(this.tensors).filter(([name]) => name.startsWith(prefix))
    return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]))
  }

  history(value: unknown): History {
    const { epoch, history } = this.record('history', value)
    const epochs = this.list('history.epoch', epoch).map((number) => this.count('history.epoch', number))
    const series = Object.entries(this.record('history.history', history)).map(([name, values]): [string, number[]] => {
      const numbers = this.list(`history.${name}`, values).map((item) => this.number(`history.${name}`, item))
      if (numbers.length !== epochs.length) this.fail(`history.${name}`, `a list of ${epochs.length} numbers`, numbers)
      return [name, numbers]
    })
    return { epoch: epochs, history: Object.fromEntries(series) }
  }

  figures(value: unknown): TrackerState | null {
    if (value === null) return null
    const { outputShape, count } = this.record('figures', value)
    const shape = checkShape(`${this.where}: training.figures`, outputShape)
    return { outputShape: shape, count: this.count('figures.count', count), tensors: this.below('figures.') }
  }

  callbacks(value: unknown): CallbackState[] {
    return this.list('callbacks', value).map((state, i) => {
      const checked = state === null ? null : this.record(`callbacks.${i}`, state)
      return { state: checked, tensors: this.below(`callbacks.${i}.`) }
    })
  }

  random(): Tensor {
    const value = this.tensors.random
    if (value?.dtype === 'int32' && value.shape.length === 1 && value.size === 4) return value
    return this.fail('random', 'a tensor int32 [4]', value && `${value.dtype} [${value.shape}]`)
  }
}

/** The snapshot of a file; every value is checked. */
export function unpackTraining(where: string, json: unknown, tensors: Readonly<Record<string, Tensor>>): Snapshot {
  const reader = new Reader(where, tensors)
  const { epoch, batch, samples, seed, history, figures, callbacks } = reader.record('', json)
  return {
    epoch: reader.count('epoch', epoch),
    batch: reader.count('batch', batch),
    samples: reader.count('samples', samples),
    seed: seed === null ? null : reader.count('seed', seed),
    history: reader.history(history),
    tracker: reader.figures(figures),
    callbacks: reader.callbacks(callbacks),
    random: reader.random(),
  }
}
