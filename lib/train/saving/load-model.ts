// `loadModel`: a sequential model from a file, with everything that `model.save` wrote.
// Invariant: nothing is allocated by what the architecture claims before the tensors in the file have confirmed it.
import { describe, ValueError } from '../../errors.js'
import type { FileSource } from '../../io/source.js'
import type { BatchShape } from '../../nn/layer.js'
import { layerFromConfig } from '../../nn/layer.js'
import type { Serialized } from '../../nn/registry.js'
import { checkShape } from '../../tensor/shape.js'
import { Sequential } from '../sequential.js'
import { isRecord } from './metadata.js'
import { applyModelFile, type ModelFile, readModelFile } from './model-file.js'

/**
 * Reads a model that `model.save` wrote: architecture, weights, compiled state, optimizer and the state of training, which
 * `fit(…, { resume: true })` continues. Only kinds of layers, losses, optimizers and metrics that the library has, or that were registered, are made.
 *
 * @param source path, file: URL, or the bytes of a file
 * @throws ValueError, ShapeError or DTypeError naming the file and what is wrong with it, for anything but a file that is whole
 */
export async function loadModel(source: FileSource): Promise<Sequential> {
  const file = await readModelFile('loadModel', source)
  const model = buildSequential(file, file.architecture, `load('${source instanceof Uint8Array ? '…' : source}')`)
  applyModelFile(model, file)
  return model
}

const maxLayers = 1000

/** Where an architecture comes from, and the tensors that come with it. */
type Origin = Pick<ModelFile, 'where' | 'variables'>

/** The model of an architecture; `remedy` is the method that models of other classes have instead. */
export function buildSequential(origin: Origin, architecture: Serialized | null, remedy: string): Sequential {
  const { where } = origin
  if (architecture === null)
    throw new ValueError(
      `${where}: the model is of a class of its own, which plain data cannot bring back; make it in code and call its ${remedy}`,
    )
  const { className, config } = checkSaved(`${where}: the architecture`, architecture)
  if (className !== 'sequential')
    throw new ValueError(`${where}: the architecture must be 'sequential', got ${describe(className)}`)
  return build(origin, config)
}

function build(origin: Origin, config: Readonly<Record<string, unknown>>): Sequential {
  const { where } = origin
  const { name, layers, inputShape } = config
  if (!Array.isArray(layers) || layers.length > maxLayers)
    throw new ValueError(`${where}: layers must be a list of at most ${maxLayers}, got ${describe(layers)}`)
  const shape = inputShape === null ? null : ([null, ...checkShape(`${where}: inputShape`, inputShape)] as BatchShape)
  try {
    const model = new Sequential({ name: name as string })
    let input = shape
    for (const [i, saved] of layers.entries()) {
      const { className, config: options } = checkSaved('a layer', saved)
      checkSize(origin, i, className, options, input)
      const layer = layerFromConfig({ className, config: options })
      if (input) {
        layer.ensureBuilt(input)
        input = layer.computeOutputShape(input)
      }
      model.add(layer)
    }
    if (shape) model.build(shape)
    return model
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(where)) error.message = `${where}: ${error.message}`
    throw error
  }
}

function checkSaved(what: string, saved: unknown): Serialized {
  if (!isRecord(saved) || typeof saved.className !== 'string' || !isRecord(saved.config))
    throw new ValueError(`${what} must be { className, config }, got ${describe(saved)}`)
  return saved as unknown as Serialized
}

/** Refuses a layer whose options ask for more parameters than the file has for it, before they are allocated. */
function checkSize(
  { variables }: Origin,
  index: number,
  className: string,
  options: Record<string, unknown>,
  input: BatchShape | null,
): void {
  if (options.inputShape !== undefined && JSON.stringify(options.inputShape) !== JSON.stringify(input?.slice(1)))
    throw new ValueError(
      `layer ${index} (${className}): inputShape must be that of the model at this place, got ${describe(options.inputShape)}`,
    )
  const start = `layers.${index}.`
  const stored = Object.entries(variables).reduce((sum, [name, { size }]) => sum + (name.startsWith(start) ? size : 0), 0)
  const kernel = [options.kernelSize ?? 1].flat() as number[]
  const outputs = options.units ?? options.filters ?? (className === 'embedding' ? options.inputDim : undefined)
  const builds = className === 'embedding' || (input && (typeof outputs === 'number' || className === 'batchNormalization'))
  if (!builds) return
  const inputs = className === 'embedding' ? options.outputDim : (input?.at(-1) ?? 1)
  const factors = [outputs ?? 1, inputs, ...kernel, 1 / Number(options.groups ?? 1)].map(Number)
  const wanted = factors.reduce((product, factor) => product * factor, 1)
  if (!(wanted <= stored)) {
    throw new ValueError(
      `layer ${index} (${className}) must have the ${wanted} parameters that its options ask for, got ${stored}`,
    )
  }
}
