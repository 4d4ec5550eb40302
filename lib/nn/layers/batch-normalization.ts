// Batch normalization (Ioffe and Szegedy 2015) with Keras 3's defaults and conventions: momentum is what is kept of the old statistic, the
// variance is the biased one. Invariant: the running statistics are written in training mode only, and never by a frozen layer.
import { noGrad } from '../../autograd/mode.js'
import { formula } from '../../ops/elementwise.js'
import type { Formula } from '../../ops/expression/formula.js'
import { reshape, transpose } from '../../ops/shape-ops.js'
import { full } from '../../tensor/creation.js'
import { normalizeAxis } from '../../tensor/shape.js'
import type { Tensor, Variable } from '../../tensor/tensor.js'
import { fraction, notNegative, truth } from '../check.js'
import { type ConstraintLike, getConstraint } from '../constraints.js'
import { getInitializer, type Initializer, type InitializerLike } from '../initializers.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer, type WeightOptions } from '../layer.js'
import { type Config, serialize } from '../registry.js'
import { getRegularizer, type RegularizerLike } from '../regularizers.js'
import { type Moments, normalize, normalizeBatch } from './batch-statistics.js'

/** Options of `batchNormalization`. */
export interface BatchNormalizationOptions extends LayerOptions {
  /** The axis of the channels (default -1). */
  axis?: number
  /** What is kept of the running statistics at each step (default 0.99; PyTorch's momentum is 1 − this). */
  momentum?: number
  /** Added to the variance (default 0.001). */
  epsilon?: number
  /** Whether there is a beta, an offset (default true). */
  center?: boolean
  /** Whether there is a gamma, a factor (default true). */
  scale?: boolean
  /** Default 'zeros'. */
  betaInitializer?: InitializerLike
  /** Default 'ones'. */
  gammaInitializer?: InitializerLike
  /** Default 'zeros'. */
  movingMeanInitializer?: InitializerLike
  /** Default 'ones'. */
  movingVarianceInitializer?: InitializerLike
  betaRegularizer?: RegularizerLike
  gammaRegularizer?: RegularizerLike
  betaConstraint?: ConstraintLike
  gammaConstraint?: ConstraintLike
}

/** new statistic = momentum·old + (1 − momentum)·batch, as a formula. */
function runningUpdate(momentum: number): Formula {
  return formula('runningStatistic', 2, (old, batch) => old.mul(momentum).add(batch.mul(1 - momentum)))
}

/**
 * Normalizes each channel: γ·(x − mean) / √(variance + epsilon) + β. In training mode (and unless frozen) with the statistics of the batch,
 * which also update the running ones; otherwise with the running ones.
 * Parameters: gamma, beta [channels]; state: movingMean, movingVariance [channels].
 */
export class BatchNormalization extends Layer {
  readonly className = 'batchNormalization'
  readonly axis: number
  readonly momentum: number
  readonly epsilon: number
  readonly center: boolean
  readonly scale: boolean
  declare gamma: Variable | undefined
  declare beta: Variable | undefined
  declare movingMean: Variable
  declare movingVariance: Variable
  private readonly parts: { gamma: WeightOptions; beta: WeightOptions; movingMean: Initializer; movingVariance: Initializer }
  private readonly update: Formula

  constructor(options: BatchNormalizationOptions = {}) {
    const fn = 'batchNormalization'
    super(fn, options)
    this.axis = options.axis ?? -1
    this.momentum = fraction(fn, 'momentum', options.momentum ?? 0.99)
    this.epsilon = notNegative(fn, 'epsilon', options.epsilon ?? 1e-3)
    this.center = truth(fn, 'center', options.center ?? true)
    this.scale = truth(fn, 'scale', options.scale ?? true)
    const part = (initializer: InitializerLike, regularizer?: RegularizerLike, constraint?: ConstraintLike): WeightOptions => ({
      initializer: getInitializer(fn, initializer),
      regularizer: getRegularizer(fn, regularizer),
      constraint: getConstraint(fn, constraint),
    })
    this.parts = {
      gamma: part(options.gammaInitializer ?? 'ones', options.gammaRegularizer, options.gammaConstraint),
      beta: part(options.betaInitializer ?? 'zeros', options.betaRegularizer, options.betaConstraint),
      movingMean: getInitializer(fn, options.movingMeanInitializer ?? 'zeros'),
      movingVariance: getInitializer(fn, options.movingVarianceInitializer ?? 'ones'),
    }
    this.update = runningUpdate(this.momentum)
    this.buildIfKnown()
  }

