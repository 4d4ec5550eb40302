// OpenBLAS behind the matrix product: either variant, any of its kernel sets, on one thread of the caller; results that do not depend on
// the number of threads of the compute pool.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { addon, script } from './child.js'

const before = native.info()

// Debian keeps the variants of the library beside each other; the one that is linked by default is among them.
const loaded = (process.report.getReport() as unknown as { sharedObjects: string[] }).sharedObjects.filter((file) =>
  /openblas/.test(file),
)
const variants = loaded.flatMap((file) =>
  ['pthread', 'openmp'].map((variant) => path.dirname(file).replace(/openblas-\w+/, `openblas-${variant}`)),
)
const folders = [...new Set(variants)].filter((folder) => existsSync(path.join(folder, 'libopenblas.so.0')))

/** Digests of products of every form, for each instruction set and for 1, 2 and 4 threads. */
const digests = `
  const row = new Float64Array(4096); addon.bind(row);
  const id = addon.kernels.findIndex((kernel) => kernel.name === 'matmul');
  const { createHash } = require('node:crypto');
  const values = Float32Array.from({ length: 160_000 }, (_, i) => Math.sin((i + 1) * 12.9898));
  const product = (hash, batch, m, n, k, ta, tb) => {
    const [c, a, b] = [new Float32Array(batch * m * n), values.slice(0, batch * m * k), values.slice(-batch * k * n)];
    const args = [batch, m, n, k, ta, tb, batch > 1 ? m * k : 0, batch > 1 ? k * n : 0];
    const addresses = [c, a, b].map((array) => addon.address(array.buffer));
    const words = (scratch) => [id, 0, 4, 8, ...addresses, scratch, ...args];
    row.set(words(0));
    const scratch = addon.allocate(addon.scratchBytes() + 64);
    row.set(words(addon.address(scratch)));
    if (addon.run() !== 0 || c.every((value) => value === 0)) throw new Error('the product failed');
    addon.release(scratch);
    hash.update(new Uint8Array(c.buffer));
  };
  const digest = (threads) => {
    addon.setThreads(threads);
    const hash = createHash('sha256');
    for (const [ta, tb] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      product(hash, 1, 128, 256, 392, ta, tb);
      product(hash, 1, 301, 67, 130, ta, tb);
      product(hash, 1, 1, 300, 500, ta, tb);
      product(hash, 1, 33, 1, 2000, ta, tb);
      product(hash, 5, 40, 50, 60, ta, tb);
    }
    return hash.digest('hex');
  };
  const found = addon.info().instructionSets.map((name) => { addon.setInstructionSet(name); return [name, [1, 2, 4].map(digest)]; });
  const { threads, core } = addon.info().blas;
  console.log(JSON.stringify({ threads, core, found }));`

describe('OpenBLAS', () => {
  const multiply = `
    const n = 256; const row = new Float64Array(4096); addon.bind(row);
    const buffers = [0, 1, 2].map(() => new ArrayBuffer(n * n * 4)); const [c, x, y] = buffers.map((buffer) => new Float32Array(buffer));
    x.fill(1); y.fill(2);
    const id = addon.kernels.findIndex((kernel) => kernel.name === 'matmul'); const { scratch } = addon.kernels[id];
    row.set([id, 0, scratch ? 4 : 3, 8, ...buffers.map((buffer) => addon.address(buffer)), ...(scratch ? [0] : []), 1, n, n, n, 0, 0, 0, 0]);
    if (scratch) row[7] = addon.address(addon.allocate(addon.scratchBytes()));
    const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
    addon.info(); const before = threads(); const status = addon.run(); const started = threads() - before;
    const right = c.every((value) => value === 2 * n);`

  test.each(folders)('of %s computes on the calling thread alone, also in a worker', async (folder) => {
    const inWorker = `const addon = require(${JSON.stringify(addon)}); ${multiply} require('node:worker_threads').parentPort.postMessage([status, right, started])`
    const code = `${multiply} new (require('node:worker_threads').Worker)(${JSON.stringify(inWorker)}, { eval: true })
      .on('message', (worker) => console.log(JSON.stringify([addon.info().blas.threads, status, right, started, ...worker])))`
    const printed = await script(code, { LD_LIBRARY_PATH: folder, STEEPEST_THREADS: '1' })
    expect(JSON.parse(printed)).toEqual([/openblas-(\w+)/.exec(folder)?.[1] ?? before.blas.threads, 0, true, 0, 0, true, 0])
  })

  test('is tried in both of its variants', () => expect(folders.length).toBe(2))

  test.each(
    folders.flatMap((folder) => ['', 'Haswell', 'Nehalem'].map((core) => [core || 'its own choice', folder, core] as const)),
  )(
    'kernels of %s from %s give the same bits for 1, 2 and 4 threads, on every instruction set',
    async (_name, folder, core) => {
      const environment = { LD_LIBRARY_PATH: folder, OPENBLAS_CORETYPE: core }
      const { threads, core: used, found } = JSON.parse(await script(digests, environment)) as Digests
      expect(threads).toBe(/openblas-(\w+)/.exec(folder)?.[1])
      if (core) expect(used).toBe(core)
      expect(found.map(([name]) => name)).toEqual(before.instructionSets)
      for (const [name, [one, two, four]] of found) {
        expect(two, `2 threads on ${name}`).toBe(one)
        expect(four, `4 threads on ${name}`).toBe(one)
      }
    },
    120_000,
  )
})

interface Digests {
  readonly threads: string
  readonly core: string
  readonly found: readonly [instructionSet: string, digests: readonly [string, string, string]][]
}
