// The header of the safetensors format (https://github.com/huggingface/safetensors): eight bytes of length, then JSON that gives
// each tensor's type, shape and byte range. Pure: bytes of the header in, checked entries out.
// Invariant: entries that pass lie end to end over the whole data section, so no tensor can read outside it or share bytes.
import { DTypeError, describe, ValueError } from '../errors.js'
import { maxElements } from '../tensor/shape.js'
import { type FileType, fileTypes } from './elements.js'

/** Longest header accepted, as in the reference implementation. */
export const maxHeaderBytes = 100_000_000

/** One tensor as the header describes it: its bytes are [begin, end) of the data section. */
export interface TensorEntry {
  readonly name: string
  readonly type: FileType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** A checked header. */
export interface Header {
  /** In order of position in the file. */
  readonly entries: readonly TensorEntry[]
  readonly metadata: Readonly<Record<string, string>>
}

/** Length of the JSON from the first eight bytes of a file of `fileBytes`. */
export function headerLength(prefix: Uint8Array, fileBytes: number, where: string): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, 8)
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
  if (length > maxHeaderBytes) {
    throw new ValueError(
      `${where}: header length must be at most ${maxHeaderBytes} bytes, got ${length}; it is not a safetensors file`,
    )
  }
  if (8 + length > fileBytes) {
    throw new ValueError(
      `${where}: header of ${length} bytes must fit into the file of ${fileBytes} bytes; the file is truncated`,
    )
  }
  return length
}

/** Checks the JSON of a header against a data section of `dataBytes`. */
export function parseHeader(json: Uint8Array, dataBytes: number, where: string): Header {
  const root = parseJson(json, where)
  const metadata = checkMetadata(root.__metadata__, where)
  const entries = Object.entries(root)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => checkEntry(name, value, where))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      throw new ValueError(
        `${where}: tensor '${name}' must begin at byte ${position} of the data, got ${begin}; ranges may neither overlap nor leave holes`,
      )
    }
    position = end
  }
  if (position !== dataBytes) {
    throw new ValueError(
      `${where}: tensors must cover the data section of ${dataBytes} bytes exactly, got ${position} bytes; the file is truncated or has trailing bytes`,
    )
  }
  return { entries, metadata }
}

function parseJson(json: Uint8Array, where: string): Record<string, unknown> {
  if (json[0] !== 0x7b)
    throw new ValueError(`${where}: header must begin with '{', got byte ${json[0]}; it is not a safetensors file`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
    const root: unknown = JSON.parse(text)
    refuseDuplicateKeys(text)
    return root as Record<string, unknown>
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ValueError(`${where}: header must be JSON in UTF-8 without repeated names, got ${reason}`, { cause })
  }
}

/** JSON.parse keeps the last of several equal names without a word; here they are an error. The text is known to be valid JSON. */
function refuseDuplicateKeys(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let lastString = ''
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ':') lastString = token
    else {
      const names = open.at(-1)
      const name = JSON.parse(lastString) as string
      if (names?.has(name)) throw new Error(`the name '${name}' twice`)
      names?.add(name)
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {}
  if (!isRecord(value)) throw new ValueError(`${where}: __metadata__ must be an object of strings, got ${describe(value)}`)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw new ValueError(`${where}: __metadata__ '${key}' must be a string, got ${describe(text)}`)
  }
  return value as Record<string, string>
}

function checkEntry(name: string, value: unknown, where: string): TensorEntry {
  const at = `${where}: tensor ${describe(name)}`
  if (!isRecord(value)) throw new ValueError(`${at} must be described by an object, got ${describe(value)}`)
  const { dtype, shape, data_offsets: range, ...rest } = value
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw new ValueError(`${at} must have dtype, shape and data_offsets only, got ${describe(unknown)}`)
  if (typeof dtype !== 'string') throw new ValueError(`${at}: dtype must be a string, got ${describe(dtype)}`)
  if (!Object.hasOwn(fileTypes, dtype)) {
    throw new DTypeError(`${at}: dtype must be one of ${Object.keys(fileTypes).join(', ')}, got ${describe(dtype)}`)
  }
  const type = dtype as FileType
  const bytes = checkSizes(shape, at) * fileTypes[type].bytes
  const [begin, end] = checkRange(range, at)
  if (end - begin !== bytes) {
    throw new ValueError(`${at} of type ${type} and shape [${shape as number[]}] must have ${bytes} bytes, got ${end - begin}`)
  }
  return { name, type, shape: shape as number[], begin, end }
}

/** The number of elements of a shape; no product leaves the range where numbers are exact. */
function checkSizes(shape: unknown, at: string): number {
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ValueError(`${at}: shape must be a list of at most 8 non-negative integers, got ${describe(shape)}`)
  }
  const sizes = shape as number[]
  const elements = sizes.includes(0) ? 0 : sizes.reduce((product, size) => Math.min(product * size, 2 ** 53), 1)
  if (elements > maxElements) throw new ValueError(`${at}: shape must have at most ${maxElements} elements, got [${sizes}]`)
  return elements
}

function checkRange(range: unknown, at: string): readonly [number, number] {
  const valid = Array.isArray(range) && range.length === 2 && range.every((offset) => Number.isSafeInteger(offset) && offset >= 0)
  if (!valid || range[0] > range[1]) {
    throw new ValueError(`${at}: data_offsets must be two ascending non-negative integers, got ${describe(range)}`)
  }
  return [range[0], range[1]]
}