  /** Number of channels of an input shape, checked. */
  private channels(inputShape: BatchShape): number {
    const axis = normalizeAxis(this.name, this.axis, inputShape.length)
    const channels = inputShape[axis]
    if (inputShape.length < 2 || axis === 0 || channels === null || channels === undefined)
      throw this.wrongInput(
        `at least [batch, channels] with a known size of axis ${this.axis}, which is not the batch`,
        inputShape,
      )
    if (this.built && channels !== this.movingMean.shape[0])
      throw this.wrongInput(`of ${this.movingMean.shape[0]} channels on axis ${this.axis}, as at the first call`, inputShape)
    return channels
  }

  override build(inputShape: BatchShape): void {
    const shape = [this.channels(inputShape)]
    const { gamma, beta, movingMean, movingVariance } = this.parts
    if (this.scale) this.gamma = this.addWeight('gamma', shape, gamma)
    if (this.center) this.beta = this.addWeight('beta', shape, beta)
    this.movingMean = this.addWeight('movingMean', shape, { initializer: movingMean, trainable: false })
    this.movingVariance = this.addWeight('movingVariance', shape, { initializer: movingVariance, trainable: false })
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    this.channels(inputShape)
    return inputShape
  }

  call(x: Tensor): Tensor {
    const channels = this.channels(x.shape)
    const axis = normalizeAxis(this.name, this.axis, x.rank)
    if (axis === x.rank - 1) return reshape(this.rows(reshape(x, [x.size / channels || 0, channels])), x.shape)
    const swap = x.shape.map((_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis : i))
    const last = transpose(x, swap)
    return transpose(reshape(this.rows(reshape(last, [x.size / channels || 0, channels])), last.shape), swap)
  }

  /** x [rows, channels]. */
  private rows(x: Tensor): Tensor {
    const gamma = this.gamma ?? full(this.movingMean.shape, 1, this.dtype)
    const beta = this.beta ?? full(this.movingMean.shape, 0, this.dtype)
    if (!this.training || !this.trainable || x.size === 0) {
      const statistics = { mean: this.movingMean.detach(), variance: this.movingVariance.detach() }
      return normalize(x, statistics, gamma, beta, this.epsilon)
    }
    return normalizeBatch(x, gamma, beta, this.epsilon, (statistics) => this.observe(statistics))
  }

  private observe({ mean, variance }: Moments): void {
    if (mean.dtype !== this.dtype) return
    noGrad(() => {
      this.update.assign([this.movingMean], [this.movingMean, mean])
      this.update.assign([this.movingVariance], [this.movingVariance, variance])
    })
  }

  override getConfig(): Config {
    const { gamma, beta, movingMean, movingVariance } = this.parts
    return {
      ...super.getConfig(),
      axis: this.axis,
      momentum: this.momentum,
      epsilon: this.epsilon,
      center: this.center,
      scale: this.scale,
      betaInitializer: serialize(beta.initializer),
      gammaInitializer: serialize(gamma.initializer),
      movingMeanInitializer: serialize(movingMean),
      movingVarianceInitializer: serialize(movingVariance),
      betaRegularizer: serialize(beta.regularizer ?? null),
      gammaRegularizer: serialize(gamma.regularizer ?? null),
      betaConstraint: serialize(beta.constraint ?? null),
      gammaConstraint: serialize(gamma.constraint ?? null),
    }
  }
}

/** Normalizes each channel by the statistics of the batch, in inference by running ones. Ioffe and Szegedy 2015. */
export const batchNormalization: (options?: BatchNormalizationOptions) => BatchNormalization = registerLayer(
  'batchNormalization',
  BatchNormalization,
)
