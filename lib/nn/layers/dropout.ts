// Dropout. Its random numbers come from a generator of its own, whose state is part of the layer's state, so a resumed run drops the same.
import { ShapeError, ValueError, wrongArgument } from '../../errors.js'
import { castTo } from '../../ops/cast.js'
import { applyFormula, formula } from '../../ops/elementwise.js'
import type { Formula } from '../../ops/expression/formula.js'
import { Generator, random } from '../../ops/random.js'
import { sizeOf } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { fraction } from '../check.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import type { Config } from '../registry.js'

/** Options of `dropout`. */
export interface DropoutOptions extends LayerOptions {
  /** Fraction of the inputs that are set to 0, in [0, 1]. */
  rate: number
  /** Shape of the mask, batch axis first; null takes the input's size, 1 shares one draw along the axis (default: the input's shape). */
  noiseShape?: readonly (number | null)[] | null
  /** Seed of the layer's generator (default: drawn from the default generator, so `setSeed` decides). */
  seed?: number | null
}

/**
 * In training mode, sets inputs to 0 with probability `rate` and multiplies the rest by 1 / (1 − rate); otherwise the identity.
 * Srivastava et al. 2014.
 */
export class Dropout extends Layer {
  readonly className = 'dropout'
  readonly rate: number
  readonly noiseShape: readonly (number | null)[] | null
  readonly seed: number | null
  /** The layer's random numbers. */
  readonly generator: Generator
  private readonly mask: Formula

  constructor(options: DropoutOptions) {
    super('dropout', options)
    const { noiseShape = null, seed = null } = options
    this.rate = fraction('dropout', 'rate', options.rate)
    if (
      noiseShape !== null &&
      !(Array.isArray(noiseShape) && noiseShape.every((n) => n === null || (Number.isInteger(n) && n > 0)))
    )
      throw new ValueError(wrongArgument('dropout', 'noiseShape', 'an array of positive integers and nulls', noiseShape))
    if (seed !== null && !Number.isSafeInteger(seed))
      throw new ValueError(wrongArgument('dropout', 'seed', 'a safe integer', seed))
    this.noiseShape = noiseShape
    this.seed = seed
    this.generator = new Generator(seed ?? (random.integers([], 0, 2 ** 31).item() as number))
    this.mask = maskFormula(this.rate)
    this.buildIfKnown()
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape
  }

  private maskShape(shape: readonly number[]): number[] {
    if (!this.noiseShape) return [...shape]
    const mask = this.noiseShape.map((size, i) => size ?? (shape[i] as number))
    if (mask.length !== shape.length || mask.some((size, i) => size !== 1 && size !== shape[i]))
      throw new ShapeError(
        `${this.name}: noiseShape [${mask.join(', ')}] does not broadcast to the input's shape [${shape.join(', ')}]`,
      )
    return mask
  }

  call(x: Tensor): Tensor {
    if (!this.training || this.rate === 0) return x
    const mask = this.generator.bernoulli(this.maskShape(x.shape), 1 - this.rate)
    if (sizeOf(x.shape) === 0) return x
    return applyFormula(this.mask, [x, castTo(mask, x.dtype === 'float64' ? 'float64' : 'float32')])
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, noiseShape: this.noiseShape, seed: this.seed }
  }
}

const masks = new Map<number, Formula>()

/** where(mask, x / (1 − rate), 0): a select, so that a dropped infinity is 0, and its gradient as well. */
function maskFormula(rate: number): Formula {
  let mask = masks.get(rate)
  if (!mask) {
    const scale = rate < 1 ? 1 / (1 - rate) : 0
    mask = formula('dropout', 2, (x, kept) => kept.where(x.mul(scale), 0))
    masks.set(rate, mask)
  }
  return mask
}

/** Sets inputs to 0 with probability `rate` while training and scales the rest by 1 / (1 − rate). Srivastava et al. 2014. */
export const dropout: (options: DropoutOptions) => Dropout = registerLayer('dropout', Dropout)
