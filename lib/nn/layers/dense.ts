// The fully connected layer.
import { matMul } from '../../ops/matmul.js'
import { reshape } from '../../ops/shape-ops.js'
import type { Tensor, Variable } from '../../tensor/tensor.js'
import { type Activation, type ActivationLike, getActivation } from '../activations.js'
import { positiveInteger, truth } from '../check.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'
import { type KernelOptions, type KernelParts, kernelConfig, kernelParts } from './kernel-options.js'

/** Options of `dense`. */
export interface DenseOptions extends LayerOptions, KernelOptions {
  /** Number of outputs. */
  units: number
  /** Default linear. */
  activation?: ActivationLike | null
  /** Default true. */
  useBias?: boolean
}

/**
 * activation(x·kernel + bias) along the last axis: [batch, …, features] → [batch, …, units].
 * Parameters: kernel [features, units], bias [units].
 */
export class Dense extends Layer {
  readonly className = 'dense'
  readonly units: number
  readonly useBias: boolean
  declare kernel: Variable
  declare bias: Variable | undefined
  private readonly activation: Activation
  private readonly parts: KernelParts

  constructor(options: DenseOptions) {
    super('dense', options)
    this.units = positiveInteger('dense', 'units', options.units)
    this.useBias = truth('dense', 'useBias', options.useBias ?? true)
    this.activation = getActivation('dense', options.activation)
    this.parts = kernelParts('dense', options)
    this.buildIfKnown()
  }

  private features(inputShape: BatchShape): number {
    const features = inputShape[inputShape.length - 1]
    if (inputShape.length < 2 || features === null || features === undefined)
      throw this.wrongInput('[batch, …, features] with a known number of features', inputShape)
    return features
  }

  override build(inputShape: BatchShape): void {
    const { kernel, bias } = this.parts
    this.kernel = this.addWeight('kernel', [this.features(inputShape), this.units], kernel)
    if (this.useBias) this.bias = this.addWeight('bias', [this.units], bias)
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    const features = this.features(inputShape)
    if (this.built && features !== this.kernel.shape[0])
      throw this.wrongInput(`[batch, …, ${this.kernel.shape[0]}], as at the first call`, inputShape)
    return [...inputShape.slice(0, -1), this.units]
  }

  call(x: Tensor): Tensor {
    const shape = this.computeOutputShape(x.shape) as number[]
    const rows = x.rank > 2 ? reshape(x, [x.size / (x.shape[x.rank - 1] as number) || 0, x.shape[x.rank - 1] as number]) : x
    const product = matMul(rows, this.kernel)
    const flat = this.bias ? this.activation.applyWithBias(product, this.bias) : this.activation.apply(product)
    return x.rank > 2 ? reshape(flat, shape) : flat
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: this.activation.config,
      useBias: this.useBias,
      ...kernelConfig(this.parts),
    }
  }
}

/** A fully connected layer: activation(x·kernel + bias) along the last axis, [batch, …, features] → [batch, …, units]. */
export const dense: (options: DenseOptions) => Dense = registerLayer('dense', Dense)
