// 10 000 steps of training the MNIST classifier in a synchronous loop, without a single turn of the event loop: resident memory
// stays within 100 MB of what it was after step 500. Outputs for 400 MB of samples: within 60 MB of what it was after the first 20.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../project/sources.js'

const training = `
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

/** Outputs for 400 MB of samples, which a generator makes batch by batch. */
const prediction = `
import * as st from 'steepest'

const model = st.sequential([
  st.layers.dense({ units: 32, activation: 'relu', inputShape: [100] }),
  st.layers.dense({ units: 4, activation: 'softmax' }),
])
function* batches() {
  for (let i = 0; i < 1000; i++) yield st.random.normal([1000, 100])
}
const sizes = []
let seen = 0
for await (const outputs of model.predictStream(batches())) {
  if (seen++ % 50 === 49) sizes.push(Math.round(process.memoryUsage.rss() / 1e6))
}
console.log(JSON.stringify(sizes))
`

/** The resident megabytes that a script prints. */
function sizesOf(name: string, script: string): number[] {
  mkdirSync(path.join(root, '.cache'), { recursive: true })
  const file = path.join(root, `.cache/${name}.mjs`)
  writeFileSync(file, script)
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  console.log(`resident megabytes in ${name}: ${stdout.trim()}`)
  return JSON.parse(stdout) as number[]
}

it('a synchronous loop of 10 000 training steps holds its memory', () => {
  const sizes = sizesOf('training', training)
  expect(Math.max(...sizes) - (sizes[0] as number)).toBeLessThan(100)
})

it('predictStream over 400 MB holds its memory', () => {
  const sizes = sizesOf('prediction', prediction)
  expect(sizes).toHaveLength(20)
  expect(Math.max(...sizes) - (sizes[0] as number)).toBeLessThan(60)
})
