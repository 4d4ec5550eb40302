// Model: a module that can be compiled, trained, evaluated, used for prediction and saved. Its methods check arguments and delegate.
import { checkOptions, misfit, StateError, ValueError, wrongArgument } from '../errors.js'
import type { FileSource } from '../io/source.js'
import type { BatchShape } from '../nn/layer.js'
import { Module } from '../nn/module.js'
import type { Serialized } from '../nn/registry.js'
import type { SharedModule } from '../nn/shared.js'
import { concatenate } from '../ops/shape-ops.js'
import type { Optimizer } from '../optimizers/index.js'
import { inPieces, isLargeNested, type TensorLike } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { type DataSet, isDataSet, toSamples } from './batches.js'
import { Compiled, type CompileOptions, needCompiled } from './compile.js'
import { fitData, orderedData } from './data.js'
import { Evaluation, predictions } from './evaluate.js'
import { FitRun } from './fit.js'
import type { History, Logs } from './logs.js'
import {
  checkBatchOptions,
  checkFitOptions,
  type EvaluateOptions,
  type FitOptions,
  type PredictOptions,
  type TrainOnBatchOptions,
} from './options.js'
import { Pace } from './pace.js'
import { loadInto, loadWeightsInto, saveModel, saveWeightsOf } from './saving/model-file.js'
import { singleStep } from './step.js'
import { type LayerRow, summaryLines } from './summary.js'
import { Trainer } from './trainer.js'

/**
 * A module with training built in. `sequential` makes one of layers, `model` one of any module; or derive from it and define `forward`.
 *
 * ```ts
 * model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
 * await model.fit(x, y, { epochs: 5 })
 * const { loss, accuracy } = await model.evaluate(xTest, yTest)
 * ```
 */
export abstract class Model extends Module {
  /** Set to true, also by callbacks: training ends after the batches that are in flight, in a callback after its batch. */
  stopTraining = false
  /**
   * Whether fit, evaluate and predict run operation by operation on the event loop instead of as recorded programs: for a `forward`, loss or
   * metric that reads values or draws on changing JavaScript state. Default false.
   */
  runEagerly = false
  readonly #trainer = new Trainer()

  /** @internal What the model knows about its training. */
  static trainerOf(model: Model): Trainer {
    return model.#trainer
  }

  /** @internal Whether int32 inputs are indices and stay what they are; otherwise all inputs become floating point. */
  get takesIndices(): boolean {
    return true
  }

  /** @internal Makes parameters for inputs of this shape, batch axis first, a layer at each step; nothing where only `forward` can. */
  building(_inputShape: BatchShape): Iterable<void> {
    return []
  }

  /** @internal The rows of `summary`. */
  layerRows(): LayerRow[] {
    return this.children().map(([name, module]) => ({ name, module, shape: null }))
  }

  /** @internal The architecture as plain data; null for classes of the user's own, which only their code can make. */
  architecture(): Serialized | null {
    return null
  }

