// NumPy's .npz format: a ZIP archive of .npy files, one per named array.
// Invariant: what is written here np.load reads, and the other way round; see zip.ts and npy.ts for the limits.
import { inNameOf, ValueError, wrongArgument } from '../errors.js'
import { writeAtomically } from '../io/atomic.js'
import { bytesOf, type FileSource, readSource } from '../io/source.js'
import { Tensor } from '../tensor/tensor.js'
import { checkInteger, checkOptions } from './check.js'
import { decodeNpy, type NpyOptions, serializeNpy } from './npy.js'
import { unzip, zip } from './zip.js'

/** Options of `npz` and `parseNpz`. */
export interface NpzReadOptions extends NpyOptions {
  /** The arrays together may unpack to this many bytes. Default 2 GiB: a small archive can claim to hold far more than memory. */
  readonly maxBytes?: number
}

/** Options of `saveNpz` and `serializeNpz`. */
export interface NpzOptions {
  /** Deflate the arrays, as `np.savez_compressed` does. Default false. */
  readonly compressed?: boolean
}

/**
 * Reads the arrays that NumPy saved with `np.savez` or `np.savez_compressed`, by name.
 *
 * @param source path, file: URL, or the bytes of a file
 * @throws ValueError for a missing, truncated or malformed archive; DTypeError for arrays of objects, text and the like
 */
export async function npz(source: FileSource, options: NpzReadOptions = {}): Promise<Record<string, Tensor>> {
  const { name, bytes } = await readSource('npz', source)
  return decodeNpz(bytes, `npz: ${name}`, options)
}

/** The synchronous form of `npz` for the bytes of a file in memory. */
export function parseNpz(source: Uint8Array | ArrayBuffer, options: NpzReadOptions = {}): Record<string, Tensor> {
  const bytes = bytesOf('parseNpz', source)
  if (!bytes) throw new ValueError(wrongArgument('parseNpz', 'source', 'a Uint8Array or an ArrayBuffer', source))
  return decodeNpz(bytes, 'parseNpz: bytes', options)
}

function decodeNpz(bytes: Uint8Array, where: string, options: NpzReadOptions): Record<string, Tensor> {
  const maxBytes = checkInteger('npz', 'maxBytes', options.maxBytes ?? 2 ** 31)
  const arrays = new Map<string, Tensor>()
  for (const entry of unzip(bytes, maxBytes, where)) {
    if (!entry.name.endsWith('.npy')) throw new ValueError(`${where}: entries must be .npy files, got '${entry.name}'`)
    const name = entry.name.slice(0, -4)
    if (arrays.has(name)) throw new ValueError(`${where}: every array must have a name of its own, got '${name}' twice`)
    arrays.set(name, decodeNpy(entry.bytes, `${where}: array '${name}'`, options))
  }
  return Object.fromEntries(arrays)
}

/** The bytes of an .npz archive with these arrays. */
export function serializeNpz(arrays: Readonly<Record<string, Tensor>>, options: NpzOptions = {}): Uint8Array {
  checkOptions('serializeNpz', options, ['compressed'])
  if (typeof arrays !== 'object' || arrays === null) {
    throw new ValueError(wrongArgument('serializeNpz', 'arrays', 'an object of tensors', arrays))
  }
  const entries = Object.entries(arrays).map(([name, values]) => ({ name: `${name}.npy`, bytes: bytesOfArray(name, values) }))
  return zip(entries, options.compressed ?? false, 'serializeNpz')
}

function bytesOfArray(name: string, values: Tensor): Uint8Array {
  if (!(values instanceof Tensor)) throw new ValueError(wrongArgument('serializeNpz', `arrays['${name}']`, 'a Tensor', values))
  return serializeNpy(values)
}

/** Writes named tensors as an .npz file, atomically. */
export async function saveNpz(
  path: string | URL,
  arrays: Readonly<Record<string, Tensor>>,
  options: NpzOptions = {},
): Promise<void> {
  const bytes = inNameOf('saveNpz', 'serializeNpz', () => serializeNpz(arrays, options))
  await inNameOf('saveNpz', 'writeAtomically', () => writeAtomically(path, bytes))
}
