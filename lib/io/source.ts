// Where bytes to be read come from: a file by path or URL, or bytes in memory, behind one small interface with checked ranges.
// Invariant: a read returns exactly the bytes asked for or throws a ValueError that names the source.
import { type FileHandle, open } from 'node:fs/promises'
import { ValueError, wrongArgument } from '../errors.js'

/** A path, a file: URL, or the bytes of a file. */
export type FileSource = string | URL | Uint8Array | ArrayBuffer

/** Bytes with a name for error messages. */
export interface NamedBytes {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Random access to the bytes of one source. */
export interface ByteReader {
  readonly name: string
  readonly size: number
  /** The `length` bytes at `offset`; throws ValueError if the source ends before. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** One read call asks for no more than this: the kernel refuses reads of 2 GiB and more. */
const maxReadBytes = 2 ** 30

/** The bytes of an in-memory source, or undefined if it is a path or URL. Anything else is a ValueError in the name of `fn`. */
export function bytesOf(fn: string, source: FileSource): Uint8Array | undefined {
  if (source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  if (typeof source === 'string' || source instanceof URL) return undefined
  throw new ValueError(wrongArgument(fn, 'source', 'a path, a file: URL, a Uint8Array or an ArrayBuffer', source))
}

function unreadable(fn: string, name: string, cause: unknown): ValueError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ValueError(`${fn}: argument 'source' must be a readable file, got '${name}' (${reason})`, { cause })
}

/** `readFully` with errors of the file system made typed. */
async function readFile(fn: string, name: string, file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  try {
    return await readFully(fn, name, file, offset, length)
  } catch (cause) {
    throw cause instanceof ValueError ? cause : unreadable(fn, name, cause)
  }
}

async function readFully(fn: string, name: string, file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(length)
  } catch (cause) {
    throw new ValueError(`${fn}: ${length} bytes of '${name}' could not be allocated`, { cause })
  }
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, maxReadBytes), offset + done)
    if (bytesRead === 0) throw new ValueError(`${fn}: '${name}' ended at byte ${offset + done}, wanted ${offset + length} bytes`)
    done += bytesRead
  }
  return bytes
}

/** Opens a source for random access. The caller closes the reader. */
export async function openReader(fn: string, source: FileSource): Promise<ByteReader> {
  const bytes = bytesOf(fn, source)
  if (bytes) return memoryReader(fn, bytes)
  const name = String(source)
  let file: FileHandle | undefined
  try {
    file = await open(source as string | URL, 'r')
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is not a regular file')
    const opened = file
    return {
      name,
      size: stat.size,
      read: (offset, length) => readFile(fn, name, opened, offset, length),
      close: () => opened.close(),
    }
  } catch (cause) {
    await file?.close()
    throw unreadable(fn, name, cause)
  }
}

/** A reader over bytes in memory; `read` returns views of them. */
export function memoryReader(fn: string, bytes: Uint8Array, name = 'bytes'): ByteReader {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => {
      if (offset + length > bytes.length) {
        throw new ValueError(`${fn}: '${name}' ended at byte ${bytes.length}, wanted ${offset + length} bytes`)
      }
      return bytes.subarray(offset, offset + length)
    },
    close: async () => {},
  }
}

/** All bytes of a source, with its name. */
export async function readSource(fn: string, source: FileSource): Promise<NamedBytes> {
  const reader = await openReader(fn, source)
  try {
    return { name: reader.name, bytes: await reader.read(0, reader.size) }
  } finally {
    await reader.close()
  }
}
