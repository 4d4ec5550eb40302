// Layer: a module that knows its options, its output shape, and builds its parameters when it first learns the shape of its input.
// Invariant: a built layer accepts exactly the input shapes its parameters fit, and says so in a message that names it.

import { unrecorded } from '../dispatch.js'
import { DTypeError, describe, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { checkShape, type Shape } from '../tensor/shape.js'
import { emptyTensor, Tensor, Variable, ZeroVariable } from '../tensor/tensor.js'
import { tidy } from '../tensor/tidy.js'
import { truth } from './check.js'
import { type Constraint, constrain } from './constraints.js'
import type { Initializer } from './initializers.js'
import { Module } from './module.js'
import { type Config, type Configurable, checkPlain, Registry, type Serialized } from './registry.js'
import type { Regularizer } from './regularizers.js'

/** A shape with its batch axis first; null stands for an unknown size (the batch, as a rule). */
export type BatchShape = readonly (number | null)[]

/** Options that every layer takes. */
export interface LayerOptions {
  /** Name in summaries and paths (default: the kind of layer, numbered). */
  name?: string
  /** Shape of one sample, without the batch axis. Given, the layer is built at once; otherwise at the first input. */
  inputShape?: Shape
  /** Type of the parameters (default float32; float64 is for checking gradients). */
  dtype?: 'float32' | 'float64'
  /** Whether optimizers update the parameters (default true). */
  trainable?: boolean
}

/** What goes with a parameter. */
export interface WeightOptions {
  readonly initializer: Initializer
  readonly regularizer?: Regularizer | null
  readonly constraint?: Constraint | null
  /** False for running statistics (default true). */
  readonly trainable?: boolean
}

const counts = new Map<string, number>()

let initializing = true

/** @internal Runs synchronous `fn`; layers that it builds make their weights as zeros, for they are about to be given others. */
export function withoutInitializing<T>(fn: () => T): T {
  const before = initializing
  initializing = false
  try {
    return fn()
  } finally {
    initializing = before
  }
}

function uniqueName(kind: string): string {
  const count = counts.get(kind) ?? 0
  counts.set(kind, count + 1)
  return count === 0 ? kind : `${kind}_${count}`
}

export const showBatchShape = (shape: BatchShape): string => `[${shape.map((size) => size ?? 'any').join(', ')}]`

/**
 * Base class of layers: one input, one output. A layer of your own defines `className`, `build` (if it has parameters), `call` and
 * `computeOutputShape`, and `getConfig` if it has options.
 */
export abstract class Layer extends Module implements Configurable {
  /** Name of the kind of layer in saved models. */
  abstract readonly className: string
  readonly name: string
  readonly inputShape: Shape | undefined
  readonly dtype: 'float32' | 'float64'
  #built = false
  readonly #penalties: [Regularizer, Variable][] = []

  constructor(kind: string, options: LayerOptions) {
    super()
    if (typeof options !== 'object' || options === null)
      throw new ValueError(wrongArgument(kind, 'options', 'an object', options))
    const { name, inputShape, dtype = 'float32', trainable = true } = options
    if (name !== undefined && (typeof name !== 'string' || name === ''))
      throw new ValueError(wrongArgument(kind, 'name', 'a non-empty string', name))
    if (dtype !== 'float32' && dtype !== 'float64')
      throw new DTypeError(wrongArgument(kind, 'dtype', "'float32' or 'float64'", dtype))
    this.name = name ?? uniqueName(kind)
    this.inputShape = inputShape === undefined ? undefined : [...checkShape(kind, inputShape)]
    this.dtype = dtype
    if (!truth(kind, 'trainable', trainable)) this.trainable = false
  }

  /** Whether the parameters exist. */
  get built(): boolean {
    return this.#built
  }

  /** Makes the parameters for inputs of this shape (batch axis first). Called once; override to add weights. */
  build(_inputShape: BatchShape): void {}

  /** The output for an input; the layer is built. */
  abstract call(x: Tensor): Tensor

  /** The shape of the output (batch axis first) for an input shape. Throws ShapeError for inputs that the layer does not take. */
  abstract computeOutputShape(inputShape: BatchShape): BatchShape

  /** @internal Builds the layer now, if it has not been built yet. */
  ensureBuilt(inputShape: BatchShape): void {
    if (this.#built) return
    this.computeOutputShape(inputShape)
    this.build(inputShape)
    this.#built = true
  }

  /** @internal For the end of constructors: builds at once where the shape is known. */
  protected buildIfKnown(): void {
    if (this.inputShape) this.ensureBuilt([null, ...this.inputShape])
  }

  /** The output for a batch of inputs. The first call builds the layer. */
  forward(x: Tensor): Tensor {
    if (!(x instanceof Tensor))
      throw new ValueError(wrongArgument(this.name, 'x', 'a Tensor', x, 'make one of arrays with tensor()'))
    if (!this.#built) this.ensureBuilt(x.shape)
    return this.call(x)
  }

  /** Makes a variable of this layer; for use in `build`. */
  protected addWeight(name: string, shape: Shape, options: WeightOptions): Variable {
    const { initializer, regularizer = null, constraint = null, trainable = true } = options
    const make = (): Variable =>
      initializing
        ? new Variable(initializer.apply(shape, this.dtype), { name, trainable })
        : new ZeroVariable(emptyTensor(this.dtype, shape), { name, trainable })
    const weight = unrecorded(() => tidy(make))
    if (trainable && !this.trainable) weight.trainable = false
    if (regularizer) this.#penalties.push([regularizer, weight])
    constrain(weight, constraint)
    return weight
  }

  /** @internal */
  protected override ownPenalties(): Tensor[] {
    return this.#penalties.map(([regularizer, weight]) => regularizer.apply(weight))
  }

  override loadState(state: Readonly<Record<string, Tensor>>): void {
    if (!this.#built && Object.keys(state).length > 0)
      throw new StateError(`loadState: layer '${this.name}' is not built yet; give it an inputShape or run it once`)
    super.loadState(state)
  }

  /** Options that make an equal layer: plain data unless a function was given for one. */
  getConfig(): Config {
    return {
      name: this.name,
      ...(this.inputShape ? { inputShape: this.inputShape } : { inputShape: undefined }),
      dtype: this.dtype,
      trainable: this.trainable,
    }
  }

  /** @internal A ShapeError that names the layer. */
  protected wrongInput(wanted: string, got: BatchShape): ShapeError {
    return new ShapeError(`${this.name}: the input must be ${wanted}, got shape ${showBatchShape(got)}`)
  }
}

export const layerRegistry = new Registry<Layer>('layer')

/**
 * The saved form of a layer.
 *
 * @throws ValueError when an option is a function or another object that cannot be saved
 */
export function serializeLayer(layer: Layer): Serialized {
  if (!(layer instanceof Layer)) throw new ValueError(wrongArgument('serializeLayer', 'layer', 'a Layer', layer))
  const config = layer.getConfig()
  checkPlain(`layer '${layer.name}'`, config)
  if (!layerRegistry.names.includes(layer.className))
    throw new ValueError(`layer '${layer.name}': kind ${describe(layer.className)} is not registered; use registerLayer`)
  return { className: layer.className, config: JSON.parse(JSON.stringify(config)) as Config }
}

/** The layer of a saved form. Only registered kinds are made, and nothing in `saved` is run. */
export function layerFromConfig(saved: Serialized): Layer {
  return layerRegistry.resolve('layerFromConfig', saved)
}

/**
 * Registers a kind of layer of your own, so that models with it can be saved and loaded; its `getConfig` must name every option. Returns its
 * factory, which refuses options that `getConfig` does not name.
 */
export function registerLayer<O extends LayerOptions, L extends Layer>(
  className: string,
  type: new (options: O) => L,
): (options?: O) => L {
  if (typeof className !== 'string' || className === '')
    throw new ValueError(wrongArgument('registerLayer', 'className', 'a non-empty string', className))
  if (typeof type !== 'function') throw new ValueError(wrongArgument('registerLayer', 'type', 'a class of layers', type))
  if (layerRegistry.names.includes(className))
    throw new ValueError(`registerLayer: ${describe(className)} is registered already; choose another name`)
  return layerRegistry.register(className, (options: O) => new type(options)) as (options?: O) => L
}
