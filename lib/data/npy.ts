// NumPy's .npy format, versions 1 to 3: magic, version, length, a Python dictionary as text, then the elements.
// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// Invariant: the header is matched against the three fields it may have and never evaluated; the length must fit exactly.
import { DTypeError, describe, inNameOf, ValueError, wrongArgument } from '../errors.js'
import { writeAtomically } from '../io/atomic.js'
import { decodeElements, type FileType, fileTypes, swapBytes } from '../io/elements.js'
import { bytesOf, type FileSource, readSource } from '../io/source.js'
import { tensor } from '../tensor/creation.js'
import { checkDType, type DType, dtypes, type TypedArray } from '../tensor/dtype.js'
import { maxElements } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

/** Options of `npy`, `npz` and their synchronous forms. */
export interface NpyOptions {
  /** Convert to this type. Default: as stored, with small and 64-bit integers as int32 and float16 as float32. */
  readonly dtype?: DType
}

const typeOfName: Readonly<Record<string, FileType>> = {
  b1: 'BOOL',
  i1: 'I8',
  u1: 'U8',
  i2: 'I16',
  u2: 'U16',
  f2: 'F16',
  i4: 'I32',
  u4: 'U32',
  f4: 'F32',
  i8: 'I64',
  u8: 'U64',
  f8: 'F64',
}
const nameOfDType: Readonly<Record<DType, string>> = { float32: '<f4', float64: '<f8', int32: '<i4', uint8: '|u1', bool: '|b1' }
const maxHeaderBytes = 65536

interface NpyHeader {
  readonly type: FileType
  readonly bigEndian: boolean
  readonly columnMajor: boolean
  readonly shape: readonly number[]
  /** Where the elements begin. */
  readonly offset: number
}

/**
 * Reads an array that NumPy saved with `np.save`, in row or column order and either byte order.
 *
 * @param source path, file: URL, or the bytes of a file
 * @throws ValueError for a missing or malformed file; DTypeError for object, structured, text, complex and date arrays
 */
export async function npy(source: FileSource, options: NpyOptions = {}): Promise<Tensor> {
  const { name, bytes } = await readSource('npy', source)
  return decodeNpy(bytes, `npy: ${name}`, options)
}

/** The synchronous form of `npy` for the bytes of a file in memory. */
export function parseNpy(source: Uint8Array | ArrayBuffer, options: NpyOptions = {}): Tensor {
  const bytes = bytesOf('parseNpy', source)
  if (!bytes) throw new ValueError(wrongArgument('parseNpy', 'source', 'a Uint8Array or an ArrayBuffer', source))
  return decodeNpy(bytes, 'parseNpy: bytes', options)
}

/** Decodes one array; `where` begins the error messages. */
export function decodeNpy(bytes: Uint8Array, where: string, { dtype }: NpyOptions): Tensor {
  if (dtype !== undefined) checkDType(where, dtype)
  const { type, bigEndian, columnMajor, shape, offset } = decodeHeader(bytes, where)
  const { bytes: width, dtype: stored } = fileTypes[type]
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => Math.min(product * size, 2 ** 53), 1)
  if (elements > maxElements) throw new ValueError(`${where}: shape must have at most ${maxElements} elements, got (${shape})`)
  if (bytes.length !== offset + elements * width) {
    throw new ValueError(
      `${where}: an array of shape (${shape}) must have ${elements * width} bytes, got ${bytes.length - offset}`,
    )
  }
  const body = bigEndian ? swapBytes(bytes.subarray(offset), width) : bytes.subarray(offset)
  const values = decodeElements(type, body, where)
  return tensor(columnMajor ? toRowMajor(values, shape, stored) : values, shape, dtype ?? stored)
}

