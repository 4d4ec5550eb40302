// The native core under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer: a copy of the package is built
// with the sanitizer, and tests of kernels, ops and programs run in it. Any report fails the job. Node and OpenBLAS stay uninstrumented.
// Under AddressSanitizer the gaps of a program's arena are red zones (native/engine/red_zones.h), which a seeded overrun proves.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../project/sources.js'
import { cleanEnvironment } from '../project/tarball.js'

const copied = ['lib', 'dist', 'native', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts', 'CMakeLists.txt']
const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A copy of the package with its native core built with `sanitizer`. */
function sanitizedCopy(sanitizer: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), `steepest-${sanitizer}-`))
  folders.push(folder)
  for (const name of copied) cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const cmakeJs = path.join(root, 'node_modules/cmake-js/bin/cmake-js')
  const args = [cmakeJs, 'build', `--CDSTEEPEST_SANITIZE=${sanitizer}`, '--parallel', String(os.availableParallelism())]
  const built = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: cleanEnvironment() })
  expect(built.status, `${built.stdout}${built.stderr}`).toBe(0)
  return folder
}

/** Node is not instrumented, so the sanitizer's run-time library has to be loaded before it. */
function runtimeLibrary(name: string): string {
  return spawnSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim()
}

const programs = ['program', 'footguns', 'inplace', 'soak'].map((name) => `test/program/${name}.test.ts`)

/** Fills a temporary of 31 elements; wrongly with 32, of which the last lies in the gap between two slots of the arena. */
const overrun = `
import { call, kernelNamed } from './dist/dispatch.js'
import * as st from './dist/index.js'
const count = process.argv[2] === 'wrong' ? 32 : 31
const run = st.program((x) => {
  const temporary = x.mul(2)
  call(kernelNamed('fill'), false, [temporary], [], [count, 0, 7])
  return temporary.sum()
})
if (run.sync(st.ones([31])).item() !== 7 * 31) throw new Error('the wrong sum')
`

const jobs = [
  {
    sanitizer: 'address',
    suites: ['test/native/kernels.test.ts', 'test/ops', 'test/autograd', 'test/program/convolution.test.ts', ...programs],
    library: 'libasan.so',
    // Node and V8 leave memory to the end of the process, so leaks cannot be told from theirs.
    options: { ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1' },
    seeded: [
      {
        what: 'an element written past a slot',
        program: overrun,
        report: /AddressSanitizer[\s\S]*WRITE of size[\s\S]*fillRange/,
      },
    ],
  },
  {
    sanitizer: 'thread',
    // Twenty times slower: what shares work among threads, rather than every case of every kernel.
    suites: ['test/ops/random.test.ts', 'test/autograd', 'test/tensor', ...programs],
    library: 'libtsan.so',
    options: { TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:exitcode=99:halt_on_error=1' },
    seeded: [],
  },
]

describe.each(jobs)('under the $sanitizer sanitizer', ({ sanitizer, suites, library, options, seeded }) => {
  let folder = ''
  const run = (args: readonly string[]) =>
    spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...cleanEnvironment(), ...options, LD_PRELOAD: runtimeLibrary(library), STEEPEST_THREADS: '4' },
    })

  beforeAll(() => {
    folder = sanitizedCopy(sanitizer)
  }, 600_000)

  it('kernels, ops and programs are clean', () => {
    const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')
    const limits = ['--testTimeout=1200000', '--hookTimeout=1200000', '--no-file-parallelism', '--reporter=dot']
    const result = run([vitest, 'run', ...limits, ...suites])
    const output = `${result.stdout}${result.stderr}`
    const report = /.*(ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer)[\s\S]{0,3000}/.exec(output)?.[0]
    expect(report).toBeUndefined()
    expect(result.status, output.slice(-8000)).toBe(0)
  })

  for (const { what, program, report } of seeded)
    it(`${what} is caught`, () => {
      const file = path.join(folder, 'seeded.mjs')
      writeFileSync(file, program)
      const [right, wrong] = [run([file, 'right']), run([file, 'wrong'])]
      expect(right.status, right.stderr).toBe(0)
      expect(wrong.status, wrong.stdout).toBe(99)
      expect(wrong.stderr).toMatch(report)
    })
})
