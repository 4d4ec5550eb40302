// One step of training, evaluation or prediction: functions that run at once or are recorded into programs. Run at once, everything a step
// makes is freed when it ends. Invariant: between steps the model is whole: either all of an update has happened or none of it.
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
import type { Batch, Samples } from './batches.js'
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
  if (waiting(model)) withMode(model, false, () => predictionStep(model, zeros([1, ...shape], dtype))).dispose()
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
  read: () => Batch,
  classWeights: Tensor | null,
  figures: (outputShape: Shape) => Tracker,
): void {
  tidy(() => {
    const batch = read()
    const y = labels(fn, batch.y)
    const weight = batchWeights(fn, batch, classWeights)
    const prediction = forward(model, batch.x)
    const loss = lossOf(fn, model, compiled, y, prediction, weight)
    update(model, compiled.optimizer, loss)
    figures(prediction.shape).update(loss, batch.size, y, prediction, weight)
  })
}

/** One step of `fit`. */
export function trainStep(model: Model, compiled: Compiled, read: () => Batch, classWeights: Tensor | null): void {
  step('fit', model, compiled, read, classWeights, (shape) => {
    compiled.training ??= compiled.newTracker(shape)
    return compiled.training
  })
}

/** One step by itself, with the figures of its batch. */
export function singleStep(model: Model, compiled: Compiled, samples: Samples, classWeight: ClassWeights | undefined): Logs {
  const table = classWeight ? classWeightTable('trainOnBatch', classWeight) : null
  const size = samples.x.shape[0] as number
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

/** Forward and figures. The model is in inference mode; `figures` gives the tracker for an output's shape. */
export function evaluationStep(
  fn: string,
  model: Model,
  compiled: Compiled,
  read: () => Batch,
  figures: (outputShape: Shape) => Tracker,
): void {
  const run = (): void => {
    const batch = read()
    const y = labels(fn, batch.y)
    const prediction = forward(model, batch.x)
    const loss = lossOf(fn, model, compiled, y, prediction, batch.weight)
    figures(prediction.shape).update(loss, batch.size, y, prediction, batch.weight)
  }
  tidy(() => noGrad(run))
}

/** The prediction for a batch; never a view of the input, which belongs to the caller. The model is in inference mode. */
export function predictionStep(model: Model, x: Tensor): Tensor {
  const run = (): Tensor => {
    const prediction = forward(model, x)
    return prediction.storage === x.storage ? clone(prediction) : prediction.detach()
  }
  return tidy(() => noGrad(run))
}
