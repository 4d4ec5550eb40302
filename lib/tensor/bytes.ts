// Elements in and out of storages, always as copies. Invariant: a storage stays reachable while native code works on its address.
import { copyIn, copyOut, recording } from '../dispatch.js'
import { StateError } from '../errors.js'
import { type DType, dtypes, type TypedArray } from './dtype.js'
import type { Storage } from './storage.js'

/** Keeps a storage reachable while native code works on its address; nothing else may hold it by then. */
let inUse: Storage | null = null

/** Copies `source` into the storage, `byteOffset` bytes in. */
export function writeBytes(storage: Storage, byteOffset: number, source: TypedArray): void {
  if (source.length === 0) return
  inUse = storage
  copyIn(inUse.addressToWrite + byteOffset, source)
  inUse = null
}

/** A copy of `count` elements. */
export function readBytes(storage: Storage, byteOffset: number, dtype: DType, count: number): TypedArray {
  if (storage.kind === 'native' && recording())
    throw new StateError('tensor: the value of a variable may not be read while a program is recorded; return the tensor instead')
  const target = new dtypes[dtype].array(count)
  if (count === 0) return target
  inUse = storage
  copyOut(inUse.address + byteOffset, target)
  inUse = null
  return target
}

/** A copy of `count` elements of a storage that a program holds, also when it was disposed of since. */
export function readHeld(storage: Storage, byteOffset: number, dtype: DType, count: number): TypedArray {
  const target = new dtypes[dtype].array(count)
  inUse = storage
  if (count > 0) copyOut(inUse.heldAddress + byteOffset, target)
  inUse = null
  return target
}

/** Fills a storage that a program holds, also when it was disposed of since. */
export function writeHeld(storage: Storage, source: TypedArray): void {
  inUse = storage
  if (source.length > 0) copyIn(inUse.heldAddress, source)
  inUse = null
}

/** True for a typed array whose buffer was transferred away. Only an empty view can be one. */
export function isDetached(view: ArrayBufferView): boolean {
  if (view.byteLength > 0) return false
  try {
    new Uint8Array(view.buffer)
    return false
  } catch {
    return true
  }
}
