// Element types: codes (the order of native/kernel.h), sizes, typed arrays and promotion. Pure.
import { DTypeError, describe } from '../errors.js'

/** Element types. float32 is the compute type; float64 runs on the naive reference kernels and exists for gradient checks. */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool' | 'float64'

/** The typed arrays that tensors are read into and made from. */
export type TypedArray = Float32Array | Int32Array | Uint8Array | Float64Array

type ArrayConstructor = Float32ArrayConstructor | Int32ArrayConstructor | Uint8ArrayConstructor | Float64ArrayConstructor

interface DTypeEntry {
  /** Code in rows. */
  readonly code: number
  /** Bytes of one element. */
  readonly bytes: number
  readonly array: ArrayConstructor
  /** Place in promotion: an operation over several types computes in the highest. */
  readonly rank: number
}

export const dtypes: Readonly<Record<DType, DTypeEntry>> = {
  float32: { code: 0, bytes: 4, array: Float32Array, rank: 3 },
  int32: { code: 1, bytes: 4, array: Int32Array, rank: 2 },
  uint8: { code: 2, bytes: 1, array: Uint8Array, rank: 1 },
  bool: { code: 3, bytes: 1, array: Uint8Array, rank: 0 },
  float64: { code: 4, bytes: 8, array: Float64Array, rank: 4 },
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64'
}

/** The wider of two types: bool < uint8 < int32 < float32 < float64. */
export function promote(a: DType, b: DType): DType {
  return dtypes[a].rank >= dtypes[b].rank ? a : b
}

export function checkDType(fn: string, dtype: unknown): DType {
  if (typeof dtype === 'string' && Object.hasOwn(dtypes, dtype)) return dtype as DType
  throw new DTypeError(`${fn}: dtype must be one of ${Object.keys(dtypes).join(', ')}, got ${describe(dtype)}`)
}

/** The dtype that a typed array holds, or undefined for arrays that no tensor can be made from directly. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return 'float32'
  if (array instanceof Int32Array) return 'int32'
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8'
  if (array instanceof Float64Array) return 'float64'
  return undefined
}
