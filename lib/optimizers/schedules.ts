// Learning rates as functions of the step count, with the formulas of Keras 3. A schedule is one formula: the optimizer runs it on its step
// counter (one element, in float64), and `at` runs the same on any other.
import { ValueError, wrongArgument } from '../errors.js'
import { finite, fraction, notNegative, positive, truth } from '../nn/check.js'
import { type Config, type Configurable, Registry, type Serialized } from '../nn/registry.js'
import { applyFormula, formula } from '../ops/elementwise.js'
import { Expression } from '../ops/expression/expression.js'
import type { Formula } from '../ops/expression/formula.js'
import { full } from '../tensor/creation.js'

/** A learning rate that depends on the number of steps taken. One of your own defines `className`, `rate` and `getConfig`. */
export abstract class LearningRateSchedule implements Configurable {
  abstract readonly className: string
  abstract getConfig(): Config
  /** The learning rate as a formula of the step count. */
  abstract rate(step: Expression): Expression

  private compiled: Formula | undefined
  /** @internal */
  get formula(): Formula {
    this.compiled ??= formula(this.className, 1, (step) => this.rate(step))
    return this.compiled
  }

  /** The learning rate after `step` steps. */
  at(step: number): number {
    return applyFormula(this.formula, [full([], notNegative(this.className, 'step', step), 'float64')]).item()
  }
}

class Decay extends LearningRateSchedule {
  constructor(
    readonly className: string,
    private readonly config: Config,
    readonly rate: (step: Expression) => Expression,
  ) {
    super()
  }
  getConfig(): Config {
    return this.config
  }
}

export const scheduleRegistry = new Registry<LearningRateSchedule>('schedule')

export interface DecayOptions {
  initialLearningRate: number
  /** Steps over which the decay is measured. */
  decaySteps: number
}

export interface RateOptions extends DecayOptions {
  decayRate: number
  /** Decay in steps, at whole multiples of decaySteps (default false). */
  staircase?: boolean
}

function checkDecay(fn: string, { initialLearningRate, decaySteps }: DecayOptions): void {
  notNegative(fn, 'initialLearningRate', initialLearningRate)
  positive(fn, 'decaySteps', decaySteps)
}

function periods(step: Expression, decaySteps: number, staircase: boolean): Expression {
  const p = step.div(decaySteps)
  return staircase ? p.floor() : p
}

/** initialLearningRate · decayRate^(step / decaySteps). */
export const exponentialDecay: (options: RateOptions) => LearningRateSchedule = scheduleRegistry.register(
  'exponentialDecay',
  ({ initialLearningRate, decaySteps, decayRate, staircase = false }: RateOptions) => {
    checkDecay('exponentialDecay', { initialLearningRate, decaySteps })
    positive('exponentialDecay', 'decayRate', decayRate)
    truth('exponentialDecay', 'staircase', staircase)
    const config = { initialLearningRate, decaySteps, decayRate, staircase }
    return new Decay('exponentialDecay', config, (step) =>
      periods(step, decaySteps, staircase).mul(Math.log(decayRate)).exp().mul(initialLearningRate),
    )
  },
) as (options: RateOptions) => LearningRateSchedule

/** initialLearningRate / (1 + decayRate · step / decaySteps). */
export const inverseTimeDecay: (options: RateOptions) => LearningRateSchedule = scheduleRegistry.register(
  'inverseTimeDecay',
  ({ initialLearningRate, decaySteps, decayRate, staircase = false }: RateOptions) => {
    checkDecay('inverseTimeDecay', { initialLearningRate, decaySteps })
    notNegative('inverseTimeDecay', 'decayRate', decayRate)
    truth('inverseTimeDecay', 'staircase', staircase)
    const config = { initialLearningRate, decaySteps, decayRate, staircase }
    return new Decay('inverseTimeDecay', config, (step) =>
      Expression.constant(initialLearningRate).div(periods(step, decaySteps, staircase).mul(decayRate).add(1)),
    )
  },
) as (options: RateOptions) => LearningRateSchedule

export interface PolynomialOptions extends DecayOptions {
  /** Default 0.0001. */
  endLearningRate?: number
  /** Default 1: linear. */
  power?: number
  /** Start over beyond decaySteps, over the next multiple of it (default false: stay at the end). */
  cycle?: boolean
}

/** (initial − end) · (1 − step / decaySteps)^power + end. */
export const polynomialDecay: (options: PolynomialOptions) => LearningRateSchedule = scheduleRegistry.register(
  'polynomialDecay',
  ({ initialLearningRate, decaySteps, endLearningRate = 1e-4, power = 1, cycle = false }: PolynomialOptions) => {
    checkDecay('polynomialDecay', { initialLearningRate, decaySteps })
    notNegative('polynomialDecay', 'endLearningRate', endLearningRate)
    positive('polynomialDecay', 'power', power)
    truth('polynomialDecay', 'cycle', cycle)
    const config = { initialLearningRate, decaySteps, endLearningRate, power, cycle }
    return new Decay('polynomialDecay', config, (step) => {
      const span = step.div(decaySteps).ceil().maximum(1).mul(decaySteps)
      const p = cycle ? step.div(span) : step.minimum(decaySteps).div(decaySteps)
      const left = p.neg().add(1)
      return (power === 1 ? left : left.pow(power)).mul(initialLearningRate - endLearningRate).add(endLearningRate)
    })
  },
) as (options: PolynomialOptions) => LearningRateSchedule

export interface CosineOptions extends DecayOptions {
  /** The lowest rate, as a fraction of the highest (default 0). */
  alpha?: number
  /** Rate that a linear warm-up from initialLearningRate reaches first (default none: no warm-up). */
  warmupTarget?: number | null
  /** Steps of the warm-up (default 0). */
  warmupSteps?: number
}

