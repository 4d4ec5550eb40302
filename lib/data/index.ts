// The public names of `st.data`, and nothing else.

export { makeClassification } from './classification.js'
export type { ClassificationOptions } from './classification-options.js'
export type { Batched } from './collate.js'
export { type ColumnKey, type CsvOptions, type CsvTable, csv, parseCsv } from './csv.js'
export { type BatchOptions, Dataset, dataset, type ShuffleOptions, TensorDataset, tensorDataset } from './dataset.js'
export { type Category, type CategoryOptions, type LabelIndices, labelIndices, oneHot, toCategorical } from './encode.js'
export { type BlobsOptions, makeBlobs, makeRegression, type RegressionOptions } from './generators.js'
export { idx, parseIdx, serializeIdx } from './idx.js'
export { type Batch, DataLoader, type LoaderOptions, type LoaderSource, type LoaderState, loader, type Sample } from './loader.js'
export { LabelledImages, type MnistOptions, mnist } from './mnist.js'
export { type NpyOptions, npy, parseNpy, saveNpy, serializeNpy } from './npy.js'
export { type NpzOptions, type NpzReadOptions, npz, parseNpz, saveNpz, serializeNpz } from './npz.js'
export { RandomSource } from './rng.js'
export {
  ColumnScaler,
  MinMaxScaler,
  type MinMaxScalerOptions,
  minMaxScaler,
  type ScalerState,
  StandardScaler,
  type StandardScalerOptions,
  standardScaler,
} from './scalers.js'
export { type SplitOptions, trainTestSplit } from './split.js'
export {
  compose,
  type FlipMode,
  normalize,
  type RandomRotateOptions,
  type RandomShiftOptions,
  randomFlip,
  randomRotate,
  randomShift,
  type Transform,
  toFloat,
} from './transforms.js'
