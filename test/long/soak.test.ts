// 200 000 replayed steps of the small network, each result read: resident memory stays flat to 1 MB. The highest reading of the second half
// is held against that of the second quarter, since V8 takes its time over the size of its heap at first.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../project/sources.js'

const program = `
import * as st from 'steepest'

const { dense } = st.layers
const net = st.sequential([
  dense({ units: 64, activation: 'relu', inputShape: [20] }),
  dense({ units: 64, activation: 'relu' }),
  dense({ units: 1 }),
])
const optimizer = st.optimizers.adam()
const step = st.program((x, y) => {
  const loss = st.losses.binaryCrossentropy(y, net.forward(x), { fromLogits: true })
  loss.backward()
  optimizer.step(net.parameters())
  return loss
})
const x = st.random.normal([32, 20])
const y = st.greater(x.sum(1, true), 0).cast('float32')
const ways = {
  sync: [1, () => step.sync(x, y)],
  await: [1, () => step(x, y)],
  repeat: [20, () => step.repeat(20, x, y)],
}
const [perCall, run] = ways[process.argv[2]]
const sizes = []
for (let done = perCall; done <= 200_000; done += perCall) {
  const result = run()
  const loss = (result instanceof Promise ? await result : result).item()
  if (!(loss < 10)) throw new Error('the loss is ' + loss)
  if (done % 5000 === 0) sizes.push(process.memoryUsage.rss())
}
console.log(JSON.stringify(sizes))
`

describe('200 000 replayed steps of 20-64-64-1', () => {
  it.each(['sync', 'await', 'repeat'])('by %s hold resident memory to 1 MB', (way) => {
    mkdirSync(path.join(root, '.cache'), { recursive: true })
    const file = path.join(root, '.cache/soak.mjs')
    writeFileSync(file, program)
    const { stdout, stderr, status } = spawnSync(process.execPath, [file, way], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    const sizes = JSON.parse(stdout) as number[]
    const quarter = sizes.length / 4
    const growth = Math.max(...sizes.slice(2 * quarter)) - Math.max(...sizes.slice(quarter, 2 * quarter))
    console.log(`${way}: the second half grew by ${(growth / 1e6).toFixed(2)} MB`)
    expect(growth).toBeLessThan(1e6)
  })
})
