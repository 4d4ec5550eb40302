// Atomic writing: content, mode, links, and failures that leave the old file and no temporary one.
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ValueError } from '../../lib/errors.js'
import { writeAtomically } from '../../lib/io/atomic.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steepest-atomic-'))
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = (text: string) => Buffer.from(text)

test('creates and replaces, from bytes or pieces, by path or URL', async () => {
  const path = join(folder, 'a')
  await writeAtomically(path, bytes('one'))
  expect(await readFile(path, 'utf8')).toBe('one')
  await writeAtomically(pathToFileURL(path), [bytes('two '), new Uint8Array(0), bytes('three')])
  expect(await readFile(path, 'utf8')).toBe('two three')
  expect(await readdir(folder)).toEqual(['a'])
})

test('keeps the mode of the file it replaces', async () => {
  const path = join(folder, 'a')
  await writeFile(path, 'old')
  await chmod(path, 0o640)
  await writeAtomically(path, bytes('new'))
  expect((await stat(path)).mode & 0o777).toBe(0o640)
})

test('a symbolic link stays one; its target is replaced', async () => {
  await mkdir(join(folder, 'real'))
  await writeFile(join(folder, 'real', 'a'), 'old')
  await symlink(join('real', 'a'), join(folder, 'link'))
  await writeAtomically(join(folder, 'link'), bytes('new'))
  expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true)
  expect(await readFile(join(folder, 'real', 'a'), 'utf8')).toBe('new')
})

test('a failure in the middle keeps the old file and removes the temporary one', async () => {
  const path = join(folder, 'a')
  await writeFile(path, 'old')
  function* failing() {
    yield bytes('half')
    throw new Error('no more')
  }
  await expect(writeAtomically(path, failing())).rejects.toThrow(/must be a writable file, got '.*a' \(no more\)/)
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['a'])
})

test('paths that cannot be written are ValueErrors', async () => {
  for (const path of [folder, join(folder, 'no', 'a'), '', 'a\0b', new URL('http://example.org/a'), 3 as unknown as string]) {
    await expect(writeAtomically(path, bytes('x'))).rejects.toThrow(ValueError)
  }
  expect(await readdir(folder)).toEqual([])
})
