// Memory of tensors: the only file that touches bytes. Kinds: slabs of 256 KiB for small tensors (bump allocation; the garbage
// collector frees a slab), a buffer of its own for a large tensor (reusable once disposed), native memory for variables. While a program is
// recorded tensors have no memory at all: the program plans it.
// Invariant: no ArrayBuffer of a storage ever leaves this file; user data is copied in and out.
import { addressOf, allocateNative, copyIn, copyOut, type NativeHandle, recording, releaseNative } from '../dispatch.js'
import { StateError, ValueError } from '../errors.js'
import { type DType, dtypes, type TypedArray } from './dtype.js'

const slabBytes = 256 * 1024
const largeBytes = 32 * 1024
const alignment = 64
/** Disposed large buffers are kept for reuse up to this many bytes, those of the size used last longest: a fresh page costs more than most kernels that fill it. */
const maxPooledBytes = 512 * 1024 * 1024

interface Block {
  readonly memory: ArrayBuffer | NativeHandle
  readonly address: number
}

type Kind = 'slab' | 'large' | 'native' | 'recorded'

/** A range of memory and its owner. `version` counts writes in place; autograd compares it. */
export class Storage {
  version = 0
  /** Set when something outside the current scope holds it (a gradient): the scope's end leaves it alone. */
  kept = false
  /** The scope that disposes of it, if any. */
  scope: readonly Storage[] | null = null
  /** Set for memory that lives as long as its variable, whoever disposes of a tensor over it. */
  lasting = false
  #disposed = false
  #holds = 0
  #runs = 0
  /** Whether `address` has a reason to refuse. */
  #closed: boolean

