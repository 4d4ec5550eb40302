// The optimizers by name and by factory. Defaults are those of Keras 3.
import { Registry, type Serialized } from '../nn/registry.js'
import { Adagrad, type AdagradOptions } from './adagrad.js'
import { Adam, type AdamOptions } from './adam.js'
import { Optimizer, type OptimizerOptions } from './optimizer.js'
import { Rmsprop, type RmspropOptions } from './rmsprop.js'
import {
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  piecewiseConstantDecay,
  polynomialDecay,
} from './schedules.js'
import { Sgd, type SgdOptions } from './sgd.js'

export { LearningRateSchedule } from './schedules.js'
export {
  Adagrad,
  type AdagradOptions,
  Adam,
  type AdamOptions,
  Optimizer,
  type OptimizerOptions,
  Rmsprop,
  type RmspropOptions,
  Sgd,
  type SgdOptions,
}

export const optimizerRegistry = new Registry<Optimizer>('optimizer')

/** The optimizers: `st.optimizers.adam({ learningRate: 1e-3 })`. */
export const optimizers = {
  /** Stochastic gradient descent, with momentum or Nesterov momentum on request. */
  sgd: optimizerRegistry.register('sgd', (options: SgdOptions) => new Sgd(options)) as (options?: SgdOptions) => Sgd,
  /** Gradients divided by a running root mean square. */
  rmsprop: optimizerRegistry.register('rmsprop', (options: RmspropOptions) => new Rmsprop(options)) as (
    options?: RmspropOptions,
  ) => Rmsprop,
  /** Momentum divided by a running root mean square, both bias-corrected. */
  adam: optimizerRegistry.register('adam', (options: AdamOptions) => new Adam(options)) as (options?: AdamOptions) => Adam,
  /** Adam with decoupled weight decay (default 0.004). */
  adamW: optimizerRegistry.register('adamW', (options: AdamOptions) => new Adam(options, 'adamW')) as (
    options?: AdamOptions,
  ) => Adam,
  /** Gradients divided by the root of the sum of their squares so far. */
  adagrad: optimizerRegistry.register('adagrad', (options: AdagradOptions) => new Adagrad(options)) as (
    options?: AdagradOptions,
  ) => Adagrad,
}

/** Names of the optimizers. */
export type OptimizerName = keyof typeof optimizers
/** An optimizer by name, made by its factory, or in saved form. */
export type OptimizerLike = OptimizerName | Optimizer | Serialized

/** The optimizer of that name, with its defaults, or the given one. */
export function getOptimizer(value: OptimizerLike, fn = 'getOptimizer'): Optimizer {
  return optimizerRegistry.resolve(fn, value)
}

/** Learning-rate schedules: `st.schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 1000 })`. */
export const schedules = {
  exponentialDecay,
  inverseTimeDecay,
  polynomialDecay,
  cosineDecay,
  cosineDecayRestarts,
  piecewiseConstantDecay,
}
