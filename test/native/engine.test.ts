// The engine around the kernels: malformed rows, denormals, threads, instruction sets, native memory, worker threads, exit.
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { type NativeHandle, native } from '../../lib/native.js'
import { addon, script } from './child.js'
import { checkCases, dtypeCode, type KernelCase, runRow } from './harness.js'

const before = native.info()
const library = new URL('../../dist/index.js', import.meta.url).href
afterEach(() => {
  native.setThreads(before.threads)
  native.setInstructionSet(before.instructionSet)
})

/** Statements that fill `count` floats again and again, for scripts and workers. */
const prepareFill = (count: number) => `
  const row = new Float64Array(4096); addon.bind(row);
  const memory = new ArrayBuffer(${count * 4}); const floats = new Float32Array(memory);
  const id = addon.kernels.findIndex((kernel) => kernel.name === 'fill');
  row.set([id, 0, 1, 3, addon.address(memory), ${count}, 0, 2.5]);`

describe('rows', () => {
  const refused = 2
  const header = (...words: number[]) => {
    const row = new Float64Array(16)
    row.set(words)
    native.bind(row)
    return native.run()
  }

  test.each([
    ['no such kernel', [native.kernels.length, 0, 1, 3]],
    ['a negative kernel', [-1, 0, 1, 3]],
    ['a fractional kernel', [0.5, 0, 1, 3]],
    ['NaN', [Number.NaN, 0, 1, 3]],
    ['infinity', [0, 0, Number.POSITIVE_INFINITY, 3]],
    ['a wrong mode', [0, 2, 1, 3]],
    ['more buffers than allowed', [0, 0, 1025, 3]],
    ['more arguments than the row holds', [0, 0, 1, 4000]],
    ['an address that is none', [0, 0, 1, 3, -8, 0, 0, 0]],
    ['a fractional address', [0, 0, 1, 3, 8.5, 0, 0, 0]],
  ])('%s is refused', (_, words) => expect(header(...words)).toBe(refused))

  test('every kernel refuses too few buffers and arguments that are no sizes', () => {
    for (const { name } of native.kernels) {
      for (const twin of [false, true]) {
        expect(runRow(name, twin, [], []).status, `${name} without anything`).toBe(refused)
        expect(runRow(name, twin, [0, 0, 0], new Array<number>(24).fill(Number.NaN)).status, `${name} of NaN`).toBe(refused)
        expect(runRow(name, twin, [0, 0, 0], new Array<number>(24).fill(-1)).status, `${name} of -1`).toBe(refused)
      }
    }
  })

  test('a row buffer has to be bound and long enough', async () => {
    expect(() => native.bind([] as unknown as Float64Array)).toThrow(TypeError)
    expect(() => native.bind(new Float64Array(3))).toThrow(RangeError)
    expect(await script('console.log(addon.run())')).toBe('2')
  })
})

describe('the harness', () => {
  const good: KernelCase = {
    kernel: 'fill',
    name: 'test',
    args: [5, dtypeCode.float32, 2],
    outputs: [{ dtype: 'float32', length: 5 }],
    inputs: [],
  }

  test('accepts a right kernel', () => checkCases([good]))
  test('notices a byte past the output', () =>
    expect(() => checkCases([{ ...good, outputs: [{ dtype: 'float32', length: 4 }] }])).toThrow('was written'))
  test('notices an element not written', () =>
    expect(() => checkCases([{ ...good, args: [4, 0, 2], reference: () => [[2, 2, 2, 2, 2]] }])).toThrow('reference'))
  test('notices a twin that is wrong', () =>
    expect(() => checkCases([{ ...good, reference: () => [[2, 2, 2, 2, 2.0001]] }])).toThrow('reference'))
  test('notices fast away from the twin', () => {
    const absorbed: KernelCase = {
      kernel: 'reduce',
      name: 'absorbed',
      args: [0, 1, 4, 1, dtypeCode.float32],
      outputs: [{ dtype: 'float32', length: 1 }],
      inputs: [{ dtype: 'float32', data: [1e8, 1, 1, -1e8] }],
      epsilons: 100,
    }
    expect(() => checkCases([absorbed])).toThrow('allowed difference')
  })
  test('notices a call that should have been refused', () =>
    expect(() => checkCases([{ ...good, fails: { position: 0, value: 0, limit: 0 } }])).toThrow())
})