  constructor(
    private readonly block: Block,
    private readonly start: number,
    readonly byteLength: number,
    readonly kind: Kind,
  ) {
    this.#closed = kind === 'recorded'
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Absolute address; throws StateError after dispose, while a program uses the memory, and where there is none. */
  get address(): number {
    if (this.#closed) this.refuse()
    return this.start
  }

  /** The address for a program that holds the storage. */
  get heldAddress(): number {
    return this.start
  }

  private refuse(): never {
    if (this.#disposed)
      throw new StateError(
        'tensor: it was disposed (by dispose(), `using`, the end of tidy(), or a training step it belonged to); keep a clone()',
      )
    if (this.kind === 'recorded')
      throw new StateError(
        'tensor: it was made while a program was recorded and has no value of its own; return it from the function and read the result of the call (in a model that fit, evaluate or predict record: set runEagerly)',
      )
    throw new StateError('tensor: a program that is running uses it; await the run first')
  }

  /** Keeps the memory until `letGo`, also if it is disposed meanwhile. */
  hold(): void {
    this.#holds++
  }

  letGo(): void {
    if (--this.#holds === 0 && this.#disposed) this.free()
  }

  /** Closes the memory to everything but a running program until `leave`. */
  enter(): void {
    this.#runs++
    this.#closed = true
  }

  leave(): void {
    if (--this.#runs === 0) this.#closed = this.#disposed
  }

  /** Whether a running program uses it. */
  get busy(): boolean {
    return this.#runs > 0
  }

  /** Frees native memory, or offers a large buffer for reuse. Any later use of a tensor over it throws StateError. */
  dispose(): void {
    if (this.#disposed || this.lasting) return
    this.#disposed = true
    this.#closed = true
    if (this.#holds === 0) this.free()
  }

  private free(): void {
    if (this.kind === 'native') {
      nativeBytes -= this.byteLength
      releaseNative(this.block.memory as NativeHandle)
    } else if (this.kind === 'large') recycle(this.block, this.byteLength)
  }
}

const noBlock: Block = { memory: new ArrayBuffer(0), address: 0 }
let slab: Block = { memory: new ArrayBuffer(0), address: 0 }
let slabUsed = slabBytes
let nativeBytes = 0
let pooledBytes = 0
const pool = new Map<number, Block[]>()
const scopes: Storage[][] = []

function newBlock(bytes: number): Block {
  try {
    const memory = new ArrayBuffer(bytes)
    return { memory, address: addressOf(memory) }
  } catch (cause) {
    throw new ValueError(`tensor: ${bytes} bytes could not be allocated`, { cause })
  }
}

/** Makes room for `bytes` by letting go of the sizes that were used least recently. */
function evict(bytes: number): void {
  for (const [size, blocks] of pool) {
    while (pooledBytes + bytes > maxPooledBytes && blocks.pop()) pooledBytes -= size
    if (blocks.length === 0) pool.delete(size)
    if (pooledBytes + bytes <= maxPooledBytes) return
  }
}

function recycle(block: Block, bytes: number): void {
  if (bytes > maxPooledBytes) return
  evict(bytes)
  const blocks = pool.get(bytes) ?? []
  blocks.push(block)
  pool.delete(bytes)
  pool.set(bytes, blocks)
  pooledBytes += bytes
}

function allocateLarge(bytes: number): Storage {
  const reused = pool.get(bytes)?.pop()
  if (reused) pooledBytes -= bytes
  const block = reused ?? newBlock(bytes)
  return new Storage(block, block.address, bytes, 'large')
}

function allocateSmall(bytes: number): Storage {
  const rounded = (bytes + alignment - 1) & -alignment
  if (slabUsed + rounded > slabBytes) {
    const block = newBlock(slabBytes + alignment)
    // Touched here, so that no kernel that writes a small result waits for a fresh page.
    new Uint8Array(block.memory as ArrayBuffer).fill(0)
    slab = { memory: block.memory, address: Math.ceil(block.address / alignment) * alignment }
    slabUsed = 0
  }
  const storage = new Storage(slab, slab.address + slabUsed, bytes, 'slab')
  slabUsed += rounded
  return storage
}

/** Uninitialised memory for a tensor; a promise of it while a program is recorded. It belongs to the innermost open scope, if any. */
export function allocate(bytes: number): Storage {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new ValueError(`tensor: ${bytes} is no number of bytes`)
  const storage = recording()
    ? new Storage(noBlock, 0, bytes, 'recorded')
    : bytes < largeBytes
      ? allocateSmall(bytes)
      : allocateLarge(Math.ceil(bytes / 4096) * 4096)
  const scope = scopes[scopes.length - 1]
  if (scope) {
    scope.push(storage)
    storage.scope = scope
  }
  return storage
}

/** Zeroed, 64-byte aligned native memory for a variable; belongs to no scope. */
export function allocateVariable(bytes: number): Storage {
  const memory = allocateNative(Math.max(bytes, alignment))
  nativeBytes += bytes
  return new Storage({ memory, address: addressOf(memory) }, addressOf(memory), bytes, 'native')
}

/** Whether the innermost open scope allocated the storage and nothing outside has kept it: then nobody else can hold it. */
export function isOwnedByScope(storage: Storage): boolean {
  return !storage.kept && storage.scope !== null && storage.scope === scopes[scopes.length - 1]
}

function adopt(storage: Storage, scope: Storage[] | undefined): void {
  storage.scope = scope ?? null
  scope?.push(storage)
}

/** Runs `fn`, then disposes every storage allocated meanwhile that `survivors(result)` does not name and nothing has kept. */
export function withScope<T>(fn: () => T, survivors: (result: T) => Iterable<Storage>): T {
  const mine: Storage[] = []
  const depth = scopes.push(mine)
  let alive: Set<Storage> = new Set()
  try {
    const result = fn()
    alive = new Set(survivors(result))
    return result
  } finally {
    scopes.length = depth - 1
    const outer = scopes[depth - 2]
    for (const storage of mine) {
      if (alive.has(storage) || storage.kept) adopt(storage, outer)
      else storage.dispose()
    }
  }
}

/** Bytes held outside the garbage collector's reach: live variables, and disposed buffers kept for reuse. */
export function memory(): { variableBytes: number; pooledBytes: number } {
  return { variableBytes: nativeBytes, pooledBytes }
}

/** Keeps a storage reachable while native code works on its address; nothing else may hold it by then. */
let inUse: Storage | null = null

/** Copies `source` into the storage, `byteOffset` bytes in. */
export function writeBytes(storage: Storage, byteOffset: number, source: TypedArray): void {
  if (source.length === 0) return
  inUse = storage
  copyIn(inUse.address + byteOffset, source)
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
