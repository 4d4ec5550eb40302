// The losses by name, with the short names of Keras, and how they are chosen and saved.
import { checkOptions, describe, ValueError, wrongArgument } from '../../errors.js'
import type { TensorLike } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Config, Serialized } from '../registry.js'
import {
  binaryCrossentropy,
  type CrossentropyOptions,
  categoricalCrossentropy,
  negativeLogLikelihood,
  type SmoothedCrossentropyOptions,
  sparseCategoricalCrossentropy,
} from './crossentropy.js'
import type { LossOptions } from './reduction.js'
import { type HuberOptions, huber, meanAbsoluteError, meanSquaredError } from './regression.js'

export type { Reduction } from './reduction.js'
export type { CrossentropyOptions, HuberOptions, LossOptions, SmoothedCrossentropyOptions }

/** A loss: targets, predictions, and at least the options that all losses take; one element unless the reduction is 'none'. */
export type LossFunction = (yTrue: TensorLike, yPred: TensorLike, options?: LossOptions) => Tensor

interface Entry {
  readonly loss: LossFunction
  /** Options that can be fixed in a saved form. */
  readonly options: readonly string[]
}

const probability = ['fromLogits', 'labelSmoothing']
const table: Readonly<Record<string, Entry>> = {
  meanSquaredError: { loss: meanSquaredError, options: [] },
  meanAbsoluteError: { loss: meanAbsoluteError, options: [] },
  huber: { loss: huber, options: ['delta'] },
  binaryCrossentropy: { loss: binaryCrossentropy, options: probability },
  categoricalCrossentropy: { loss: categoricalCrossentropy, options: probability },
  sparseCategoricalCrossentropy: { loss: sparseCategoricalCrossentropy, options: ['fromLogits'] },
  negativeLogLikelihood: { loss: negativeLogLikelihood, options: [] },
}
const aliases: Readonly<Record<string, string>> = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  bce: 'binaryCrossentropy',
  nll: 'negativeLogLikelihood',
}

/** Names of the losses. */
export type LossName =
  | 'meanSquaredError'
  | 'meanAbsoluteError'
  | 'huber'
  | 'binaryCrossentropy'
  | 'categoricalCrossentropy'
  | 'sparseCategoricalCrossentropy'
  | 'negativeLogLikelihood'
  | 'mse'
  | 'mae'
  | 'bce'
  | 'nll'

/** A loss by name, with options (`{ className: 'huber', config: { delta: 2 } }`), or a function of targets and predictions. */
export type LossLike = LossName | LossFunction | Serialized

/** Names of all losses, without the short ones. */
export const lossNames: readonly string[] = Object.keys(table)

const saved = new WeakMap<LossFunction, Serialized>()
for (const [className, { loss }] of Object.entries(table)) saved.set(loss, { className, config: {} })

function named(fn: string, name: string): { entry: Entry; className: string } {
  const className = Object.hasOwn(aliases, name) ? (aliases[name] as string) : name
  if (!Object.hasOwn(table, className)) {
    const known = [...lossNames, ...Object.keys(aliases)].sort().join(', ')
    throw new ValueError(`${fn}: unknown loss ${describe(name)}; known are ${known}`)
  }
  return { entry: table[className] as Entry, className }
}

/** The loss of that name, or with those options, or the given function itself. */
export function getLoss(value: LossLike, fn = 'getLoss'): LossFunction {
  if (typeof value === 'function') return value
  if (typeof value === 'string') return named(fn, value).entry.loss
  if (typeof value !== 'object' || value === null || typeof value.className !== 'string')
    throw new ValueError(wrongArgument(fn, 'loss', 'the name of a loss or a function of targets and predictions', value))
  const { entry, className } = named(fn, value.className)
  const config: Config = value.config ?? {}
  checkOptions(className, config, entry.options)
  const loss: LossFunction = (yTrue, yPred, options) => entry.loss(yTrue, yPred, { ...config, ...options })
  saved.set(loss, { className, config })
  return loss
}

/** The saved form of a loss; null for a function of the user's own. */
export function lossConfig(loss: LossFunction): Serialized | null {
  return saved.get(loss) ?? null
}

/** Name of a loss for messages and metrics. */
export function lossName(loss: LossFunction): string {
  return saved.get(loss)?.className ?? (loss.name || 'loss')
}

/** The losses: `st.losses.huber(yTrue, yPred, { delta: 2 })`. */
export const losses = {
  meanSquaredError,
  meanAbsoluteError,
  huber,
  binaryCrossentropy,
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
  negativeLogLikelihood,
}
