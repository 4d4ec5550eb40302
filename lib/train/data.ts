// From the arguments of fit, evaluate and predict to sources of batches.
// Invariant: the validation data never shares a sample with the training data that it was split from.
import { TensorDataset } from '../data/dataset.js'
import { misfit, ValueError, wrongArgument } from '../errors.js'
import { inPieces, type TensorLike } from '../tensor/creation.js'
import { ArraySource } from './array-source.js'
import { type BatchSource, type DataSet, DataSetSource, isDataSet, type Samples, sliceSamples, toSamples } from './batches.js'
import { type EvaluateOptions, type FitOptions, type PredictOptions, refuseWithDataSet, type ValidationData } from './options.js'

/** Data of a run: batches by seed (known only once a saved run has been read), and those of the validation. */
export interface FitData {
  readonly source: (seed: number | null) => BatchSource
  readonly validation: BatchSource | null
  /** Whether a seed for the order is to be chosen. */
  readonly shuffled: boolean
}

const defaultBatchSize = 32

/** The data of `fit`. */
export function fitData(given: TensorLike | DataSet, second: TensorLike | null | undefined, options: FitOptions): FitData {
  const { stepsPerEpoch } = options
  const [x, y] = unpacked('fit', given, second)
  if (isDataSet(x)) {
    refuseWithDataSet('fit', { y, sampleWeight: options.sampleWeight, batchSize: options.batchSize })
    if (options.validationSplit) refuseWithDataSet('fit', { validationSplit: options.validationSplit })
    const source = new DataSetSource('fit', x, stepsPerEpoch ?? null)
    return { source: () => source, validation: validationSource(options, null), shuffled: false }
  }
  const { training, held } = split(toSamples('fit', x, y, options.sampleWeight), options.validationSplit ?? 0)
  const { batchSize = defaultBatchSize, shuffle = true } = options
  return {
    source: (seed) => new ArraySource(training, batchSize, seed, stepsPerEpoch),
    validation: validationSource(options, held),
    shuffled: shuffle,
  }
}

/** A data set that lies in memory is taken as the two arrays that it consists of. */
function unpacked(
  fn: string,
  x: TensorLike | DataSet,
  y: TensorLike | null | undefined,
): [TensorLike | DataSet, TensorLike | null | undefined] {
  if (!(x instanceof TensorDataset)) return [x, y]
  refuseWithDataSet(fn, { y })
  return [x.x, x.y]
}

function split(samples: Samples, share: number): { training: Samples; held: Samples | null } {
  const count = samples.x.shape[0] as number
  if (count === 0) throw new ValueError(misfit('fit', 'x', 'at least one sample', 'none'))
  if (share === 0) return { training: samples, held: null }
  const at = Math.floor(count * (1 - share))
  if (at === 0 || at === count)
    throw new ValueError(`fit: validationSplit ${share} of ${count} samples leaves one part empty; choose another share`)
  return { training: sliceSamples(samples, 0, at), held: sliceSamples(samples, at, count) }
}

function validationSource(options: FitOptions, held: Samples | null): BatchSource | null {
  const { validationData, validationSteps, validationBatchSize, batchSize = defaultBatchSize } = options
  const size = validationBatchSize ?? batchSize
  if (held) return new ArraySource(held, size, null, validationSteps)
  if (validationData === undefined) return null
  if (validationData instanceof TensorDataset)
    return new ArraySource(toSamples('fit: validationData', validationData.x, validationData.y), size, null, validationSteps)
  if (isDataSet(validationData)) return new DataSetSource('fit', validationData, validationSteps ?? null)
  if (!Array.isArray(validationData) || validationData.length < 2 || validationData.length > 3)
    throw new ValueError(wrongArgument('fit', 'validationData', '[x, y], [x, y, sampleWeight] or a data set', validationData))
  const [x, y, weight] = validationData as Exclude<ValidationData, DataSet>
  return new ArraySource(toSamples('fit: validationData', x, y, weight), size, null, validationSteps)
}

/** The data of `evaluate` and `predict`, in its own order. Large nested arrays are read with turns of the event loop between. */
export async function orderedData(
  fn: string,
  given: TensorLike | DataSet,
  second: TensorLike | null | undefined,
  options: EvaluateOptions & PredictOptions,
): Promise<BatchSource> {
  const [x, y] = unpacked(fn, await inPieces(fn, 'x', given), await inPieces(fn, 'y', second))
  const { batchSize, sampleWeight, steps } = options
  if (isDataSet(x)) {
    refuseWithDataSet(fn, { y, sampleWeight, batchSize })
    return new DataSetSource(fn, x, steps ?? null)
  }
  return new ArraySource(toSamples(fn, x, y, sampleWeight), batchSize ?? defaultBatchSize, null, steps)
}
