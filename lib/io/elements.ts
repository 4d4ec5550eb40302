// Element types of files (safetensors, npy, idx) and how their bytes become elements of ours. What we hold natively is copied; half
// and brain floats widen exactly to float32; other integers become int32.
// Invariant: no value changes silently. An integer that int32 cannot hold is an error, not a wrapped number.
import { endianness } from 'node:os'
import { DTypeError, ValueError } from '../errors.js'
import type { DType, TypedArray } from '../tensor/dtype.js'

/** Names of element types in files, spelt as safetensors spells them. */
export type FileType = 'BOOL' | 'U8' | 'I8' | 'U16' | 'I16' | 'F16' | 'BF16' | 'U32' | 'I32' | 'F32' | 'U64' | 'I64' | 'F64'

interface FileTypeEntry {
  /** Bytes of one element. */
  readonly bytes: number
  /** The dtype of the tensor that is read. */
  readonly dtype: DType
  readonly decode: (bytes: Uint8Array, where: string) => TypedArray
}

/** Element types that can be read. */
export const fileTypes: Readonly<Record<FileType, FileTypeEntry>> = {
  BOOL: { bytes: 1, dtype: 'bool', decode: decodeBool },
  U8: { bytes: 1, dtype: 'uint8', decode: (bytes) => new Uint8Array(bytes) },
  I8: { bytes: 1, dtype: 'int32', decode: (bytes) => Int32Array.from(new Int8Array(copied(bytes))) },
  U16: { bytes: 2, dtype: 'int32', decode: (bytes) => Int32Array.from(new Uint16Array(copied(bytes))) },
  I16: { bytes: 2, dtype: 'int32', decode: (bytes) => Int32Array.from(new Int16Array(copied(bytes))) },
  F16: { bytes: 2, dtype: 'float32', decode: (bytes) => Float32Array.from(new Uint16Array(copied(bytes)), halfToNumber) },
  BF16: { bytes: 2, dtype: 'float32', decode: decodeBrainFloat },
  U32: { bytes: 4, dtype: 'int32', decode: (bytes, where) => toInt32(new Uint32Array(copied(bytes)), where) },
  I32: { bytes: 4, dtype: 'int32', decode: (bytes) => new Int32Array(copied(bytes)) },
  F32: { bytes: 4, dtype: 'float32', decode: (bytes) => new Float32Array(copied(bytes)) },
  U64: { bytes: 8, dtype: 'int32', decode: (bytes, where) => toInt32(new BigUint64Array(copied(bytes)), where) },
  I64: { bytes: 8, dtype: 'int32', decode: (bytes, where) => toInt32(new BigInt64Array(copied(bytes)), where) },
  F64: { bytes: 8, dtype: 'float64', decode: (bytes) => new Float64Array(copied(bytes)) },
}

/** The file type that each of our dtypes is written as. */
export const writtenType: Readonly<Record<DType, FileType>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
}

/** A copy of the bytes in a buffer of their own: aligned for any element type, and safe from later changes of the source. */
function copied(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

function decodeBool(bytes: Uint8Array, where: string): Uint8Array {
  const wrong = bytes.findIndex((byte) => byte > 1)
  if (wrong >= 0) throw new ValueError(`${where}: bool elements must be 0 or 1, got ${bytes[wrong]} at position ${wrong}`)
  return new Uint8Array(bytes)
}

function decodeBrainFloat(bytes: Uint8Array): Float32Array {
  const words = Uint32Array.from(new Uint16Array(copied(bytes)), (half) => half << 16)
  return new Float32Array(words.buffer)
}

/** The value of an IEEE 754 binary16 given as its bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24)
}

function toInt32(values: Uint32Array | BigUint64Array | BigInt64Array, where: string): Int32Array {
  const out = new Int32Array(values.length)
  for (let i = 0; i < out.length; i++) {
    const value = Number(values[i])
    out[i] = value
    if (out[i] !== value) {
      throw new ValueError(
        `${where}: integers must fit int32 (from -2147483648 to 2147483647), got ${values[i]} at position ${i}; store them as float64`,
      )
    }
  }
  return out
}

/** Reverses the bytes of every element: big-endian data in, little-endian data out (a copy). */
export function swapBytes(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const copy = Buffer.from(new Uint8Array(bytes).buffer)
  if (elementBytes === 2) return copy.swap16()
  if (elementBytes === 4) return copy.swap32()
  return elementBytes === 8 ? copy.swap64() : copy
}

/**
 * The elements in little-endian `bytes`, in an array of their own.
 *
 * @param where beginning of error messages: the function and the file or tensor
 * @throws ValueError for integers beyond int32 and bools other than 0 and 1
 */
export function decodeElements(type: FileType, bytes: Uint8Array, where: string): TypedArray {
  if (endianness() !== 'LE') throw new DTypeError(`${where}: reading binary files needs a little-endian machine`)
  return fileTypes[type].decode(bytes, where)
}
