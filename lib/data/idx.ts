// The IDX format of MNIST: magic (0, 0, type, axes), one 32-bit size per axis, then the elements; everything big-endian.
// Invariant: a file is taken only if its length is exactly what its header says.
import { gunzipSync } from 'node:zlib'
import { ValueError, wrongArgument } from '../errors.js'
import { decodeElements, type FileType, fileTypes, swapBytes } from '../io/elements.js'
import { bytesOf, type FileSource, readSource } from '../io/source.js'
import { tensor } from '../tensor/creation.js'
import { type DType, dtypes } from '../tensor/dtype.js'
import { maxElements } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

const typeOfCode: Readonly<Record<number, FileType>> = { 8: 'U8', 9: 'I8', 11: 'I16', 12: 'I32', 13: 'F32', 14: 'F64' }
const codeOfType: Readonly<Record<DType, number>> = { uint8: 8, bool: 8, int32: 12, float32: 13, float64: 14 }

/** A gzipped file may unpack to this many bytes at most. */
const maxUnpackedBytes = 2 ** 31 - 1

/**
 * Reads an IDX file, gzipped or not. uint8, int32, float32 and float64 are kept; int8 and int16 become int32.
 *
 * @param source path, file: URL, or the bytes of a file
 * @returns a tensor of the file's shape
 * @throws ValueError naming the file, what was wanted and what it holds, for anything but a well-formed file
 */
export async function idx(source: FileSource): Promise<Tensor> {
  const { name, bytes } = await readSource('idx', source)
  return decodeIdx(bytes, `idx: ${name}`)
}

/** The synchronous form of `idx` for the bytes of a file in memory. */
export function parseIdx(source: Uint8Array | ArrayBuffer): Tensor {
  const bytes = bytesOf('parseIdx', source)
  if (!bytes) throw new ValueError(wrongArgument('parseIdx', 'source', 'a Uint8Array or an ArrayBuffer', source))
  return decodeIdx(bytes, 'parseIdx: bytes')
}

function decodeIdx(packed: Uint8Array, where: string): Tensor {
  const bytes = packed[0] === 0x1f && packed[1] === 0x8b ? unpack(packed, where) : packed
  const { type, shape, offset } = decodeHeader(bytes, where)
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => Math.min(product * size, 2 ** 53), 1)
  if (elements > maxElements)
    throw new ValueError(`${where}: sizes must have a product of at most ${maxElements}, got [${shape}]`)
  const wanted = offset + elements * fileTypes[type].bytes
  if (bytes.length !== wanted) {
    const fault = bytes.length < wanted ? 'truncated' : 'followed by trailing bytes'
    throw new ValueError(`${where}: a file of shape [${shape}] must have ${wanted} bytes, got ${bytes.length}; it is ${fault}`)
  }
  const little = fileTypes[type].bytes === 1 ? bytes.subarray(offset) : swapBytes(bytes.subarray(offset), fileTypes[type].bytes)
  return tensor(decodeElements(type, little, where), shape, fileTypes[type].dtype)
}

function unpack(packed: Uint8Array, where: string): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: maxUnpackedBytes })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ValueError(`${where}: gzipped data must be valid and unpack to at most ${maxUnpackedBytes} bytes, got ${reason}`, {
      cause,
    })
  }
}

function decodeHeader(bytes: Uint8Array, where: string): { type: FileType; shape: number[]; offset: number } {
  if (bytes.length < 4) throw new ValueError(`${where}: an IDX file must have at least 4 bytes, got ${bytes.length}`)
  const [zero0, zero1, code, axes] = bytes
  if (zero0 !== 0 || zero1 !== 0)
    throw new ValueError(`${where}: an IDX file must begin with two zero bytes, got ${zero0} and ${zero1}`)
  const type = typeOfCode[code]
  if (!type) throw new ValueError(`${where}: the type code must be one of ${Object.keys(typeOfCode).join(', ')}, got ${code}`)
  if (axes > 8) throw new ValueError(`${where}: the number of axes must be at most 8, got ${axes}`)
  const offset = 4 + 4 * axes
  if (bytes.length < offset)
    throw new ValueError(`${where}: a header of ${axes} axes must have ${offset} bytes, got ${bytes.length}; it is truncated`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, offset)
  return { type, shape: Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis)), offset }
}

/**
 * The bytes of an IDX file that holds `values`; bool is stored as unsigned bytes.
 *
 * @throws ValueError if the argument is not a tensor or an axis does not fit 32 bits
 */
export function serializeIdx(values: Tensor): Uint8Array {
  if (!(values instanceof Tensor)) throw new ValueError(wrongArgument('serializeIdx', 'values', 'a Tensor', values))
  const head = Buffer.alloc(4 + 4 * values.shape.length)
  head[2] = codeOfType[values.dtype]
  head[3] = values.shape.length
  for (const [axis, size] of values.shape.entries()) head.writeUInt32BE(size, 4 + 4 * axis)
  const data = values.dataSync()
  return Buffer.concat([
    head,
    swapBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dtypes[values.dtype].bytes),
  ])
}