test('kernels flush denormals, JavaScript keeps them', () => {
  const memory = new ArrayBuffer(16)
  const floats = new Float32Array(memory)
  const address = native.address(memory)
  const tiny = new Float64Array([Number.MIN_VALUE, 3])
  floats.set([1e-40, 1e-40])
  expect(runRow('reduce', false, [address + 8, address, 0], [0, 1, 2, 1, 0]).status).toBe(0)
  expect(floats[2]).toBe(0)
  expect(tiny[0]! * tiny[1]!).toBe(3 * 2 ** -1074)
  expect(Math.fround(1e-40) * 1).not.toBe(0)
})

describe('settings', () => {
  test('threads can be changed at any time', () => {
    for (const threads of [1, 3, 2, 8, 1]) {
      native.setThreads(threads)
      expect(native.info().threads).toBe(threads)
    }
    for (const wrong of [0, -1, 1000, Number.NaN, 'two']) expect(() => native.setThreads(wrong as number)).toThrow(RangeError)
  })

  test('instruction sets can be forced, best first', () => {
    expect(before.instructionSets[0]).toBe(before.instructionSet)
    for (const name of before.instructionSets) {
      native.setInstructionSet(name)
      expect(native.info().instructionSet).toBe(name)
      expect(native.info().instructionSets).toEqual(before.instructionSets)
    }
    expect(() => native.setInstructionSet('mmx')).toThrow(/must be one of .*, got 'mmx'/)
  })

  test('the environment sets threads and instruction set', async () => {
    const worst = before.instructionSets.at(-1)!
    const print = 'const { threads, instructionSet } = addon.info(); console.log(threads, instructionSet)'
    expect(await script(print, { STEEPEST_THREADS: '3', STEEPEST_ISA: worst })).toBe(`3 ${worst}`)
    await expect(script(print, { STEEPEST_ISA: 'mmx' })).rejects.toThrow(/STEEPEST_ISA/)
  })

  test('OpenBLAS is described', () => {
    expect(before.blas.library).toMatch(/OpenBLAS/)
    expect(['pthread', 'openmp', 'sequential']).toContain(before.blas.threads)
  })
})

describe('native memory', () => {
  test.each([0, 1, 100, 5_000_000])('%d bytes are zeroed, aligned and released', (bytes) => {
    const handle = native.allocate(bytes)
    const address = native.address(handle)
    expect(address % 64).toBe(0)
    const target = new Uint8Array(bytes).fill(7)
    native.copyOut(address, target)
    expect(target.every((byte) => byte === 0)).toBe(true)
    native.copyIn(address, target.fill(9))
    native.copyOut(address, new DataView(target.buffer))
    expect(target.every((byte) => byte === 9)).toBe(true)
    native.release(handle)
    native.release(handle)
    expect(() => native.address(handle)).toThrow(TypeError)
  })

  test('what cannot be had is an error', () => {
    for (const bytes of [-1, Number.NaN, 2 ** 53, 2 ** 50]) expect(() => native.allocate(bytes)).toThrow(RangeError)
    expect(() => native.release({} as NativeHandle)).toThrow(TypeError)
    expect(() => native.address({} as NativeHandle)).toThrow(TypeError)
    expect(() => native.address(new SharedArrayBuffer(8) as unknown as ArrayBuffer)).toThrow(TypeError)
    const detached = new ArrayBuffer(8)
    structuredClone(detached, { transfer: [detached] })
    expect(() => native.address(detached)).toThrow(TypeError)
    expect(() => native.copyIn(Number.NaN, new Uint8Array(1))).toThrow(TypeError)
    expect(() => native.copyIn(0, new Uint8Array(1))).toThrow(RangeError)
    expect(() => native.copyOut(64, {} as Uint8Array)).toThrow(TypeError)
  })

  test('handles that nobody holds are freed', async () => {
    const code = `for (let i = 0; i < 400; i++) { addon.allocate(8e6); if (i % 20 === 0) await new Promise(setImmediate) }
      gc(); await new Promise(setImmediate); console.log(process.memoryUsage().external < 1e8)`
    expect(
      await script(
        `require('v8').setFlagsFromString('--expose-gc'); globalThis.gc = require('vm').runInNewContext('gc'); (async () => { ${code} })()`,
      ),
    ).toBe('true')
  })
})

