// Layers that change the shape and nothing else.
import { ValueError, wrongArgument } from '../../errors.js'
import { reshape as reshapeTo, transpose } from '../../ops/shape-ops.js'
import { type Shape, sizeOf } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'
import { checkFormat, type DataFormat } from './data-format.js'

/** Options of `flatten`. */
export interface FlattenOptions extends LayerOptions {
  /** 'channelsFirst' moves the channels last before flattening, so that weights fit either format (default 'channelsLast'). */
  dataFormat?: DataFormat
}

/** All axes but the batch in one: [batch, …] → [batch, features]. */
export class Flatten extends Layer {
  readonly className = 'flatten'
  readonly dataFormat: DataFormat

  constructor(options: FlattenOptions = {}) {
    super('flatten', options)
    this.dataFormat = checkFormat('flatten', options.dataFormat)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    if (inputShape.length < 1) throw this.wrongInput('[batch, …]', inputShape)
    const rest = inputShape.slice(1)
    return [inputShape[0] as number | null, rest.includes(null) ? null : sizeOf(rest as Shape)]
  }

  call(x: Tensor): Tensor {
    const shape = this.computeOutputShape(x.shape) as number[]
    const last = x.rank - 1
    const order = x.shape.map((_, i) => (i === 0 ? 0 : i === last ? 1 : i + 1))
    return reshapeTo(this.dataFormat === 'channelsFirst' && last > 1 ? transpose(x, order) : x, shape)
  }

  override getConfig(): Config {
    return { ...super.getConfig(), dataFormat: this.dataFormat }
  }
}

/** Options of `reshape`. */
export interface ReshapeOptions extends LayerOptions {
  /** Shape of one sample, without the batch axis; one size may be -1. */
  targetShape: readonly number[]
}

/** Another shape for each sample: [batch, …] → [batch, ...targetShape]. */
export class Reshape extends Layer {
  readonly className = 'reshape'
  readonly targetShape: readonly number[]

  constructor(options: ReshapeOptions) {
    super('reshape', options)
    const { targetShape } = options
    const valid = Array.isArray(targetShape) && targetShape.every((size) => Number.isInteger(size) && size >= -1)
    if (!valid || targetShape.filter((size) => size === -1).length > 1)
      throw new ValueError(wrongArgument('reshape', 'targetShape', 'an array of sizes, at most one of them -1', targetShape))
    this.targetShape = [...targetShape]
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    const rest = inputShape.slice(1)
    if (inputShape.length < 1 || rest.includes(null)) throw this.wrongInput('[batch, …] of known sizes', inputShape)
    const size = sizeOf(rest as Shape)
    const known = sizeOf(this.targetShape.map((length) => (length === -1 ? 1 : length)))
    const open = known === 0 ? 0 : size / known
    const shape = this.targetShape.map((length) => (length === -1 ? open : length))
    if (!Number.isInteger(open) || sizeOf(shape) !== size)
      throw this.wrongInput(`samples of as many elements as targetShape [${this.targetShape.join(', ')}]`, inputShape)
    return [inputShape[0] as number | null, ...shape]
  }

  call(x: Tensor): Tensor {
    return reshapeTo(x, this.computeOutputShape(x.shape) as number[])
  }

  override getConfig(): Config {
    return { ...super.getConfig(), targetShape: this.targetShape }
  }
}

/** All axes but the batch in one: [batch, …] → [batch, features]. */
export const flatten: (options?: FlattenOptions) => Flatten = registerLayer('flatten', Flatten)
/** Another shape for each sample: [batch, …] → [batch, ...targetShape]. */
export const reshape: (options: ReshapeOptions) => Reshape = registerLayer('reshape', Reshape)
