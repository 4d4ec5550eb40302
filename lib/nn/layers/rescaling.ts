// Inputs brought to another range, such as pixels of 0 to 255 to [0, 1]: part of the model, so that it is saved with it and done batch by batch.
import { ValueError, wrongArgument } from '../../errors.js'
import { castTo } from '../../ops/cast.js'
import { applyFormula, formula } from '../../ops/elementwise.js'
import { isFloat } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'

/** Options of `rescaling`. */
export interface RescalingOptions extends LayerOptions {
  /** What inputs are multiplied by: a number, or one for each channel (the last axis). */
  scale: number | readonly number[]
  /** What is added then: a number, or one for each channel (default 0). */
  offset?: number | readonly number[]
}

const rescale = formula('rescaling', 3, (x, scale, offset) => x.mul(scale).add(offset))

function factor(argument: string, value: number | readonly number[]): number | readonly number[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length === 0 || !list.every(Number.isFinite))
    throw new ValueError(wrongArgument('rescaling', argument, 'a finite number, or one for each channel', value))
  return Array.isArray(value) ? [...value] : value
}

/** x·scale + offset, in training and inference alike. Integers, such as uint8 pixels, become the layer's dtype first. */
export class Rescaling extends Layer {
  readonly className = 'rescaling'
  readonly scale: number | readonly number[]
  readonly offset: number | readonly number[]

  constructor(options: RescalingOptions) {
    super('rescaling', options)
    this.scale = factor('scale', options.scale)
    this.offset = factor('offset', options.offset ?? 0)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    for (const { length } of [this.scale, this.offset].filter(Array.isArray)) {
      if (inputShape.length < 2 || (inputShape.at(-1) !== length && inputShape.at(-1) !== null))
        throw this.wrongInput(`[batch, …, ${length}]`, inputShape)
    }
    return inputShape
  }

  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape)
    return applyFormula(rescale, [isFloat(x.dtype) ? x : castTo(x, this.dtype), this.scale, this.offset] as never)
  }

  override getConfig(): Config {
    return { ...super.getConfig(), scale: this.scale, offset: this.offset }
  }
}

/** x·scale + offset: `rescaling({ scale: 1 / 255 })` takes uint8 pixels to [0, 1]. */
export const rescaling: (options: RescalingOptions) => Rescaling = registerLayer('rescaling', Rescaling)