describe('worker threads', () => {
  const workerCode = (loop: string) =>
    `const addon = require(${JSON.stringify(addon)}); const { parentPort } = require('node:worker_threads'); ${prepareFill(100_000)}
    globalThis.held = [addon.allocate(100), addon.allocate(8e6)]; ${loop}`

  test('survives fifty workers terminated in the middle of their rows', async () => {
    native.setThreads(2)
    const memory = new ArrayBuffer(400_000)
    for (let i = 0; i < 50; i++) {
      const worker = new Worker(workerCode(`addon.run(); parentPort.postMessage(0); for (;;) addon.run()`), { eval: true })
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      for (let k = 0; k < 20; k++) expect(runRow('fill', false, [native.address(memory)], [100_000, 0, i]).status).toBe(0)
      await worker.terminate()
    }
    expect(new Float32Array(memory).every((value) => value === 49)).toBe(true)
  }, 120_000)

  test('several threads compute at once', async () => {
    const loop = `let wrong = 0; for (let i = 0; i < 300; i++) { row[7] = i; addon.run(); if (floats[0] !== i || floats[99999] !== i) wrong++ } parentPort.postMessage(wrong)`
    const results = Array.from(
      { length: 3 },
      () =>
        new Promise((resolve, reject) =>
          new Worker(workerCode(loop), { eval: true }).once('message', resolve).once('error', reject),
        ),
    )
    expect(await Promise.all(results)).toEqual([0, 0, 0])
  })
})

describe('exit', () => {
  const busy = `${prepareFill(1_000_000)} for (let i = 0; i < 20; i++) addon.run();`
  const inWorker = (end: string) =>
    `new (require('node:worker_threads').Worker)(${JSON.stringify(`const addon = require(${JSON.stringify(addon)}); ${busy} ${end}`)}, { eval: true })`

  test.each([
    ['by itself', `${busy} console.log('done')`],
    ['by process.exit', `${busy} console.log('done'); process.exit(0)`],
    ['from a worker', `${busy} console.log('done'); ${inWorker('process.exit(0)')}`],
    [
      'with a worker still computing',
      `${busy} console.log('done'); ${inWorker('for (;;) addon.run()')}; setTimeout(() => process.exit(0), 100)`,
    ],
  ])('%s is clean', async (_, code) => expect(await script(code, { STEEPEST_THREADS: '4' })).toBe('done'))

  test('by process.exit during an awaited repeat is clean and soon', async () => {
    const code = `import(${JSON.stringify(library)}).then((st) => {
      const w = st.variable(st.ones([300, 300]))
      st.program(() => void w.assign(w.matMul(w).mul(0.01).tanh())).repeat(1e9)
      setTimeout(() => { console.log(Date.now()); process.exit(0) }, 100)
    })`
    const begun = Number(await script(code, { STEEPEST_THREADS: '4' }))
    expect(begun).toBeGreaterThan(0)
    expect(Date.now() - begun).toBeLessThan(5000)
  })
})
