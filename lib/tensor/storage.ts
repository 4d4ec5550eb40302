// Memory of tensors: who owns which bytes. Kinds: slabs of 256 KiB for small tensors (bump allocation; the garbage
// collector frees a slab), a buffer of its own for a large tensor (reusable once disposed), native memory for variables. While a program is
// recorded tensors have no memory at all: the program plans it.
// Invariant: no ArrayBuffer of a storage ever leaves this file; user data is copied in and out (bytes.ts).
import { Buffer } from 'node:buffer'
import { addressOf, allocateNative, type NativeHandle, openNative, recording, releaseNative, shareNative } from '../dispatch.js'
import { StateError, ValueError } from '../errors.js'
import { BlockPool } from './pool.js'
import { enterScope } from './scope.js'

const slabBytes = 256 * 1024
const largeBytes = 32 * 1024
const resultSlabBytes = 4096
const maxResultInSlab = 512
const alignment = 64
/** Disposed large buffers are kept for reuse up to this many bytes. */
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
  /** Programs in flight that use it, and those of them that write it. */
  #runs = 0
  #writers = 0
  /** Whether `address` has a reason to refuse. */
  #closed: boolean

  constructor(
    private readonly block: Block,
    private readonly start: number,
    readonly byteLength: number,
    readonly kind: Kind,
    /** Set for memory that another thread shared: it can only be read here. */
    readonly readOnly = false,
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

  /** The same, for a kernel that writes there; throws StateError also while a program reads it, and where it may only be read. */
  get addressToWrite(): number {
    this.checkWritable()
    if (this.#closed || this.#runs > 0) this.refuse()
    return this.start
  }

  checkWritable(): void {
    if (this.readOnly)
      throw new StateError(
        'variable: its memory is shared by another thread and can only be read here; change it where it was made, or load a state() into a model of this thread',
      )
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

  /** Closes the memory to everybody else until `leave`: to writers, and to readers as well if the run `writes` it. */
  enter(writes: boolean): void {
    this.#runs++
    if (writes) this.#writers++
    this.#closed ||= writes
  }

  leave(writes: boolean): void {
    this.#runs--
    if (writes && --this.#writers === 0) this.#closed = this.#disposed
  }

  /** Whether a program names its memory. */
  get held(): boolean {
    return this.#holds > 0
  }

  /** The name by which any thread of the process opens native memory while somebody holds it. */
  share(): number {
    return shareNative(this.block.memory as NativeHandle)
  }

  /** Whether a running program uses it, and whether one writes it. */
  get busy(): boolean {
    return this.#runs > 0
  }
  get busyWriting(): boolean {
    return this.#writers > 0
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
    } else if (this.kind === 'large') pool.give(this.block, this.byteLength)
  }
}

const noBlock: Block = { memory: new ArrayBuffer(0), address: 0 }
/** Where small tensors are cut from: `used` of `bytes` bytes are taken. */
interface Slab {
  block: Block
  used: number
  readonly bytes: number
}

const slab: Slab = { block: noBlock, used: slabBytes, bytes: slabBytes }
const resultSlab: Slab = { block: noBlock, used: resultSlabBytes, bytes: resultSlabBytes }
let nativeBytes = 0
const pool = new BlockPool<Block>(maxPooledBytes)

/** The memory that `allocate` gives; a ValueError where the system has none. */
function orRefusal<T>(what: string, bytes: number, allocate: (bytes: number) => T): T {
  try {
    return allocate(bytes)
  } catch (cause) {
    throw new ValueError(`${what}: ${bytes} bytes could not be allocated`, { cause })
  }
}

function newBlock(bytes: number): Block {
  const memory = orRefusal('tensor', bytes, (size) => new ArrayBuffer(size))
  return { memory, address: addressOf(memory) }
}

/** Memory that is not zeroed first, which would cost as much as filling it does. Buffers have a largest size, which ArrayBuffers exceed. */
function newLargeBlock(bytes: number): Block {
  try {
    const memory = Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer
    return { memory, address: addressOf(memory) }
  } catch {
    return newBlock(bytes)
  }
}

function allocateLarge(bytes: number): Storage {
  const block = pool.take(bytes) ?? newLargeBlock(bytes)
  return new Storage(block, block.address, bytes, 'large')
}

function allocateSmall(from: Slab, bytes: number): Storage {
  const rounded = (bytes + alignment - 1) & -alignment
  if (from.used + rounded > from.bytes) {
    const { memory, address } = newBlock(from.bytes + alignment)
    // Touched here, so that no kernel that writes a small result waits for a fresh page.
    new Uint8Array(memory as ArrayBuffer).fill(0)
    from.block = { memory, address: Math.ceil(address / alignment) * alignment }
    from.used = 0
  }
  const storage = new Storage(from.block, from.block.address + from.used, bytes, 'slab')
  from.used += rounded
  return storage
}

/** Memory that a program will plan. */
export const plannedStorage = (bytes: number): Storage => new Storage(noBlock, 0, bytes, 'recorded')

/** Uninitialised memory for a tensor; a promise of it while a program is recorded. It belongs to the innermost open scope, if any. */
export function allocate(bytes: number): Storage {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new ValueError(`tensor: ${bytes} is no number of bytes`)
  const storage = recording()
    ? plannedStorage(bytes)
    : bytes < largeBytes
      ? allocateSmall(slab, bytes)
      : allocateLarge(Math.ceil(bytes / 4096) * 4096)
  enterScope(storage)
  return storage
}

/**
 * Memory for a result of a program, like `allocate`. A loop that asks for little else keeps a large slab until only a full collection
 * frees it, for which V8 waits through tens of megabytes; small ones go while they are young.
 */
export function allocateResult(bytes: number): Storage {
  if (bytes > maxResultInSlab) return allocate(bytes)
  const storage = allocateSmall(resultSlab, bytes)
  enterScope(storage)
  return storage
}

function nativeStorage(memory: NativeHandle, bytes: number, readOnly: boolean): Storage {
  nativeBytes += bytes
  return new Storage({ memory, address: addressOf(memory) }, addressOf(memory), bytes, 'native', readOnly)
}

/** Zeroed, 64-byte aligned native memory for a variable, or for what else is named in a refusal; belongs to no scope. */
export function allocateVariable(bytes: number, what = 'variable'): Storage {
  return nativeStorage(orRefusal(what, Math.max(bytes, alignment), allocateNative), bytes, false)
}

/** The memory that some thread of this process shared under a name, to be read; null if nobody holds memory of that name and size. */
export function openStorage(name: number, bytes: number): Storage | null {
  const memory = openNative(name, Math.max(bytes, alignment))
  return memory ? nativeStorage(memory, bytes, true) : null
}

/**
 * Bytes held outside the garbage collector's reach: variables and the arenas of programs until they are disposed of (one that was only collected
 * has given its memory back and still counts), and disposed buffers kept for reuse.
 */
export function memory(): { variableBytes: number; pooledBytes: number } {
  return { variableBytes: nativeBytes, pooledBytes: pool.bytes }
}
