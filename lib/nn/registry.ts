// Closed registries: the names by which layers, losses, optimizers and the like are chosen and saved. Nothing read from a file is ever
// run; it can only name an entry of a registry. Invariant: whatever `serialize` gives, `resolve` turns into an equal object.
import { checkOptions, describe, ValueError, wrongArgument } from '../errors.js'

/** Options as they are saved: plain data only. */
export type Config = Readonly<Record<string, unknown>>

/** Something that is made from options and can tell them. */
export interface Configurable {
  /** Name in its registry. */
  readonly className: string
  /** The options that make an equal object. Plain data. */
  getConfig(): Config
}

/** The saved form of a Configurable. */
export interface Serialized {
  readonly className: string
  readonly config: Config
}

function isSerialized(value: unknown): value is Serialized {
  return typeof value === 'object' && value !== null && typeof (value as Serialized).className === 'string'
}

/** The entries of one family, such as initializers, by name. */
export class Registry<T extends Configurable> {
  private readonly entries = new Map<string, (config: Config) => T>()

  constructor(
    /** What the entries are, for messages: 'initializer'. */
    readonly kind: string,
  ) {}

  /** Adds an entry and returns its factory, which refuses unknown options. */
  register<O extends object>(name: string, make: (options: O) => T): (options?: O) => T {
    const checked = (options: O = {} as O): T => {
      if (typeof options !== 'object' || options === null)
        throw new ValueError(wrongArgument(name, 'options', 'an object', options))
      const made = make(options)
      checkOptions(name, options, Object.keys(made.getConfig()))
      return made
    }
    this.entries.set(name, checked as unknown as (config: Config) => T)
    return checked
  }

  /** The known names, sorted. */
  get names(): string[] {
    return [...this.entries.keys()].sort()
  }

  /** Makes the entry of that name; Keras' capitals (`Adam`, `GlorotUniform`) are understood. */
  make(fn: string, name: string, config: Config = {}): T {
    const entry =
      this.entries.get(name) ?? this.entries.get(this.names.find((known) => known.toLowerCase() === name.toLowerCase()) ?? '')
    if (!entry) throw new ValueError(`${fn}: unknown ${this.kind} ${describe(name)}; known are ${this.names.join(', ')}`)
    return entry(config)
  }

  /** An object given as itself, by name, or in saved form. */
  resolve(fn: string, value: string | T | Serialized): T {
    if (typeof value === 'string') return this.make(fn, value)
    if (typeof value === 'object' && value !== null && typeof (value as T).getConfig === 'function') return value as T
    if (isSerialized(value)) return this.make(fn, value.className, value.config ?? {})
    throw new ValueError(wrongArgument(fn, this.kind, `the name of one or one made by its factory`, value))
  }
}

/** The saved form; null for nothing. */
export function serialize(value: Configurable): Serialized
export function serialize(value: Configurable | null): Serialized | null
export function serialize(value: Configurable | null): Serialized | null {
  return value ? { className: value.className, config: value.getConfig() } : null
}

/** Refuses what JSON would drop or change: functions, symbols, class instances. */
export function checkPlain(fn: string, value: unknown, path = 'config'): void {
  if (value === null || value === undefined || ['string', 'number', 'boolean'].includes(typeof value)) return
  const plain = Array.isArray(value) || (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
  if (!plain) throw new ValueError(`${fn}: ${path} is ${describe(value)} and cannot be saved; use a named one`)
  for (const [key, item] of Object.entries(value as object)) checkPlain(fn, item, `${path}.${key}`)
}
