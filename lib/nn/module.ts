// Module: anything with parameters. Variables, generators and child modules are found by walking fields (and arrays in fields), so a model
// is a class with layers in its fields. Invariant: every variable is listed once, under the first path that reaches it.

import { noGrad } from '../autograd/mode.js'
import { recording } from '../dispatch.js'
import { DTypeError, describe, ShapeError, StateError, ValueError } from '../errors.js'
import { add, clone } from '../ops/index.js'
import { Generator } from '../ops/random.js'
import { sameShape, showShape } from '../tensor/shape.js'
import { Tensor, Variable } from '../tensor/tensor.js'
import { truth } from './check.js'
import { openShared, type SharedModule, shareVariables } from './shared.js'

type Entry = [string, Variable | Module]

/** Adds the variables, generators and modules of one field, with paths below `name`. */
function collect(name: string, value: unknown, entries: Entry[], depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Variable || value instanceof Module) entries.push([name, value])
  else if (value instanceof Generator) entries.push([name, value.state])
  else if (Array.isArray(value) && depth < 8)
    for (const [i, item] of value.entries()) collect(`${name}.${i}`, item, entries, depth + 1)
}

/**
 * Base class of layers and models. Subclasses put layers, variables, other modules or arrays of these in fields and define `forward`;
 * everything else follows from the fields.
 *
 * ```ts
 * class Net extends Module {
 *   hidden = layers.dense({ units: 32, activation: 'relu' })
 *   output = layers.dense({ units: 1 })
 *   forward(x: Tensor): Tensor {
 *     return this.output.forward(this.hidden.forward(x))
 *   }
 * }
 * ```
 */
export abstract class Module {
  #training = true
  #trainable = true

  /** The outputs for a batch of inputs. */
  abstract forward(...inputs: Tensor[]): Tensor

