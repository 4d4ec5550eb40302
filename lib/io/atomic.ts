// Writing files so that a reader, or a crash at any moment, sees either the old content or the new one and never a part.
// The steps: a temporary file in the same directory, its data on disk (fsync), rename over the target, the directory on disk (fsync).
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ValueError, wrongArgument } from '../errors.js'

/** Chunks go to the file in pieces of at most this size: the kernel refuses writes of 2 GiB and more. */
const maxWriteBytes = 2 ** 30

/**
 * Replaces (or creates) a file atomically. A symbolic link stays a link and its target is replaced; the mode of an existing file
 * is kept. If anything fails, the old file is untouched and the temporary file is removed.
 *
 * @param path path or file: URL
 * @param content the bytes, or pieces of them in order
 * @throws ValueError naming the path if it cannot be written
 */
export async function writeAtomically(path: string | URL, content: Uint8Array | Iterable<Uint8Array>): Promise<void> {
  if ((typeof path !== 'string' && !(path instanceof URL)) || path === '') {
    throw new ValueError(wrongArgument('writeAtomically', 'path', 'a path or a file: URL', path))
  }
  try {
    const target = await resolveTarget(typeof path === 'string' ? path : fileURLToPath(path))
    const mode = await modeOf(target)
    const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`)
    try {
      await writeTemporary(temporary, mode, content instanceof Uint8Array ? [content] : content)
      await rename(temporary, target)
    } catch (cause) {
      await unlink(temporary).catch(() => undefined)
      throw cause
    }
    await syncDirectory(dirname(target))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ValueError(`writeAtomically: argument 'path' must be a writable file, got '${path}' (${reason})`, { cause })
  }
}

/** The file that the path stands for: links are followed, a path that does not exist yet is itself. */
async function resolveTarget(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path
    throw error
  }
}

async function modeOf(target: string): Promise<number | undefined> {
  const existing = await stat(target).catch(() => undefined)
  if (existing && !existing.isFile()) throw new Error('it exists and is not a regular file')
  return existing && existing.mode & 0o7777
}

async function writeTemporary(path: string, mode: number | undefined, chunks: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', mode ?? 0o666)
  try {
    if (mode !== undefined) await file.chmod(mode)
    for (const chunk of chunks) await writeFully(file, chunk)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeFully(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, Math.min(chunk.length - done, maxWriteBytes))
    done += bytesWritten
  }
}

/** Makes the rename durable. Where directories cannot be opened or synced (Windows, some network mounts) there is nothing to do. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined)
  try {
    await directory?.sync().catch(() => undefined)
  } finally {
    await directory?.close()
  }
}
