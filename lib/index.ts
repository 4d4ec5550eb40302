// The public names of Steepest, and nothing else.
import './methods.js'

export type { BackwardOptions } from './autograd/backward.js'
export { type CustomFunction, customFunction, grad, valueAndGrad } from './autograd/grad.js'
export { type GradcheckOptions, gradcheck } from './autograd/gradcheck.js'
export { enableGrad, isGradEnabled, noGrad } from './autograd/mode.js'
export * as data from './data/index.js'
export { info, type NativeInfo, setThreads } from './dispatch.js'
export { DTypeError, NativeError, ShapeError, StateError, ValueError } from './errors.js'
export * as io from './io/index.js'
export {
  Auc,
  type AucOptions,
  BinaryAccuracy,
  type BinaryAccuracyOptions,
  CategoricalAccuracy,
  type ClassReport,
  ConfusionMatrix,
  type ConfusionMatrixOptions,
  F1Score,
  type F1ScoreOptions,
  getMetric,
  Mean,
  MeanLoss,
  type MeanLossOptions,
  MeanOfValues,
  Metric,
  type MetricLike,
  type MetricName,
  type MetricOptions,
  type MetricResult,
  metrics,
  Precision,
  Recall,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  type ThresholdOptions,
  TopKCategoricalAccuracy,
  type TopKOptions,
} from './metrics/index.js'
export * from './nn/index.js'
export type { Expression, Operand } from './ops/expression/expression.js'
export * from './ops/index.js'
export { Generator, random, setSeed } from './ops/random.js'
export {
  Adagrad,
  type AdagradOptions,
  Adam,
  type AdamOptions,
  getOptimizer,
  LearningRateSchedule,
  Optimizer,
  type OptimizerLike,
  type OptimizerName,
  type OptimizerOptions,
  optimizers,
  Rmsprop,
  type RmspropOptions,
  Sgd,
  type SgdOptions,
  schedules,
} from './optimizers/index.js'
export { type Program, type ProgramOptions, program } from './program/program.js'
export { arange, eye, full, linspace, type Nested, ones, type TensorLike, tensor, variable, zeros } from './tensor/creation.js'
export type { DType, TypedArray } from './tensor/dtype.js'
export type { Shape } from './tensor/shape.js'
export { memory } from './tensor/storage.js'
export { type NestedArray, Tensor, Variable, type VariableOptions } from './tensor/tensor.js'
export { tidy } from './tensor/tidy.js'
export {
  Callback,
  type ClassWeights,
  type CompileOptions,
  callbacks,
  type DataBatch,
  type DataSet,
  type EvaluateOptions,
  type FitOptions,
  fromShared,
  type History,
  type Hooks,
  type Logs,
  loadModel,
  Model,
  model,
  type PredictOptions,
  type ProgressStream,
  type RunParameters,
  Sequential,
  type SequentialConfig,
  type SequentialOptions,
  sequential,
  type TrainOnBatchOptions,
  type ValidationData,
  type Verbosity,
} from './train/index.js'
