// What is written down while a function is recorded: its rows, and everything about the world that it looked at.
// Invariant: recording changes nothing that outlives it; gradients that the function sets or clears are put back by `restore`.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isGradEnabled } from '../autograd/mode.js'
import { type Addressable, type Kernel, type Recorder, type RowSource, unrecorded } from '../dispatch.js'
import { NativeError, StateError } from '../errors.js'
import type { Storage } from '../tensor/storage.js'
import { Tensor, Variable } from '../tensor/tensor.js'
import { lastingGradient } from './gradients.js'

/** One recorded kernel call. */
export interface RecordedRow {
  readonly kernel: Kernel
  readonly twin: boolean
  readonly outputs: readonly Tensor[]
  readonly inputs: readonly Tensor[]
  readonly args: readonly number[]
  /** Name of the operation, for listings and reports. */
  readonly label: string
  /** What a pass needs to know to merge the row with others. */
  readonly source: RowSource | undefined
  /** Where in the user's source it was asked for; only in check mode. */
  readonly site: string | undefined
}

/** Something outside the arguments that a recording depends on. */
export interface Dependency {
  readonly read: () => unknown
  readonly value: unknown
}

/** What a variable's gradient was before the function ran, and is after. */
export interface GradientChange {
  readonly before: Tensor | null
  readonly seenBefore: boolean
  after: Tensor | null
}

export class Recording implements Recorder {
  label = ''
  readonly rows: RecordedRow[] = []
  readonly gradients = new Map<Variable, GradientChange>()
  readonly dependencies: Dependency[] = []
  private readonly looked = new Map<object, Set<string>>()

  /** @param withSites keeps the place in the user's source of every row */
  constructor(private readonly withSites: boolean) {
    this.dependencies.push({ read: isGradEnabled, value: isGradEnabled() })
  }

  append(
    kernel: Kernel,
    twin: boolean,
    outputs: readonly Addressable[],
    inputs: readonly Addressable[],
    args: ArrayLike<number>,
    source: RowSource | undefined,
  ): void {
    for (const output of outputs) tensorOf(output).storage.checkWritable()
    const label = this.label || (source as { formula?: { name: string } } | undefined)?.formula?.name || kernel.name
    this.rows.push({
      kernel,
      twin,
      outputs: outputs.map(tensorOf),
      inputs: inputs.map(tensorOf),
      args: Array.from(args),
      label,
      source,
      site: this.withSites ? userSite() : undefined,
    })
  }

  note(variable: object): void {
    if (!(variable instanceof Variable) || this.gradients.has(variable)) return
    // A gradient that exists is state: it moves to memory that stays where it is from run to run.
    const before = variable.ownGradient ? unrecorded(() => lastingGradient(variable)) : null
    this.gradients.set(variable, { before, seenBefore: variable.gradientSeen, after: null })
    this.depends(variable, 'leaf', () => variable.leaf)
    this.depends(variable, 'grad', () => variable.ownGradient !== null)
  }

  depends(owner: object, name: string, read: () => unknown): void {
    const names = this.looked.get(owner) ?? new Set()
    if (names.has(name)) return
    this.looked.set(owner, names.add(name))
    this.dependencies.push({ read, value: read() })
  }

  /** Notes what became of the gradients, and puts back what was. */
  restore(): void {
    for (const [variable, change] of this.gradients) {
      change.after = variable.ownGradient
      variable.ownGradient = change.before
      variable.gradientSeen = change.seenBefore
    }
  }
}

/** Storages of the variables that rows read or write: a program's state. */
export function isState(storage: Storage): boolean {
  return storage.kind === 'native'
}

function tensorOf(operand: Addressable): Tensor {
  if (!(operand instanceof Tensor)) throw new NativeError('program: a row names memory that is no tensor')
  if (operand.storage.disposed)
    throw new StateError('tensor: it was disposed and is used while a program is recorded; keep a clone() of it')
  return operand
}

const home = path.dirname(path.dirname(fileURLToPath(import.meta.url))) + path.sep

/** The first line of the call stack outside the library. */
function userSite(): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 100
  const lines = new Error().stack?.split('\n').slice(1) ?? []
  Error.stackTraceLimit = limit
  const line = lines.find((text) => !text.includes(home) && !text.includes('node:'))
  return line?.trim().replace(/^at /, '')
}
