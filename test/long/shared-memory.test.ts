// Resident memory of four workers that predict with one model: by handle the weights are there once, however many workers there are; sent
// as arrays, once per worker. Measured in a process of its own, above the same workers with a small model.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../project/sources.js'

const program = `
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import * as st from 'steepest'

const network = (units) =>
  st.sequential(Array.from({ length: 4 }, () => st.layers.dense({ units, activation: 'tanh', inputShape: [units] })))

if (!isMainThread) {
  let model
  parentPort.on('message', async ({ shared, arrays, units }) => {
    model = shared ? st.fromShared(shared) : network(units)
    if (arrays) model.loadState(Object.fromEntries(arrays.map(([name, data, shape]) => [name, st.tensor(data, shape)])))
    parentPort.postMessage((await model.predict(st.ones([1, units]))).dataSync())
  })
} else {
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)))
  const askAll = (message) => {
    const answers = workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)))
    for (const worker of workers) worker.postMessage(message)
    return Promise.all(answers)
  }
  const resident = () => process.memoryUsage.rss() / 1e6
  const small = network(16)
  await askAll({ shared: small.share(), units: 16 })

  const units = 2048
  const model = network(units)
  const wanted = (await model.predict(st.ones([1, units]))).dataSync()
  const same = (answers) => answers.every((answer) => answer.every((value, i) => Object.is(value, wanted[i])))
  const own = resident()
  const sharedBits = same(await askAll({ shared: model.share(), units }))
  const shared = resident() - own

  const arrays = Object.entries(model.state()).map(([name, tensor]) => [name, tensor.dataSync(), tensor.shape])
  const before = resident()
  const copiedBits = same(await askAll({ arrays, units }))
  const copied = resident() - before
  console.log(JSON.stringify({ shared, copied, sharedBits, copiedBits }))
  process.exit(0)
}
`

it('four workers with one model of 67 MB hold its weights once', () => {
  mkdirSync(path.join(root, '.cache'), { recursive: true })
  const file = path.join(root, '.cache/shared-memory.mjs')
  writeFileSync(file, program)
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const { shared, copied, sharedBits, copiedBits } = JSON.parse(stdout) as Record<string, number | boolean>
  console.log(`four workers: ${Number(shared).toFixed(1)} MB by handle, ${Number(copied).toFixed(1)} MB by copies`)
  expect([sharedBits, copiedBits]).toEqual([true, true])
  const model = (4 * 2048 * 2049 * 4) / 1e6
  expect(shared).toBeLessThan(0.5 * model)
  expect(copied).toBeGreaterThan(3.5 * model)
})
