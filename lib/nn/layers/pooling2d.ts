// Pooling of images: the greatest or the mean of each window, or the mean of the whole image.
import { averagePool2d, maxPool2d } from '../../ops/pool.js'
import { mean } from '../../ops/reduce.js'
import { type Pair, pair, slide } from '../../ops/window.js'
import type { Tensor } from '../../tensor/tensor.js'
import { oneOf, truth } from '../check.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'
import { checkFormat, type DataFormat, formatShape, imageShape, inChannelsLast } from './data-format.js'

/** Options of `maxPooling2d` and `averagePooling2d`. */
export interface Pooling2dOptions extends LayerOptions {
  /** Height and width of the window (default 2). */
  poolSize?: Pair
  /** Steps between windows (default: the window's size). */
  strides?: Pair | null
  /** 'valid' (default) or 'same'. Padding never wins a maximum and does not count in a mean. */
  padding?: 'valid' | 'same'
  /** Default 'channelsLast'. */
  dataFormat?: DataFormat
}

abstract class Pooling2d extends Layer {
  readonly poolSize: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly padding: 'valid' | 'same'
  readonly dataFormat: DataFormat

  constructor(kind: string, options: Pooling2dOptions) {
    super(kind, options)
    this.poolSize = pair(kind, 'poolSize', options.poolSize ?? 2)
    this.strides = pair(kind, 'strides', options.strides ?? this.poolSize)
    this.padding = oneOf(kind, 'padding', options.padding ?? 'valid', ['valid', 'same'])
    this.dataFormat = checkFormat(kind, options.dataFormat)
  }

  protected abstract pool(x: Tensor): Tensor

  computeOutputShape(inputShape: BatchShape): BatchShape {
    const image = imageShape(this.dataFormat, inputShape)
    if (!image) throw this.wrongInput(`images of 4 axes, ${this.dataFormat}`, inputShape)
    const [batch, height, width, channels] = image
    const { outputs } = slide(this.name, [0, height, width, channels], this.poolSize, this.strides, this.padding)
    return formatShape(this.dataFormat, [batch, ...outputs, channels])
  }

  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape)
    return inChannelsLast(this.dataFormat, x, (image) => this.pool(image))
  }

  override getConfig(): Config {
    const { poolSize, strides, padding, dataFormat } = this
    return { ...super.getConfig(), poolSize, strides, padding, dataFormat }
  }
}

/** The greatest element of each window: [batch, height, width, channels] → [batch, outHeight, outWidth, channels]. */
export class MaxPooling2d extends Pooling2d {
  readonly className = 'maxPooling2d'
  constructor(options: Pooling2dOptions = {}) {
    super('maxPooling2d', options)
    this.buildIfKnown()
  }
  protected pool(x: Tensor): Tensor {
    return maxPool2d(x, this.poolSize, { strides: this.strides, padding: this.padding })
  }
}

/** The mean of each window: [batch, height, width, channels] → [batch, outHeight, outWidth, channels]. */
export class AveragePooling2d extends Pooling2d {
  readonly className = 'averagePooling2d'
  constructor(options: Pooling2dOptions = {}) {
    super('averagePooling2d', options)
    this.buildIfKnown()
  }
  protected pool(x: Tensor): Tensor {
    return averagePool2d(x, this.poolSize, { strides: this.strides, padding: this.padding })
  }
}

/** Options of `globalAveragePooling2d`. */
export interface GlobalPooling2dOptions extends LayerOptions {
  /** Keep height and width as axes of size 1 (default false). */
  keepDims?: boolean
  /** Default 'channelsLast'. */
  dataFormat?: DataFormat
}

/** The mean of each channel: [batch, height, width, channels] → [batch, channels]. */
export class GlobalAveragePooling2d extends Layer {
  readonly className = 'globalAveragePooling2d'
  readonly keepDims: boolean
  readonly dataFormat: DataFormat

  constructor(options: GlobalPooling2dOptions = {}) {
    super('globalAveragePooling2d', options)
    this.keepDims = truth('globalAveragePooling2d', 'keepDims', options.keepDims ?? false)
    this.dataFormat = checkFormat('globalAveragePooling2d', options.dataFormat)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    if (inputShape.length !== 4) throw this.wrongInput(`images of 4 axes, ${this.dataFormat}`, inputShape)
    const [batch] = inputShape as [number | null]
    const channels = inputShape[this.dataFormat === 'channelsLast' ? 3 : 1] as number
    return this.keepDims ? formatShape(this.dataFormat, [batch, 1, 1, channels]) : [batch, channels]
  }

  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape)
    return mean(x, this.dataFormat === 'channelsLast' ? [1, 2] : [2, 3], this.keepDims)
  }

  override getConfig(): Config {
    return { ...super.getConfig(), keepDims: this.keepDims, dataFormat: this.dataFormat }
  }
}

/** The greatest element of each window of an image. */
export const maxPooling2d: (options?: Pooling2dOptions) => MaxPooling2d = registerLayer('maxPooling2d', MaxPooling2d)
/** The mean of each window of an image, padding left out. */
export const averagePooling2d: (options?: Pooling2dOptions) => AveragePooling2d = registerLayer(
  'averagePooling2d',
  AveragePooling2d,
)
/** The mean of each channel: [batch, height, width, channels] → [batch, channels]. */
export const globalAveragePooling2d: (options?: GlobalPooling2dOptions) => GlobalAveragePooling2d = registerLayer(
  'globalAveragePooling2d',
  GlobalAveragePooling2d,
)
