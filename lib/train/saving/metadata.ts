// The JSON in a model file's metadata: parsed with bounds, and never more than plain data.
// Invariant: what passes has the right kinds of values at the top; everything below is checked by whoever uses it.
import { describe, ValueError } from '../../errors.js'
import type { Serialized } from '../../nn/registry.js'
import { checkDType } from '../../tensor/dtype.js'
import { checkShape } from '../../tensor/shape.js'
import type { InputSignature } from '../trainer.js'

const maxDepth = 32
const maxNodes = 1_000_000

/** A JSON object that is neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Refuses documents nested too deeply or too large to be a model, and names that would reach into prototypes. */
function checkBounds(where: string, root: unknown): void {
  let nodes = 0
  const visit = (value: unknown, depth: number): void => {
    if (++nodes > maxNodes || depth > maxDepth)
      throw new ValueError(`${where}: the state must have at most ${maxNodes} values, ${maxDepth} deep`)
    if (typeof value !== 'object' || value === null) return
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype')
        throw new ValueError(`${where}: the state must not use the name '${key}'`)
      visit(item, depth + 1)
    }
  }
  visit(root, 0)
}

/** Reads the state of a model file from its metadata. */
export function parseMetadata(
  where: string,
  metadata: Readonly<Record<string, string>>,
  format: string,
  version: number,
): { architecture: Serialized | null; input: InputSignature | null; compile: unknown; training: unknown } {
  if (metadata.format !== format)
    throw new ValueError(
      `${where}: format must be '${format}', got ${describe(metadata.format)}; weights alone are read by loadWeights`,
    )
  if (metadata.version !== String(version))
    throw new ValueError(
      `${where}: version must be ${version}, got ${describe(metadata.version)}; it was written by another release`,
    )
  const state = parse(where, metadata.state)
  checkBounds(where, state)
  if (!isRecord(state)) throw new ValueError(`${where}: the state must be an object, got ${describe(state)}`)
  const { architecture = null, input = null, compile = null, training = null, ...rest } = state
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined)
    throw new ValueError(`${where}: the state must have architecture, input, compile and training only, got '${unknown}'`)
  for (const [name, value] of Object.entries({ compile, training })) {
    if (value !== null && !isRecord(value))
      throw new ValueError(`${where}: ${name} must be an object or null, got ${describe(value)}`)
  }
  if (
    architecture !== null &&
    (!isRecord(architecture) || typeof architecture.className !== 'string' || !isRecord(architecture.config))
  )
    throw new ValueError(`${where}: architecture must be { className, config } or null, got ${describe(architecture)}`)
  return { architecture: architecture as unknown as Serialized | null, input: checkInput(where, input), compile, training }
}

function checkInput(where: string, input: unknown): InputSignature | null {
  if (input === null) return null
  if (!isRecord(input)) throw new ValueError(`${where}: input must be { shape, dtype } or null, got ${describe(input)}`)
  return { shape: checkShape(`${where}: input`, input.shape), dtype: checkDType(`${where}: input`, input.dtype) }
}

function parse(where: string, text: string | undefined): unknown {
  if (text === undefined) throw new ValueError(`${where}: the metadata must have a 'state', got ${describe(text)}`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ValueError(`${where}: the state must be JSON, got ${describe(text)} (${(cause as Error).message})`, { cause })
  }
}
