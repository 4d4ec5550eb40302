// The native core under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer: a copy of the package is built
// with the sanitizer, and tests of kernels, ops and programs run in it. Any report fails the job. Node and OpenBLAS stay uninstrumented.
// Under AddressSanitizer what is not alive of a program's arena is a red zone (native/engine/red_zones.h). Seeded faults prove that either
// sanitizer sees what it should (test/long/seeded.ts).
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../project/sources.js'
import { cleanEnvironment } from '../project/tarball.js'
import { overrun, raceOfJavaScriptThreads, raceOfPoolThreads, useAfterLastRow } from './seeded.js'

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

/** The tests of programs, but for those that measure memory, which a sanitizer itself takes. */
const programs = readdirSync(path.join(root, 'test/program'))
  .filter((name) => name.endsWith('.test.ts') && !['faults.test.ts', 'heap.test.ts'].includes(name))
  .map((name) => `test/program/${name}`)

const jobs = [
  {
    sanitizer: 'address',
    suites: ['test/native/kernels.test.ts', 'test/ops', 'test/autograd', ...programs],
    steps: 200_000,
    library: 'libasan.so',
    // Node and V8 leave memory to the end of the process, so leaks cannot be told from theirs.
    options: { ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1' },
    seeded: [overrun, useAfterLastRow],
  },
  {
    sanitizer: 'thread',
    // Twenty times slower: what shares work among threads, rather than every case of every kernel.
    suites: [
      ...['test/ops/random.test.ts', 'test/autograd', 'test/tensor', 'test/train/shared.test.ts'],
      ...['program', 'footguns', 'inplace', 'pack', 'prepare', 'slices', 'soak', 'threads'].map(
        (name) => `test/program/${name}.test.ts`,
      ),
    ],
    steps: 2000,
    library: 'libtsan.so',
    options: { TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:exitcode=99:halt_on_error=1' },
    seeded: [raceOfPoolThreads, raceOfJavaScriptThreads],
  },
]

describe.each(jobs)('under the $sanitizer sanitizer', ({ sanitizer, suites, steps, library, options, seeded }) => {
  let folder = ''
  const run = (args: readonly string[]) =>
    spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 25 * 60_000, // a deadlock ends here: no timer of Vitest's fires meanwhile
      env: {
        ...{ ...cleanEnvironment(), ...options, LD_PRELOAD: runtimeLibrary(library) },
        ...{ STEEPEST_THREADS: '4', SOAK_STEPS: String(steps) },
      },
    })

  beforeAll(() => {
    folder = sanitizedCopy(sanitizer)
  }, 1_200_000)

  it('kernels, ops and programs are clean', () => {
    // Of several names Vitest would leave out those that it does not find.
    expect(suites.filter((name) => !existsSync(path.join(folder, name)))).toEqual([])
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
