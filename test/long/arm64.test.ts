// The native core compiles for 64-bit ARM, its kernels for NEON: every file of native/sources.txt goes through a cross compiler where one is
// installed (Debian: g++-aarch64-linux-gnu); where none is, the test is skipped and says so. Nothing is linked or run.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { read, root } from '../project/sources.js'

const compiler = 'aarch64-linux-gnu-g++'
const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-arm64-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const includedBy = (library: string): string =>
  spawnSync('pkg-config', ['--variable=includedir', library], { encoding: 'utf8' }).stdout.trim()

/** Those of CMakeLists.txt on ARM, but without optimization: the question is what compiles. */
function flags(): string[] {
  // Highway's headers are the same for all processors, their neighbours in /usr/include are not: a folder with nothing else.
  mkdirSync(path.join(folder, 'include'))
  symlinkSync(path.join(includedBy('libhwy'), 'hwy'), path.join(folder, 'include/hwy'))
  const packages = ['node-api-headers/include', 'node-addon-api'].map((name) => path.join(root, 'node_modules', name))
  const targets = /HWY_DISABLED_TARGETS=0x\w+/.exec(read('CMakeLists.txt'))?.[0]
  return [
    ...['-std=c++20', '-O0', '-Inative', '-DNAPI_VERSION=8', '-DNAPI_DISABLE_CPP_EXCEPTIONS', `-D${targets}`],
    ...[...packages, path.join(folder, 'include'), includedBy('openblas')].map((include) => `-isystem${include}`),
  ]
}

/** Compiles one file; returns what is wrong with it, if anything. */
async function complaint(file: string, options: readonly string[]): Promise<string> {
  const object = path.join(folder, `${path.basename(file)}.o`)
  const run = async (program: string, args: readonly string[]) =>
    (await promisify(execFile)(program, args, { cwd: root, maxBuffer: 2 ** 26 })).stdout
  try {
    await run(compiler, [...options, '-c', file, '-o', object])
    const withoutVectors =
      read(file).includes('HWY_TARGET_INCLUDE') &&
      !(await run('aarch64-linux-gnu-nm', ['-C', object])).includes(' steepest::N_NEON::')
    return withoutVectors ? `${file} holds no code for NEON` : ''
  } catch (error) {
    return `${file}: ${(error as Error).message}`
  }
}

it('every source compiles for 64-bit ARM, those with vectors for NEON', async ({ skip }) => {
  skip(spawnSync(compiler, ['--version']).status !== 0, `there is no ${compiler}`)
  const options = flags()
  const [left, complaints] = [read('native/sources.txt').trim().split('\n'), [] as string[]]
  const worker = async () => {
    for (let file = left.pop(); file; file = left.pop()) complaints.push(await complaint(file, options))
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker))
  expect(complaints.filter((text) => text !== '')).toEqual([])
})
