// One step of training, evaluation or prediction. Everything a step makes is freed when it ends, so that memory is recycled at once.
// Invariant: between steps the model is whole: either all of an update has happened or none of it.
import { backward } from '../autograd/backward.js'
import { noGrad } from '../autograd/mode.js'
import { ShapeError, StateError } from '../errors.js'
import { Layer } from '../nn/layer.js'
import type { Module } from '../nn/module.js'
import { castTo, clone } from '../ops/cast.js'
import { add } from '../ops/elementwise.js'
import type { Optimizer } from '../optimizers/index.js'
import { zeros } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import { type Shape, showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { tidy } from '../tensor/tidy.js'
import type { BatchReader, Samples } from './batches.js'
import type { Compiled } from './compile.js'
import type { Logs } from './logs.js'
import { Model } from './model.js'
import type { Tracker } from './tracker.js'
import type { InputSignature } from './trainer.js'
import { batchWeights, type ClassWeights, classWeightTable } from './weights.js'

/** Which modules are in training mode, parents before children. */
function modes(module: Module): [Module, boolean][] {
  return [[module, module.training], ...module.children().flatMap(([, child]) => modes(child))]
}

/** Runs synchronous `fn` with the whole model in one mode; every module has its own mode again afterwards. */
export function withMode<T>(model: Module, training: boolean, fn: () => T): T {
  const before = modes(model)
  if (before.every(([, mode]) => mode === training)) return fn()
  model.train(training)
  try {
    return fn()
  } finally {
    for (const [module, mode] of before) module.train(mode)
  }
}

/** The outputs for a batch. Pixels, flags and integers that are no indices become float32, one batch at a time. */
function forward(model: Model, x: Tensor): Tensor {
  const input = isFloat(x.dtype) || (x.dtype === 'int32' && model.takesIndices) ? x : castTo(x, 'float32')
  const trainer = Model.trainerOf(model)
  if (!trainer.input) trainer.input = { shape: x.shape.slice(1), dtype: x.dtype }
  return model.forward(input)
}

/** Makes the parameters of layers that wait for their first input, by feeding one sample of zeros. */
export function buildFor(model: Model, { shape, dtype }: InputSignature): void {
  const waiting = (module: Module): boolean =>
    (module instanceof Layer && !module.built) || module.children().some(([, child]) => waiting(child))
  if (waiting(model)) predictionStep(model, () => ({ x: zeros([1, ...shape], dtype), y: null, weight: null, size: 1 })).dispose()
}

function lossOf(fn: string, model: Model, compiled: Compiled, y: Tensor, prediction: Tensor, weight: Tensor | null): Tensor {
  const loss = compiled.loss(y, prediction, weight ? { sampleWeight: weight } : {})
  if (loss.size !== 1)
    throw new ShapeError(`${fn}: the loss must be one number, got shape ${showShape(loss.shape)}; take its mean`)
  const penalty = model.regularizationLoss()
  return penalty ? add(loss, penalty) : loss
}

function labels(fn: string, y: Tensor | null): Tensor {
  if (!y) throw new StateError(`${fn}: there are no labels; pass y, or a data set that yields [x, y]`)
  return y
}

/** Forward, backward, update. The model is in training mode. `figures` gives the tracker for an output's shape. */
function step(
  fn: string,
  model: Model,
  compiled: Compiled,
  read: BatchReader,
  classWeights: Tensor | null,
  figures: (outputShape: Shape) => Tracker,
): number {
  return tidy(() => {
    const batch = read()
    const y = labels(fn, batch.y)
    const weight = batchWeights(fn, batch, classWeights)
    const prediction = forward(model, batch.x)
    const loss = lossOf(fn, model, compiled, y, prediction, weight)
    update(model, compiled.optimizer, loss)
    figures(prediction.shape).update(loss, batch.size, y, prediction, weight)
    return batch.size
  })
}

/** One step of `fit`. Returns the number of samples. */
export function trainStep(model: Model, compiled: Compiled, read: BatchReader, classWeights: Tensor | null): number {
  return step('fit', model, compiled, read, classWeights, (shape) => {
    compiled.training ??= compiled.newTracker(shape)
    return compiled.training
  })
}

/** One step by itself, with the figures of its batch. */
export function singleStep(model: Model, compiled: Compiled, samples: Samples, classWeight: ClassWeights | undefined): Logs {
  const table = classWeight ? classWeightTable('trainOnBatch', classWeight) : null
  const size = samples.x.shape[0]
  let tracker: Tracker | null = null
  const figures = (shape: Shape): Tracker => {
    tracker = compiled.newTracker(shape)
    return tracker
  }
  withMode(model, true, () => step('trainOnBatch', model, compiled, () => ({ ...samples, size }), table, figures))
  return (tracker as unknown as Tracker).logs()
}

/** A step that fails leaves no gradients behind that the next one would add to. */
function update(model: Model, optimizer: Optimizer, loss: Tensor): void {
  const parameters = model.parameters()
  try {
    backward(loss)
    optimizer.step(parameters)
  } catch (error) {
    optimizer.zeroGrad(parameters)
    throw error
  }
}

/** Forward and figures, in inference mode. Returns the tracker, made at the first batch. */
export function evaluationStep(
  fn: string,
  model: Model,
  compiled: Compiled,
  read: BatchReader,
  tracker: Tracker | null,
): Tracker {
  let figures = tracker
  const run = (): void => {
    const batch = read()
    const y = labels(fn, batch.y)
    const prediction = forward(model, batch.x)
    const loss = lossOf(fn, model, compiled, y, prediction, batch.weight)
    figures ??= compiled.newTracker(prediction.shape)
    figures.update(loss, batch.size, y, prediction, batch.weight)
  }
  withMode(model, false, () => tidy(() => noGrad(run)))
  return figures as unknown as Tracker
}

/** The prediction for a batch, in inference mode; never a view of the input, which belongs to the caller. */
export function predictionStep(model: Model, read: BatchReader): Tensor {
  const run = (): Tensor => {
    const { x } = read()
    const prediction = forward(model, x)
    return prediction.storage === x.storage ? clone(prediction) : prediction.detach()
  }
  return withMode(model, false, () => tidy(() => noGrad(run)))
}
