// Reading and writing named tensors as safetensors files, compatible with the Python package of that name.
// Invariant: a file is read only after its whole header has been checked, and written only in one piece (see atomic.ts).
import { DTypeError, inNameOf, ValueError, wrongArgument } from '../errors.js'
import { tensor } from '../tensor/creation.js'
import { dtypes } from '../tensor/dtype.js'
import { Tensor } from '../tensor/tensor.js'
import { writeAtomically } from './atomic.js'
import { decodeElements, type FileType, fileTypes, writtenType } from './elements.js'
import { type Header, headerLength, maxHeaderBytes, parseHeader, type TensorEntry } from './safetensors-header.js'
import { bytesOf, type FileSource, openReader } from './source.js'

/** What a safetensors file holds. */
export interface SafetensorsContent {
  /** By name, in order of position in the file. */
  readonly tensors: Record<string, Tensor>
  /** The strings stored beside the tensors; empty if there are none. */
  readonly metadata: Record<string, string>
}

/** Options of `saveSafetensors` and `serializeSafetensors`. */
export interface SafetensorsOptions {
  /** Strings to store beside the tensors. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Reads a safetensors file. float32, float64, int32, uint8 and bool are kept; float16 and bfloat16 become float32 (exactly); int8,
 * uint8 to int64, uint64 become int32 where every value fits.
 *
 * @param source path, file: URL, or the bytes of a file
 * @returns the tensors by name, and the metadata
 * @throws ValueError for a missing, truncated or malformed file; DTypeError for element types that have no counterpart (float8, …)
 */
export async function loadSafetensors(source: FileSource): Promise<SafetensorsContent> {
  const reader = await openReader('loadSafetensors', source)
  const where = `loadSafetensors: ${reader.name}`
  try {
    const length = headerLength(await reader.read(0, 8), reader.size, where)
    const { entries, metadata } = parseHeader(await reader.read(8, length), reader.size - 8 - length, where)
    const tensors: [string, Tensor][] = []
    for (const entry of entries) {
      tensors.push([entry.name, toTensor(entry, await reader.read(8 + length + entry.begin, entry.end - entry.begin), where)])
    }
    return { tensors: Object.fromEntries(tensors), metadata: { ...metadata } }
  } finally {
    await reader.close()
  }
}

/** The synchronous form of `loadSafetensors` for the bytes of a file in memory; same checks, same errors. */
export function parseSafetensors(source: Uint8Array | ArrayBuffer): SafetensorsContent {
  const bytes = bytesOf('parseSafetensors', source)
  if (!bytes) throw new ValueError(wrongArgument('parseSafetensors', 'source', 'a Uint8Array or an ArrayBuffer', source))
  const where = 'parseSafetensors: bytes'
  const { entries, metadata, data } = splitBytes(bytes, where)
  const tensors = entries.map((entry) => [entry.name, toTensor(entry, data.subarray(entry.begin, entry.end), where)] as const)
  return { tensors: Object.fromEntries(tensors), metadata: { ...metadata } }
}

function splitBytes(bytes: Uint8Array, where: string): Header & { data: Uint8Array } {
  if (bytes.length < 8) throw new ValueError(`${where}: a safetensors file must have at least 8 bytes, got ${bytes.length}`)
  const length = headerLength(bytes, bytes.length, where)
  const data = bytes.subarray(8 + length)
  return { ...parseHeader(bytes.subarray(8, 8 + length), data.length, where), data }
}

function toTensor({ name, type, shape }: TensorEntry, bytes: Uint8Array, where: string): Tensor {
  return tensor(decodeElements(type, bytes, `${where}: tensor '${name}'`), shape, fileTypes[type].dtype)
}

/**
 * Writes named tensors as one safetensors file, atomically: a crash leaves the old file or the new one. The values are copied before
 * the function first waits, so later changes of variables do not reach the file.
 *
 * @param path path or file: URL
 * @param tensors by name; any dtype
 * @throws ValueError if the file cannot be written, or for metadata that is not strings
 */
export async function saveSafetensors(
  path: string | URL,
  tensors: Readonly<Record<string, Tensor>>,
  options: SafetensorsOptions = {},
): Promise<void> {
  const content = encode('saveSafetensors', tensors, options)
  await inNameOf('saveSafetensors', 'writeAtomically', () => writeAtomically(path, content))
}

/** The bytes of the file that `saveSafetensors` would write. */
export function serializeSafetensors(tensors: Readonly<Record<string, Tensor>>, options: SafetensorsOptions = {}): Uint8Array {
  return Buffer.concat(encode('serializeSafetensors', tensors, options))
}

interface Written {
  readonly name: string
  readonly type: FileType
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** Length, header and data as pieces. Widest elements first, then by name, as the Python package orders them: all are aligned. */
function encode(fn: string, tensors: Readonly<Record<string, Tensor>>, options: SafetensorsOptions): Uint8Array[] {
  const written = Object.entries(tensors).map(([name, value]) => toWritten(fn, name, value))
  written.sort(
    (a, b) => fileTypes[b.type].bytes - fileTypes[a.type].bytes || rank(b.type) - rank(a.type) || (a.name < b.name ? -1 : 1),
  )
  const json = Buffer.from(headerText(written, checkMetadata(fn, options.metadata)))
  const padded = Math.ceil(json.length / 8) * 8
  if (padded > maxHeaderBytes)
    throw new ValueError(`${fn}: header must be at most ${maxHeaderBytes} bytes, got ${padded}; shorten names or metadata`)
  const head = Buffer.alloc(8 + padded, ' ')
  head.writeBigUInt64LE(BigInt(padded), 0)
  json.copy(head, 8)
  return [head, ...written.map(({ data }) => data)]
}

function toWritten(fn: string, name: string, value: Tensor): Written {
  if (name === '__metadata__')
    throw new ValueError(`${fn}: a tensor must have a name other than '__metadata__'; that name is reserved`)
  if (!(value instanceof Tensor)) throw new ValueError(wrongArgument(fn, `tensors['${name}']`, 'a Tensor', value))
  const type = writtenType[value.dtype]
  if (!type)
    throw new DTypeError(`${fn}: tensor '${name}' must be of dtype ${Object.keys(dtypes).join(', ')}, got ${value.dtype}`)
  const data = value.dataSync()
  return { name, type, shape: value.shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}

const typeOrder = Object.keys(fileTypes)

/** Position of a type in the order of the format's own list. */
function rank(type: FileType): number {
  return typeOrder.indexOf(type)
}

function checkMetadata(
  fn: string,
  metadata: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (metadata === undefined) return undefined
  if (typeof metadata !== 'object' || metadata === null)
    throw new ValueError(wrongArgument(fn, 'metadata', 'an object of strings', metadata))
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') throw new ValueError(wrongArgument(fn, `metadata['${key}']`, 'a string', text))
  }
  return metadata
}

function headerText(written: readonly Written[], metadata: Readonly<Record<string, string>> | undefined): string {
  let position = 0
  const entries = written.map(({ name, type, shape, data }): [string, unknown] => {
    const begin = position
    position += data.length
    return [name, { dtype: type, shape, data_offsets: [begin, position] }]
  })
  // Written piece by piece: an object would move names that look like numbers to the front.
  const all: [string, unknown][] = metadata ? [['__metadata__', metadata], ...entries] : entries
  return `{${all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
}
