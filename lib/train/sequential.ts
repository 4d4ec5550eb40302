// Sequential: layers one after another. Its architecture is plain data, so that a file can bring it back.
import { checkOptions, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { type BatchShape, Layer, layerFromConfig, serializeLayer } from '../nn/layer.js'
import type { Serialized } from '../nn/registry.js'
import { checkShape, type Shape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { Model } from './model.js'
import type { LayerRow } from './summary.js'

/** Saved form of a sequential model. */
export interface SequentialConfig {
  readonly name: string
  readonly layers: readonly Serialized[]
  /** Shape of one sample; null as long as the model has seen none. */
  readonly inputShape: Shape | null
}

/** Options of `sequential` in its long form. */
export interface SequentialOptions {
  layers?: readonly Layer[]
  /** Default 'sequential'. */
  name?: string
}

/** Refuses what is no shape with a batch axis; sizes may be open (null). */
function checkBatchShape(fn: string, shape: unknown): void {
  const known = Array.isArray(shape) && shape.length > 0
  if (!known) throw new ShapeError(wrongArgument(fn, 'inputShape', 'a shape with its batch axis first', shape))
  checkShape(
    fn,
    shape.map((size) => size ?? 1),
  )
}

/** Layers one after another. Built at once where the first layer has an inputShape, otherwise at the first input. */
export class Sequential extends Model {
  readonly name: string
  readonly layers: Layer[] = []
  #inputShape: BatchShape | null = null

  constructor({ layers = [], name = 'sequential' }: SequentialOptions = {}) {
    super()
    if (!Array.isArray(layers)) throw new ValueError(wrongArgument('sequential', 'layers', 'an array of layers', layers))
    if (typeof name !== 'string' || name === '')
      throw new ValueError(wrongArgument('sequential', 'name', 'a non-empty string', name))
    this.name = name
    for (const layer of layers) this.add(layer)
  }

  /** Appends a layer. */
  add(layer: Layer): void {
    if (!(layer instanceof Layer)) throw new ValueError(wrongArgument('sequential', 'layer', 'a layer made by st.layers', layer))
    if (this.layers.some((other) => other === layer || other.name === layer.name))
      throw new ValueError(`sequential: there is a layer '${layer.name}' already; layers need names of their own`)
    this.layers.push(layer)
    Model.trainerOf(this).forget()
    try {
      if (this.#inputShape) layer.ensureBuilt(this.shapes(this.#inputShape).at(-2) as BatchShape)
      else if (layer.inputShape) this.build([null, ...layer.inputShape])
    } catch (error) {
      this.layers.pop()
      throw error
    }
  }

  /** Makes the parameters of all layers for inputs of this shape, batch axis first. */
  build(inputShape: BatchShape): void {
    checkBatchShape('build', inputShape)
    for (const _ of this.building(inputShape));
  }

  override *building(inputShape: BatchShape): Iterable<void> {
    let shape: BatchShape = [null, ...inputShape.slice(1)]
    for (const layer of this.layers) {
      layer.ensureBuilt(shape)
      shape = layer.computeOutputShape(shape)
      yield
    }
    this.#inputShape = [null, ...inputShape.slice(1)]
  }

  /** Whether all parameters exist. */
  get built(): boolean {
    return this.#inputShape !== null
  }

  /** Shape of the inputs, batch axis (null) first; null before the model has seen one. */
  get inputShape(): BatchShape | null {
    return this.#inputShape
  }

  /** Shape of the outputs, batch axis (null) first; null before the model has seen an input. */
  get outputShape(): BatchShape | null {
    return this.#inputShape && (this.shapes(this.#inputShape).at(-1) as BatchShape)
  }

  override get takesIndices(): boolean {
    return this.layers[0]?.className === 'embedding'
  }

  /** The input shape, then that of every layer's output. */
  shapes(inputShape: BatchShape): BatchShape[] {
    checkBatchShape('shapes', inputShape)
    const shapes = [inputShape]
    for (const layer of this.layers) shapes.push(layer.computeOutputShape(shapes.at(-1) as BatchShape))
    return shapes
  }

  forward(x: Tensor): Tensor {
    if (this.layers.length === 0) throw new StateError('sequential: the model has no layers; add some first')
    if (x.rank === 0) throw new ShapeError('sequential: the input must have a batch axis, got a scalar')
    if (!this.#inputShape) this.build(x.shape)
    let result = x
    for (const layer of this.layers) result = layer.forward(result)
    return result
  }

  override layerRows(): LayerRow[] {
    const shapes = this.#inputShape ? this.shapes(this.#inputShape).slice(1) : []
    return this.layers.map((module, i) => ({ name: module.name, module, shape: shapes[i] ?? null }))
  }

  override architecture(): Serialized {
    return { className: 'sequential', config: { ...this.getConfig() } }
  }

  /** The architecture as plain data. */
  getConfig(): SequentialConfig {
    const inputShape = this.#inputShape && (this.#inputShape.slice(1) as Shape)
    return { name: this.name, layers: this.layers.map(serializeLayer), inputShape }
  }

  /** The model of an architecture. Only registered kinds of layers are made, and nothing in `config` is run. */
  static fromConfig(config: SequentialConfig): Sequential {
    if (typeof config !== 'object' || config === null || !Array.isArray(config.layers))
      throw new ValueError(wrongArgument('fromConfig', 'config', 'what getConfig() returned', config))
    const model = new Sequential({ name: config.name, layers: config.layers.map(layerFromConfig) })
    if (config.inputShape && !model.built) model.build([null, ...config.inputShape])
    return model
  }
}

/** A model of layers one after another: `sequential([layers.dense({ units: 1, inputShape: [8] })])`. */
export function sequential(layers: readonly Layer[] | SequentialOptions = []): Sequential {
  if (Array.isArray(layers)) return new Sequential({ layers })
  checkOptions('sequential', layers, ['layers', 'name'])
  return new Sequential(layers as SequentialOptions)
}
