// 10 000 steps of training the MNIST classifier in a synchronous loop, without a single turn of the event loop: resident memory
// stays within 100 MB of what it was after step 500.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../project/sources.js'

const program = `
import * as st from 'steepest'

const model = st.sequential([
  st.layers.flatten({ inputShape: [28, 28] }),
  st.layers.dense({ units: 512, activation: 'relu' }),
  st.layers.dense({ units: 10, activation: 'softmax' }),
])
const optimizer = st.optimizers.rmsprop()
const images = st.random.uniform([128, 28, 28])
const labels = st.data.toCategorical(st.random.integers([128], 0, 10), 10)
const sizes = []
for (let step = 1; step <= 10_000; step++) {
  st.losses.categoricalCrossentropy(labels, model.forward(images)).backward()
  optimizer.step(model.parameters())
  if (step % 500 === 0) sizes.push(Math.round(process.memoryUsage.rss() / 1e6))
}
console.log(JSON.stringify(sizes))
`

it('a synchronous loop of 10 000 training steps holds its memory', () => {
  mkdirSync(path.join(root, '.cache'), { recursive: true })
  const file = path.join(root, '.cache/memory.mjs')
  writeFileSync(file, program)
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const sizes = JSON.parse(stdout) as number[]
  console.log(`resident megabytes every 500 steps: ${sizes.join(' ')}`)
  expect(Math.max(...sizes) - (sizes[0] as number)).toBeLessThan(100)
})
