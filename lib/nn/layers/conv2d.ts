// Convolution of images.

import { ValueError, wrongArgument } from '../../errors.js'
import { conv2d as convolve } from '../../ops/conv.js'
import { type ConvAlgorithm, checkAlgorithm } from '../../ops/conv-algorithm.js'
import { type Pair, pair, slide } from '../../ops/window.js'
import type { Tensor, Variable } from '../../tensor/tensor.js'
import { type Activation, type ActivationLike, getActivation } from '../activations.js'
import { oneOf, positiveInteger, truth } from '../check.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'
import { checkFormat, type DataFormat, formatShape, imageShape, inChannelsLast } from './data-format.js'
import { type KernelOptions, type KernelParts, kernelConfig, kernelParts } from './kernel-options.js'

/** Options of `conv2d`. */
export interface Conv2dLayerOptions extends LayerOptions, KernelOptions {
  /** Number of output channels. */
  filters: number
  /** Height and width of the window. */
  kernelSize: Pair
  /** Steps between windows (default 1). */
  strides?: Pair
  /** 'valid' (default): no padding; 'same': as many outputs as inputs divided by the stride. */
  padding?: 'valid' | 'same'
  /** Default 'channelsLast'. */
  dataFormat?: DataFormat
  /** Distance between the elements of the window (default 1). */
  dilationRate?: Pair
  /** Groups that channels and filters are divided into (default 1). */
  groups?: number
  /** Default linear. */
  activation?: ActivationLike | null
  /** Default true. */
  useBias?: boolean
  /** How it is computed, as in the op `conv2d`: 'auto' (default), 'direct' or 'winograd'. */
  convAlgorithm?: ConvAlgorithm
}

/**
 * activation(x ∗ kernel + bias): [batch, height, width, channels] → [batch, outHeight, outWidth, filters].
 * Parameters: kernel [height, width, channels / groups, filters], bias [filters].
 */
export class Conv2d extends Layer {
  readonly className = 'conv2d'
  readonly filters: number
  readonly kernelSize: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly padding: 'valid' | 'same'
  readonly dataFormat: DataFormat
  readonly dilationRate: readonly [number, number]
  readonly groups: number
  readonly useBias: boolean
  readonly convAlgorithm: ConvAlgorithm
  declare kernel: Variable
  declare bias: Variable | undefined
  private readonly activation: Activation
  private readonly parts: KernelParts

  constructor(options: Conv2dLayerOptions) {
    super('conv2d', options)
    this.filters = positiveInteger('conv2d', 'filters', options.filters)
    this.kernelSize = pair('conv2d', 'kernelSize', options.kernelSize)
    this.strides = pair('conv2d', 'strides', options.strides ?? 1)
    this.padding = oneOf('conv2d', 'padding', options.padding ?? 'valid', ['valid', 'same'])
    this.dataFormat = checkFormat('conv2d', options.dataFormat)
    this.dilationRate = pair('conv2d', 'dilationRate', options.dilationRate ?? 1)
    this.groups = positiveInteger('conv2d', 'groups', options.groups ?? 1)
    if (this.filters % this.groups !== 0)
      throw new ValueError(wrongArgument('conv2d', 'groups', `a divisor of ${this.filters} filters`, this.groups))
    this.useBias = truth('conv2d', 'useBias', options.useBias ?? true)
    this.convAlgorithm = options.convAlgorithm ?? 'auto'
    const { kernelSize, strides, dilationRate: dilation, groups } = this
    checkAlgorithm('conv2d', this.convAlgorithm, { kernelSize, strides, dilation, groups })
    this.activation = getActivation('conv2d', options.activation)
    this.parts = kernelParts('conv2d', options)
    this.buildIfKnown()
  }

  /** Channels of the input, checked. */
  private channels(inputShape: BatchShape): [number | null, number, number, number] {
    const image = imageShape(this.dataFormat, inputShape)
    if (!image) throw this.wrongInput(`images of 4 axes, ${this.dataFormat}`, inputShape)
    if (image[3] % this.groups !== 0) throw this.wrongInput(`images whose channels divide into ${this.groups} groups`, inputShape)
    if (this.built && image[3] !== (this.kernel.shape[2] as number) * this.groups)
      throw this.wrongInput(
        `images of ${(this.kernel.shape[2] as number) * this.groups} channels, as at the first call`,
        inputShape,
      )
    return image
  }

  override build(inputShape: BatchShape): void {
    const channels = this.channels(inputShape)[3]
    const { kernel, bias } = this.parts
    this.kernel = this.addWeight('kernel', [...this.kernelSize, channels / this.groups, this.filters], kernel)
    if (this.useBias) this.bias = this.addWeight('bias', [this.filters], bias)
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    const [batch, height, width, channels] = this.channels(inputShape)
    const { outputs } = slide(
      this.name,
      [0, height, width, channels],
      this.kernelSize,
      this.strides,
      this.padding,
      this.dilationRate,
    )
    return formatShape(this.dataFormat, [batch, ...outputs, this.filters])
  }

  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape)
    const { strides, padding, dilationRate: dilation, groups, convAlgorithm } = this
    return inChannelsLast(this.dataFormat, x, (image) => {
      const y = convolve(image, this.kernel, { strides, padding, dilation, groups, convAlgorithm })
      return this.bias ? this.activation.applyWithBias(y, this.bias) : this.activation.apply(y)
    })
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      filters: this.filters,
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      dataFormat: this.dataFormat,
      dilationRate: this.dilationRate,
      groups: this.groups,
      activation: this.activation.config,
      useBias: this.useBias,
      convAlgorithm: this.convAlgorithm,
      ...kernelConfig(this.parts),
    }
  }
}

/** A convolution of images: [batch, height, width, channels] → [batch, outHeight, outWidth, filters]. */
export const conv2d: (options: Conv2dLayerOptions) => Conv2d = registerLayer('conv2d', Conv2d)
