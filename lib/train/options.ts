// Options of fit, evaluate and predict, and their checks. Invariant: options that pass can be run.
import { checkOptions, StateError, ValueError, wrongArgument } from '../errors.js'
import type { TensorLike } from '../tensor/creation.js'
import type { DataSet } from './batches.js'
import type { Callback, Hooks } from './callbacks/callback.js'
import type { ProgressStream, Verbosity } from './progress.js'
import type { ClassWeights } from './weights.js'

/** Validation data: arrays, arrays with sample weights, or a data set. */
export type ValidationData = readonly [x: TensorLike, y: TensorLike, sampleWeight?: TensorLike] | DataSet

/** Options of `fit`. */
export interface FitOptions {
  /** Epochs in all, those before `initialEpoch` included. Default 1. */
  epochs?: number
  /** Samples per update. Default 32. Data sets have batches of their own. */
  batchSize?: number
  /** 0 silent, 1 a bar on a terminal and a line per epoch elsewhere, 2 a line per epoch. Default 1. */
  verbose?: Verbosity
  /** Called in this order, those that save last. Plain objects of hooks will do. */
  callbacks?: readonly (Callback | Hooks)[]
  /** Measured after each epoch as valLoss, valAccuracy, … */
  validationData?: ValidationData
  /** Share of the samples, taken from the end before shuffling, that is held out as validation data. Default 0. */
  validationSplit?: number
  /** Batches of the validation. Default: all. */
  validationSteps?: number
  /** Default: batchSize. */
  validationBatchSize?: number
  /** Validate after every so many epochs. Default 1. */
  validationFreq?: number
  /** A new random order in each epoch. Default true. Data sets have an order of their own. */
  shuffle?: boolean
  /** Seed of the order. Default: drawn from the default generator, so that `setSeed` decides. */
  seed?: number
  /** Weight of each class in the loss: `{ 0: 1, 1: 5 }`. */
  classWeight?: ClassWeights
  /** Weight of each sample in the loss. */
  sampleWeight?: TensorLike
  /** Number of the first epoch. Default 0. */
  initialEpoch?: number
  /** Batches per epoch. Default: all there are. */
  stepsPerEpoch?: number
  /** Stops training between two batches: `fit` then rejects with the signal's reason, and the model keeps what it has learnt. */
  signal?: AbortSignal
  /** Continue the training that the model was loaded from: its epoch, batch, order and figures so far. Default false. */
  resume?: boolean
  /** Where progress goes. Default process.stdout. */
  stream?: ProgressStream
}

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Default 32. */
  batchSize?: number
  sampleWeight?: TensorLike
  /** Batches to look at. Default: all. */
  steps?: number
  /** Stops between two batches: rejects with the signal's reason. */
  signal?: AbortSignal
}

/** Options of `predict` and `predictStream`. */
export interface PredictOptions {
  /** Default 32. */
  batchSize?: number
  /** Batches to look at. Default: all. */
  steps?: number
  /** Stops between two batches: rejects with the signal's reason. */
  signal?: AbortSignal
}

/** Options of `trainOnBatch`. */
export interface TrainOnBatchOptions {
  sampleWeight?: TensorLike
  classWeight?: ClassWeights
}

const fitNames = [
  'epochs',
  'batchSize',
  'verbose',
  'callbacks',
  'validationData',
  'validationSplit',
  'validationSteps',
  'validationBatchSize',
  'validationFreq',
  'shuffle',
  'seed',
  'classWeight',
  'sampleWeight',
  'initialEpoch',
  'stepsPerEpoch',
  'signal',
  'resume',
  'stream',
]

function integer(fn: string, name: string, value: unknown, minimum: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= minimum)) return
  throw new ValueError(wrongArgument(fn, name, minimum > 0 ? 'a positive integer' : 'a non-negative integer', value))
}

/** Checks what can be checked before the data is looked at. */
export function checkFitOptions(options: FitOptions): void {
  checkOptions('fit', options, fitNames)
  const { epochs, batchSize, validationSteps, validationBatchSize, validationFreq, stepsPerEpoch, initialEpoch, seed } = options
  const positive = { batchSize, validationSteps, validationBatchSize, validationFreq, stepsPerEpoch }
  for (const [name, value] of Object.entries(positive)) integer('fit', name, value, 1)
  for (const [name, value] of Object.entries({ epochs, initialEpoch, seed })) integer('fit', name, value, 0)
  const { verbose = 1, validationSplit = 0, validationData, resume, seed: givenSeed } = options
  if (![0, 1, 2].includes(verbose)) throw new ValueError(wrongArgument('fit', 'verbose', '0, 1 or 2', verbose))
  if (!(validationSplit >= 0 && validationSplit < 1))
    throw new ValueError(wrongArgument('fit', 'validationSplit', 'a number in [0, 1)', validationSplit))
  if (validationSplit > 0 && validationData)
    throw new ValueError('fit: validationSplit and validationData exclude each other; give one of them')
  if (resume && (givenSeed !== undefined || initialEpoch !== undefined))
    throw new ValueError('fit: resume takes seed and epoch from the saved training; leave out seed and initialEpoch')
}

const evaluateNames = ['batchSize', 'sampleWeight', 'steps', 'signal']

/** Checks the options of `evaluate` and `predict`. */
export function checkBatchOptions(fn: string, options: EvaluateOptions | PredictOptions): void {
  checkOptions(fn, options, fn === 'evaluate' ? evaluateNames : evaluateNames.filter((name) => name !== 'sampleWeight'))
  integer(fn, 'batchSize', options.batchSize, 1)
  integer(fn, 'steps', options.steps, 1)
}

/** Refuses arguments that a data set brings itself. */
export function refuseWithDataSet(fn: string, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== null)
      throw new StateError(`${fn}: argument '${name}' cannot be used with a data set; let it yield what is needed`)
  }
}