  /** Whether dropout drops and normalization uses the statistics of the batch (default true). Set by `train()` and `eval()`. */
  get training(): boolean {
    recording()?.depends(this, 'training', () => this.#training)
    return this.#training
  }

  /** Sets training mode here and in all children. */
  train(mode = true): this {
    truth('train', 'mode', mode)
    for (const [, module] of this.modules()) module.#training = mode
    return this
  }

  /** Sets inference mode here and in all children. */
  eval(): this {
    return this.train(false)
  }

  /** Whether optimizers update the parameters (default true). Setting it sets all children's. */
  get trainable(): boolean {
    recording()?.depends(this, 'trainable', () => this.#trainable)
    return this.#trainable
  }
  set trainable(value: boolean) {
    for (const [, module] of this.modules()) {
      module.#trainable = value
      for (const [, variable] of module.ownVariables()) if (variable.isParameter) variable.trainable = value
    }
  }

  /** Direct children by field name; those in arrays as `name.0`. */
  children(): [string, Module][] {
    return this.fields().filter((entry): entry is [string, Module] => entry[1] instanceof Module)
  }

  /** @internal The variables in this module's own fields. */
  protected ownVariables(): [string, Variable][] {
    return this.fields().filter((entry): entry is [string, Variable] => entry[1] instanceof Variable)
  }

  private fields(): Entry[] {
    const entries: Entry[] = []
    for (const [name, value] of Object.entries(this)) collect(name, value, entries)
    return entries
  }

  /** This module and all below it, each once, with the prefix of its paths. */
  private modules(): [string, Module][] {
    const seen = new Set<Module>()
    const list: [string, Module][] = []
    const visit = (module: Module, prefix: string): void => {
      if (seen.has(module)) return
      seen.add(module)
      list.push([prefix, module])
      for (const [name, child] of module.children()) visit(child, `${prefix}${name}.`)
    }
    visit(this, '')
    return list
  }

  /** All variables with their paths: parameters, running statistics, states of random generators. */
  variables(): [string, Variable][] {
    const paths = new Map<Variable, string>()
    for (const [prefix, module] of this.modules())
      for (const [name, variable] of module.ownVariables()) if (!paths.has(variable)) paths.set(variable, prefix + name)
    return [...paths].map(([variable, path]) => [path, variable])
  }

  /** The parameters with their paths (`conv1.kernel`), frozen ones included. Layers that have not seen an input yet have none. */
  namedParameters(): [string, Variable][] {
    return this.variables().filter(([, variable]) => variable.isParameter)
  }

  /** The parameters, frozen ones included: what optimizers take. */
  parameters(): Variable[] {
    return this.namedParameters().map(([, variable]) => variable)
  }

  /** Copies of all variables by path. */
  state(): Record<string, Tensor> {
    return noGrad(() => Object.fromEntries(this.variables().map(([name, variable]) => [name, clone(variable)])))
  }

  /**
   * Overwrites all variables with a state of the same paths and shapes; nothing is written unless everything fits.
   *
   * @throws ValueError for missing or unknown paths, ShapeError for another shape, DTypeError for another dtype
   */
  loadState(state: Readonly<Record<string, Tensor>>): void {
    if (typeof state !== 'object' || state === null)
      throw new ValueError(`loadState: argument 'state' must be an object of tensors, got ${describe(state)}`)
    const variables = this.variables()
    checkState('loadState', variables, state)
    for (const [name, variable] of variables) variable.assign(state[name] as Tensor)
  }

  /**
   * A handle to the variables, by which modules in other threads of the process use the same memory: plain data to send there. They read it;
   * this module can go on changing it, and they see what it writes.
   *
   * @throws StateError while there are no variables, or one was disposed
   */
  share(): SharedModule {
    return { architecture: null, variables: shareVariables(this.variables()) }
  }

  /**
   * Takes the memory that `share` handed out in place of its own, of the same paths, shapes and dtypes, to read it; nothing changes unless
   * everything fits. From then on whatever would write a variable throws StateError.
   *
   * @throws ValueError or ShapeError for a handle that does not fit; StateError if the memory is gone, or a program holds a variable
   */
  useShared(shared: SharedModule): this {
    const opened = openShared('useShared', shared)
    const variables = this.variables()
    try {
      checkState('useShared', variables, opened)
      const held = variables.find(([, { storage }]) => storage.held)
      if (held || recording())
        throw new StateError(
          `useShared: a program uses the variable '${held?.[0] ?? variables[0]?.[0]}'; call it before programs are recorded`,
        )
    } catch (error) {
      for (const tensor of Object.values(opened)) tensor.dispose()
      throw error
    }
    for (const [path, variable] of variables) variable.adopt((opened[path] as Tensor).storage)
    return this
  }

  /** @internal Penalties of this module's own variables. */
  protected ownPenalties(): Tensor[] {
    return []
  }

  /** The sum of the penalties of all regularizers here and below, one element; null when there are none. */
  regularizationLoss(): Tensor | null {
    let total: Tensor | null = null
    for (const [, module] of this.modules())
      for (const penalty of module.ownPenalties()) total = total ? add(total, penalty) : penalty
    return total
  }
}

/** Refuses a state that does not match the variables in names, shapes and dtypes. */
export function checkState(fn: string, variables: readonly [string, Variable][], state: Readonly<Record<string, Tensor>>): void {
  const names = new Set(variables.map(([name]) => name))
  const missing = [...names].filter((name) => !Object.hasOwn(state, name))
  const unknown = Object.keys(state).filter((name) => !names.has(name))
  if (missing.length + unknown.length > 0) {
    const few = (list: string[]): string => list.slice(0, 5).join(', ') + (list.length > 5 ? `, … (${list.length})` : '')
    const remedy = names.size === 0 ? '; there are no variables yet: give layers an inputShape, or run the module once' : ''
    throw new ValueError(
      `${fn}: the state does not fit the model: missing ${few(missing) || 'none'}; unknown ${few(unknown) || 'none'}${remedy}`,
    )
  }
  for (const [name, variable] of variables) {
    const value = state[name] as unknown
    if (!(value instanceof Tensor)) throw new ValueError(`${fn}: '${name}' must be a Tensor, got ${describe(value)}`)
    if (!sameShape(value.shape, variable.shape))
      throw new ShapeError(`${fn}: '${name}' must have shape ${showShape(variable.shape)}, got ${showShape(value.shape)}`)
    if (value.dtype !== variable.dtype)
      throw new DTypeError(`${fn}: '${name}' must have dtype ${variable.dtype}, got ${value.dtype}`)
  }
}
