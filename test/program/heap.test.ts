// The JavaScript heap that a call of a recorded step uses: a handful of objects, as many for a program of many rows as for one of few.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const library = new URL('../../dist/index.js', import.meta.url).href

// A heap whose young generation is collected only when the measurement asks for it. Steps are warm by then: compiled code is what counts.
const flags = ['--expose-gc', '--max-semi-space-size=128', '--min-semi-space-size=128', '--input-type=module']

const script = `
import * as st from ${JSON.stringify(library)}
const x = st.random.normal([4, 8])
const y = st.random.normal([4, 1])

function training(layers) {
  const hidden = Array.from({ length: layers }, () => st.layers.dense({ units: 8, activation: 'relu', inputShape: [8] }))
  const model = st.sequential([...hidden, st.layers.dense({ units: 1 })])
  const optimizer = st.optimizers.adam()
  return st.program(() => {
    const loss = st.losses.meanSquaredError(y, model.forward(x))
    loss.backward()
    optimizer.step(model.parameters())
    return loss
  })
}

async function bytesPerCall(call, calls) {
  for (let i = 0; i < 10 * calls; i++) await call()
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < calls; i++) await call()
  return Math.round((process.memoryUsage().heapUsed - before) / calls)
}

const figures = []
for (const layers of [1, 1, 40]) {
  const step = training(layers)
  const bytes = [await bytesPerCall(() => void step.sync(), 2000), await bytesPerCall(() => step(), 1000)]
  figures.push([...bytes, step.toString().split('\\n').length - 2])
}
console.log(JSON.stringify(figures.slice(1)))
`

/** A fraction of the smallest object, a number of 16 bytes; figures of one program differ from run to run by some hundred bytes. */
const bytesPerRow = 4

it('is the same for programs of few and of many rows: below 1.5 kB in a synchronous call, 3 kB in an awaited one', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', script])
  const [few, many] = JSON.parse(stdout) as [[number, number, number], [number, number, number]]
  const show = ([sync, awaited, rows]: [number, number, number]): string => `${sync} and ${awaited} with ${rows} rows`
  console.log(`bytes per call, synchronous and awaited: ${show(few)}, ${show(many)}`)
  expect(Math.max(few[0], many[0])).toBeLessThan(1500)
  expect(Math.max(few[1], many[1])).toBeLessThan(3000)
  expect(many[2]).toBeGreaterThan(few[2] + 100)
  for (const way of [0, 1] as const) expect(many[way] - few[way]).toBeLessThan(bytesPerRow * (many[2] - few[2]))
}, 60_000)
