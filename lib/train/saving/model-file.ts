// The model file: a safetensors file whose metadata holds, as JSON, architecture, compiled state and the state of training. The tensors are
// `model.*` (variables by path), `optimizer.*`, `training.*`. Written in one piece, so a crash leaves the old file or the new one.
// Invariant: what is read is data. It can name entries of the closed registries and nothing else, and is checked before anything changes.
import { describe, inNameOf, StateError, ValueError } from '../../errors.js'
import { loadSafetensors, saveSafetensors } from '../../io/safetensors.js'
import type { FileSource } from '../../io/source.js'
import type { Serialized } from '../../nn/registry.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Compiled, compileOptionsOf, type SavedCompile } from '../compile.js'
import { Model } from '../model.js'
import { buildFor } from '../step.js'
import type { InputSignature } from '../trainer.js'
import { parseMetadata } from './metadata.js'
import { packTraining, unpackTraining } from './training-state.js'

/** Name and version of the format, in the metadata. A reader refuses versions that it does not know. */
const format = 'steepest-model'
const version = 1

/** A model file, split into its parts. */
export interface ModelFile {
  readonly where: string
  /** null for models of the user's own classes. */
  readonly architecture: Serialized | null
  /** What the model was last fed with; null if it has seen nothing. */
  readonly input: InputSignature | null
  readonly compile: unknown
  readonly training: unknown
  readonly variables: Readonly<Record<string, Tensor>>
  readonly optimizer: Readonly<Record<string, Tensor>>
  readonly trainingTensors: Readonly<Record<string, Tensor>>
}

function prefixed(prefix: string, tensors: Readonly<Record<string, Tensor>>): [string, Tensor][] {
  return Object.entries(tensors).map(([name, value]) => [`${prefix}.${name}`, value])
}

function below(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const start = `${prefix}.`
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, value]) => (name.startsWith(start) ? [[name.slice(start.length), value]] : [])),
  )
}

/** Writes everything about a model. Values are copied before the first wait: training may go on meanwhile. */
export async function saveModel(model: Model, path: string | URL): Promise<void> {
  const trainer = Model.trainerOf(model)
  const { compiled } = trainer
  const snapshot = trainer.snapshot()
  const training = snapshot ? packTraining(snapshot) : { json: null, tensors: {} }
  const state = {
    architecture: model.architecture(),
    input: trainer.input,
    compile: compiled?.serialize() ?? null,
    training: training.json,
  }
  const tensors = Object.fromEntries([
    ...prefixed('model', model.state()),
    ...prefixed('optimizer', compiled?.optimizer.state() ?? {}),
    ...prefixed('training', training.tensors),
  ])
  const metadata = { format, version: String(version), state: JSON.stringify(state) }
  await inNameOf('save', 'saveSafetensors', () => saveSafetensors(path, tensors, { metadata }))
}

/** Reads and splits a model file; everything in it is checked when it is used. */
export async function readModelFile(fn: string, source: FileSource): Promise<ModelFile> {
  const where = typeof source === 'string' || source instanceof URL ? `${fn}: ${source}` : `${fn}: bytes`
  const { tensors, metadata } = await inNameOf(fn, 'loadSafetensors', () => loadSafetensors(source))
  const { architecture, input, compile, training } = parseMetadata(where, metadata, format, version)
  const groups = ['model', 'optimizer', 'training']
  const stray = Object.keys(tensors).find((name) => !groups.some((group) => name.startsWith(`${group}.`)))
  if (stray !== undefined) throw new ValueError(`${where}: tensors must be named ${groups.join('.*, ')}.*, got '${stray}'`)
  return {
    where,
    architecture,
    input,
    compile,
    training,
    variables: below('model', tensors),
    optimizer: below('optimizer', tensors),
    trainingTensors: below('training', tensors),
  }
}

/** Brings a model to the state of a file. All checks come first: a file that does not fit changes nothing. */
export function applyModelFile(model: Model, file: ModelFile): void {
  const trainer = Model.trainerOf(model)
  const { where, variables, training, trainingTensors } = file
  const snapshot = training === null ? null : unpackTraining(where, training, trainingTensors)
  const compiled = located(where, () => compiledOf(trainer.compiled, file))
  const before = model.state()
  const optimizerBefore = trainer.compiled?.optimizer.state() ?? {}
  try {
    located(where, () => model.loadState(variables))
    if (compiled) located(where, () => compiled.optimizer.loadState(file.optimizer, model.parameters()))
  } catch (error) {
    if (Object.keys(before).length > 0) model.loadState(before)
    if (trainer.compiled) trainer.compiled.optimizer.loadState(optimizerBefore, model.parameters())
    throw error
  }
  trainer.compiled = compiled
  trainer.saved = compiled && snapshot
}

/** The model's own compiled state if it has one, else the file's; null if neither. */
function compiledOf(own: Compiled | null, { where, compile }: ModelFile): Compiled | null {
  if (compile === null) return own
  const saved = compile as Partial<SavedCompile>
  if (!own) {
    const options = compileOptionsOf(saved, where)
    return options && new Compiled(options)
  }
  if (saved.optimizer?.className !== own.optimizer.className) {
    throw new ValueError(
      `${where}: its optimizer is ${describe(saved.optimizer?.className)}, the model is compiled with '${own.optimizer.className}'; compile with the same, or use loadWeights`,
    )
  }
  return own
}

/** Runs `fn`; a typed error of it gets the name of the file in front. */
function located<T>(where: string, fn: () => T): T {
  try {
    return fn()
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(where)) error.message = `${where}: ${error.message}`
    throw error
  }
}

/** `model.load`. */
export async function loadInto(model: Model, source: FileSource): Promise<void> {
  const file = await readModelFile('load', source)
  if (file.input) located(file.where, () => buildFor(model, file.input as InputSignature))
  applyModelFile(model, file)
}

/** `model.saveWeights`. */
export async function saveWeightsOf(model: Model, path: string | URL): Promise<void> {
  const state = model.state()
  if (Object.keys(state).length === 0)
    throw new StateError('saveWeights: the model has no variables yet; give its first layer an inputShape or run it once')
  await inNameOf('saveWeights', 'saveSafetensors', () => saveSafetensors(path, state))
}

/** `model.loadWeights`. */
export async function loadWeightsInto(model: Model, source: FileSource): Promise<void> {
  const { tensors } = await inNameOf('loadWeights', 'loadSafetensors', () => loadSafetensors(source))
  const where = typeof source === 'string' || source instanceof URL ? `loadWeights: ${source}` : 'loadWeights: bytes'
  located(where, () => model.loadState(tensors))
}