/** highest · ((1 − alpha) · ½(1 + cos(π·step / decaySteps)) + alpha), after an optional linear warm-up. Loshchilov and Hutter 2017. */
export const cosineDecay: (options: CosineOptions) => LearningRateSchedule = scheduleRegistry.register(
  'cosineDecay',
  ({ initialLearningRate, decaySteps, alpha = 0, warmupTarget = null, warmupSteps = 0 }: CosineOptions) => {
    checkDecay('cosineDecay', { initialLearningRate, decaySteps })
    notNegative('cosineDecay', 'alpha', alpha)
    if (warmupTarget !== null) notNegative('cosineDecay', 'warmupTarget', warmupTarget)
    notNegative('cosineDecay', 'warmupSteps', warmupSteps)
    const config = { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps }
    const cosine = (step: Expression, highest: number): Expression =>
      step
        .minimum(decaySteps)
        .mul(Math.PI / decaySteps)
        .cos()
        .add(1)
        .mul(0.5 * (1 - alpha) * highest)
        .add(alpha * highest)
    return new Decay('cosineDecay', config, (step) => {
      if (warmupTarget === null) return cosine(step, initialLearningRate)
      const warmup = step.mul((warmupTarget - initialLearningRate) / Math.max(1, warmupSteps)).add(initialLearningRate)
      return step.less(warmupSteps).where(warmup, cosine(step.sub(warmupSteps), warmupTarget))
    })
  },
) as (options: CosineOptions) => LearningRateSchedule

export interface PiecewiseOptions {
  /** Increasing step counts. */
  boundaries: readonly number[]
  /** One rate more than boundaries: values[i] holds up to and including boundaries[i]. */
  values: readonly number[]
}

/** A constant rate between boundaries. */
export const piecewiseConstantDecay: (options: PiecewiseOptions) => LearningRateSchedule = scheduleRegistry.register(
  'piecewiseConstantDecay',
  ({ boundaries, values }: PiecewiseOptions) => {
    const fn = 'piecewiseConstantDecay'
    if (
      !Array.isArray(boundaries) ||
      boundaries.some((b, i) => !Number.isFinite(b) || (i > 0 && b <= (boundaries[i - 1] as number)))
    )
      throw new ValueError(wrongArgument(fn, 'boundaries', 'an array of increasing numbers', boundaries))
    if (!Array.isArray(values) || values.length !== boundaries.length + 1)
      throw new ValueError(
        wrongArgument(fn, 'values', `an array of ${boundaries.length + 1} rates, one more than boundaries`, values),
      )
    for (const value of values) notNegative(fn, 'values', value)
    return new Decay(fn, { boundaries: [...boundaries], values: [...values] }, (step) =>
      boundaries.reduceRight<Expression>(
        (later, boundary, i) => step.lessEqual(boundary).where(values[i] as number, later),
        Expression.constant(values[boundaries.length] as number),
      ),
    )
  },
) as (options: PiecewiseOptions) => LearningRateSchedule

export interface RestartOptions {
  initialLearningRate: number
  /** Steps of the first period. */
  firstDecaySteps: number
  /** Each period is this many times as long as the one before (default 2, at least 1). */
  tMul?: number
  /** Each period starts at this fraction of the rate of the one before (default 1). */
  mMul?: number
  /** The lowest rate, as a fraction of the initial one (default 0). */
  alpha?: number
}

/** Which of periods of length 1, tMul, tMul², … a time falls in, and the fraction of it that is over. */
function periodOf(time: Expression, tMul: number): { period: Expression; within: Expression } {
  if (tMul === 1) return { period: time.floor(), within: time.sub(time.floor()) }
  // A restart must not be missed by a rounding of the logarithm, hence the 1e-6.
  const logarithm = time
    .mul(tMul - 1)
    .log1p()
    .div(Math.log(tMul))
  const period = logarithm.add(1e-6).floor()
  const length = period.mul(Math.log(tMul)).exp()
  return { period, within: time.sub(length.sub(1).div(tMul - 1)).div(length) }
}

/** Cosine decay that starts over, in ever longer periods. Loshchilov and Hutter 2017. */
export const cosineDecayRestarts: (options: RestartOptions) => LearningRateSchedule = scheduleRegistry.register(
  'cosineDecayRestarts',
  ({ initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 }: RestartOptions) => {
    const fn = 'cosineDecayRestarts'
    notNegative(fn, 'initialLearningRate', initialLearningRate)
    positive(fn, 'firstDecaySteps', firstDecaySteps)
    positive(fn, 'mMul', mMul)
    fraction(fn, 'alpha', alpha)
    if (!(finite(fn, 'tMul', tMul) >= 1)) throw new ValueError(wrongArgument(fn, 'tMul', 'at least 1', tMul))
    const config = { initialLearningRate, firstDecaySteps, tMul, mMul, alpha }
    return new Decay(fn, config, (step) => {
      const { period, within } = periodOf(step.div(firstDecaySteps), tMul)
      const highest = period.mul(Math.log(mMul)).exp()
      const cosine = within.mul(Math.PI).cos().add(1).mul(0.5).mul(highest)
      return cosine
        .mul(1 - alpha)
        .add(alpha)
        .mul(initialLearningRate)
    })
  },
) as (options: RestartOptions) => LearningRateSchedule

/** The schedule itself, or from its saved form. */
export function getSchedule(fn: string, value: LearningRateSchedule | Serialized): LearningRateSchedule {
  if (typeof value === 'object' && value !== null) return scheduleRegistry.resolve(fn, value)
  throw new ValueError(wrongArgument(fn, 'learningRate', 'a number or a schedule', value))
}
