// The training side of the public names.

export type { DataBatch, DataSet } from './batches.js'
export { Callback, type Hooks, type RunParameters } from './callbacks/callback.js'
export * as callbacks from './callbacks/index.js'
export type { CompileOptions } from './compile.js'
export type { History, Logs } from './logs.js'
export { Model, model } from './model.js'
export type { EvaluateOptions, FitOptions, PredictOptions, TrainOnBatchOptions, ValidationData } from './options.js'
export type { ProgressStream, Verbosity } from './progress.js'
export { loadModel } from './saving/load-model.js'
export { Sequential, type SequentialConfig, type SequentialOptions, sequential } from './sequential.js'
export { fromShared } from './sharing.js'
export type { ClassWeights } from './weights.js'