function decodeHeader(bytes: Uint8Array, where: string): NpyHeader {
  if (bytes.length < 12 || Buffer.from(bytes.subarray(0, 6)).toString('latin1') !== '\x93NUMPY') {
    throw new ValueError(`${where}: a .npy file must begin with \\x93NUMPY, got ${bytes.length} bytes that do not`)
  }
  const version = bytes[6]
  if (version < 1 || version > 3) throw new ValueError(`${where}: the .npy version must be 1, 2 or 3, got ${version}.${bytes[7]}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > maxHeaderBytes)
    throw new ValueError(`${where}: the header must have at most ${maxHeaderBytes} bytes, got ${length}`)
  if (start + length > bytes.length)
    throw new ValueError(`${where}: the header must have ${length} bytes, got ${bytes.length - start}`)
  const text = Buffer.from(bytes.subarray(start, start + length)).toString(version === 3 ? 'utf8' : 'latin1')
  return { ...interpretHeader(text, where), offset: start + length }
}

function interpretHeader(text: string, where: string): Omit<NpyHeader, 'offset'> {
  const { descr, fortran_order: order, shape } = splitDictionary(text, where)
  if (!descr || !order || !shape)
    throw new ValueError(`${where}: the header must have descr, fortran_order and shape, got ${describe(text.trim())}`)
  const [, byteOrder, name] = /^'([<>|=])([a-z]\d+)'$/.exec(descr) ?? []
  if (!name || !Object.hasOwn(typeOfName, name)) {
    const remedy = 'save the array as one of these with astype'
    throw new DTypeError(
      `${where}: the element type must be one of ${Object.keys(typeOfName).join(', ')}, got ${descr}; ${remedy}`,
    )
  }
  if (order !== 'True' && order !== 'False') throw new ValueError(`${where}: fortran_order must be True or False, got ${order}`)
  return {
    type: typeOfName[name],
    bigEndian: byteOrder === '>',
    columnMajor: order === 'True',
    shape: interpretShape(shape, where),
  }
}

/** The numbers of a Python tuple; Python 2 wrote them with an L. */
function interpretShape(shape: string, where: string): number[] {
  const sizes = shape
    .slice(1, -1)
    .split(',')
    .map((size) => size.trim())
  if (sizes.at(-1) === '') sizes.pop()
  if (sizes.length > 8 || !sizes.every((size) => /^\d{1,15}L?$/.test(size))) {
    throw new ValueError(`${where}: shape must be at most 8 non-negative integers, got ${shape}`)
  }
  return sizes.map(Number.parseFloat)
}

/** The fields of the header's dictionary as text; each at most once and nothing else. */
function splitDictionary(text: string, where: string): Record<string, string> {
  const fields: Record<string, string> = {}
  const inner = /^\{(.*)\}\s*$/s.exec(text)?.[1]
  const field = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([^()]*\)|\[.*\])\s*(?:,\s*|$)/sy
  while (inner !== undefined && field.lastIndex < inner.length) {
    const match = field.exec(inner)
    if (!match || Object.hasOwn(fields, match[1])) break
    fields[match[1]] = match[2]
    if (field.lastIndex === inner.length) return fields
  }
  throw new ValueError(
    `${where}: the header must be a dictionary of descr, fortran_order and shape, got ${describe(text.trim())}`,
  )
}

/** Elements stored column by column (first axis fastest), put in row order. */
function toRowMajor(values: TypedArray, shape: readonly number[], dtype: DType): TypedArray {
  const out = new dtypes[dtype].array(values.length)
  const index = shape.map(() => 0)
  const steps = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1))
  for (let to = 0, from = 0; to < out.length; to++) {
    out[to] = values[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]
      if (++index[axis] < shape[axis]) break
      from -= steps[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return out
}

/** The bytes that `np.save` would write for this tensor (version 1, row order, little-endian). */
export function serializeNpy(values: Tensor): Uint8Array {
  if (!(values instanceof Tensor)) throw new ValueError(wrongArgument('serializeNpy', 'values', 'a Tensor', values))
  const sizes = values.shape.length === 1 ? `${values.shape[0]},` : values.shape.join(', ')
  const text = `{'descr': '${nameOfDType[values.dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`
  const padded = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const head = Buffer.alloc(10 + padded, ' ')
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(padded, 8)
  head.write(text, 10, 'latin1')
  head[head.length - 1] = 0x0a
  const data = values.dataSync()
  return Buffer.concat([head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])
}

/** Writes a tensor as a .npy file, atomically. */
export async function saveNpy(path: string | URL, values: Tensor): Promise<void> {
  const bytes = inNameOf('saveNpy', 'serializeNpy', () => serializeNpy(values))
  await inNameOf('saveNpy', 'writeAtomically', () => writeAtomically(path, bytes))
}
