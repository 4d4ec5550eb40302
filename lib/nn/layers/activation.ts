// Activations as layers.

import { ValueError, wrongArgument } from '../../errors.js'
import { leakyRelu as leaky } from '../../ops/activations.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type ActivationLike, getActivation, type Activation as Resolved } from '../activations.js'
import { notNegative } from '../check.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'

/** Options of `activation`. */
export interface ActivationOptions extends LayerOptions {
  /** Name of an activation, or a function of one tensor. */
  activation: ActivationLike
}

/** Applies an activation to every element (softmax and logSoftmax: along the last axis). */
export class Activation extends Layer {
  readonly className = 'activation'
  private readonly activation: Resolved

  constructor(options: ActivationOptions) {
    super('activation', options)
    if (options.activation === undefined || options.activation === null)
      throw new ValueError(
        wrongArgument('activation', 'activation', 'the name of an activation or a function', options.activation),
      )
    this.activation = getActivation('activation', options.activation)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape
  }

  call(x: Tensor): Tensor {
    return this.activation.apply(x)
  }

  override getConfig(): Config {
    return { ...super.getConfig(), activation: this.activation.config }
  }
}

/** Options of `leakyRelu`. */
export interface LeakyReluOptions extends LayerOptions {
  /** Slope for negative inputs (default 0.3, as Keras' layer; Keras' function has 0.2, PyTorch 0.01). */
  negativeSlope?: number
}

/** x for x > 0, negativeSlope·x elsewhere. */
export class LeakyRelu extends Layer {
  readonly className = 'leakyRelu'
  readonly negativeSlope: number

  constructor(options: LeakyReluOptions = {}) {
    super('leakyRelu', options)
    this.negativeSlope = notNegative('leakyRelu', 'negativeSlope', options.negativeSlope ?? 0.3)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape
  }

  call(x: Tensor): Tensor {
    return leaky(x, this.negativeSlope)
  }

  override getConfig(): Config {
    return { ...super.getConfig(), negativeSlope: this.negativeSlope }
  }
}

/** An activation by name or function, on every element. */
export const activation: (options: ActivationOptions) => Activation = registerLayer('activation', Activation)
/** x for x > 0, negativeSlope·x (default 0.3) elsewhere. */
export const leakyRelu: (options?: LeakyReluOptions) => LeakyRelu = registerLayer('leakyRelu', LeakyRelu)