  /** The optimizer; throws StateError before `compile`. */
  get optimizer(): Optimizer {
    return needCompiled('optimizer', this.#trainer.compiled).optimizer
  }

  /** Chooses optimizer, loss and metrics. A second call starts the optimizer afresh; the weights stay. */
  compile(options: CompileOptions): void {
    if (this.#trainer.active) throw new StateError('compile: the model is being trained; await fit first')
    this.#trainer.compiled = new Compiled(options)
    this.#trainer.saved = null
    this.#trainer.forget()
    this.runEagerly = options.runEagerly ?? this.runEagerly
  }

  /**
   * Trains on arrays (first axis: samples) or on a data set that yields `[x, y]` or `[x, y, weight]`. The step is recorded once and runs off
   * the event loop (see `runEagerly`). uint8 inputs such as pixels become float32 batch by batch.
   *
   * @returns the history: loss and metrics for each epoch
   * @throws the reason of `signal` once it is aborted; StateError if the model is not compiled or is being trained already
   */
  fit(x: TensorLike, y: TensorLike, options?: FitOptions): Promise<History>
  fit(data: DataSet, options?: FitOptions): Promise<History>
  async fit(x: TensorLike | DataSet, second?: TensorLike | FitOptions, third?: FitOptions): Promise<History> {
    const { y, options } = argumentsOf<FitOptions>(x, second, third)
    checkFitOptions(options)
    needCompiled('fit', this.#trainer.compiled)
    const large = isLargeNested(x) || isLargeNested(y)
    const data = large ? fitData(await inPieces('fit', 'x', x), await inPieces('fit', 'y', y), options) : fitData(x, y, options)
    return new FitRun(this, data, options).run()
  }

  /**
   * Loss and metrics in inference mode.
   *
   * @returns `{ loss, accuracy, … }`
   */
  evaluate(x: TensorLike, y: TensorLike, options?: EvaluateOptions): Promise<Logs>
  evaluate(data: DataSet, options?: EvaluateOptions): Promise<Logs>
  async evaluate(x: TensorLike | DataSet, second?: TensorLike | EvaluateOptions, third?: EvaluateOptions): Promise<Logs> {
    const { y, options } = argumentsOf<EvaluateOptions>(x, second, third)
    checkBatchOptions('evaluate', options)
    const compiled = needCompiled('evaluate', this.#trainer.compiled)
    const pace = new Pace('evaluate', options.signal)
    const evaluation = new Evaluation('evaluate', this, compiled, await orderedData('evaluate', x, y, options), options.signal)
    try {
      return await evaluation.run(pace)
    } finally {
      evaluation.dispose()
    }
  }

  /** The outputs for all samples, in inference mode: [samples, …]. */
  async predict(x: TensorLike | DataSet, options: PredictOptions = {}): Promise<Tensor> {
    const parts: Tensor[] = []
    for await (const part of this.predictStream(x, options)) parts.push(part)
    if (parts.length === 0) throw new ValueError(misfit('predict', 'x', 'at least one sample', 'none'))
    if (parts.length === 1) return parts[0]
    const whole = concatenate(parts, 0)
    for (const part of parts) part.dispose()
    return whole
  }

  /** The outputs batch by batch, in inference mode: never more than one batch in memory. */
  async *predictStream(x: TensorLike | DataSet, options: PredictOptions = {}): AsyncGenerator<Tensor> {
    checkBatchOptions('predict', options)
    const pace = new Pace('predict', options.signal)
    yield* predictions(this, await orderedData('predict', x, null, options), pace)
  }

  /** One update on one batch. Returns its loss and metrics. */
  async trainOnBatch(x: TensorLike, y: TensorLike, options: TrainOnBatchOptions = {}): Promise<Logs> {
    checkOptions('trainOnBatch', options, ['sampleWeight', 'classWeight'])
    const compiled = needCompiled('trainOnBatch', this.#trainer.compiled)
    return singleStep(this, compiled, toSamples('trainOnBatch', x, y, options.sampleWeight), options.classWeight)
  }

  /** Prints a table of the layers, the shapes of their outputs and their parameters. */
  summary(options: { print?: (line: string) => void } = {}): void {
    checkOptions('summary', options, ['print'])
    if (options.print !== undefined && typeof options.print !== 'function')
      throw new ValueError(wrongArgument('summary', 'print', 'a function of a line', options.print))
    for (const line of summaryLines(this)) (options.print ?? console.log)(line)
  }

  /**
   * Saves architecture, weights, compiled state, optimizer and the state of training in one file, atomically. `st.loadModel` reads it.
   *
   * @throws ValueError if the file cannot be written or a layer cannot be saved
   */
  async save(path: string | URL): Promise<void> {
    await saveModel(this, path)
  }

  /**
   * Loads what `save` wrote into this model, whose architecture must be the same: weights, and if the model is compiled or can be, optimizer and
   * the state of training. Nothing is changed unless the whole file fits.
   */
  async load(source: FileSource): Promise<void> {
    await loadInto(this, source)
  }

  override share(): SharedModule {
    return { ...super.share(), architecture: this.architecture() }
  }

  override useShared(shared: SharedModule): this {
    this.#trainer.forget()
    return super.useShared(shared)
  }

  /** Saves the variables by path as a safetensors file, atomically. */
  async saveWeights(path: string | URL): Promise<void> {
    await saveWeightsOf(this, path)
  }

  /** Loads variables that `saveWeights` wrote. Nothing is changed unless all names and shapes fit. */
  async loadWeights(source: FileSource): Promise<void> {
    await loadWeightsInto(this, source)
  }
}

/** (x, y, options) or (data set, options). */
function argumentsOf<O extends object>(
  x: TensorLike | DataSet,
  second: TensorLike | O | undefined,
  third: O | undefined,
): { y: TensorLike | undefined; options: O } {
  if (isDataSet(x) && third === undefined && !isArrayLike(second)) return { y: undefined, options: (second ?? {}) as O }
  return { y: second as TensorLike | undefined, options: third ?? ({} as O) }
}

function isArrayLike(value: unknown): boolean {
  return typeof value !== 'object' || value === null
    ? value !== undefined
    : Array.isArray(value) || ArrayBuffer.isView(value) || 'shape' in value
}

class WrappedModel extends Model {
  constructor(private readonly module: Module) {
    super()
  }

  forward(...inputs: Tensor[]): Tensor {
    return this.module.forward(...inputs)
  }

  // Paths are those of the module itself, so that weights fit it with and without the wrapper.
  override variables(): ReturnType<Module['variables']> {
    return this.module.variables()
  }

  override layerRows(): LayerRow[] {
    return this.module.children().map(([name, module]) => ({ name, module, shape: null }))
  }
}

/** Any module as a Model, with compile, fit, evaluate and predict. A Model is returned as it is. */
export function model(module: Module): Model {
  if (!(module instanceof Module)) throw new ValueError(wrongArgument('model', 'module', 'a Module', module))
  return module instanceof Model ? module : new WrappedModel(module)
}
