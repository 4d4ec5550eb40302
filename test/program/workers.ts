// Workers that are terminated in the middle of a run. Workers load JavaScript: the compiled library that set-up leaves in dist/.
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

const library = new URL('../../dist/index.js', import.meta.url).href

/** Programs that would run for hours: many short rows, and the long rows of a convolutional network that trains. */
export const endless = {
  'a product': `
const a = st.random.normal([256, 256])
const v = st.variable(a)
const step = st.program(() => { v.assign(v.matMul(a).tanh()) })
step.repeat(1e9).catch(() => {})`,
  'a network in training': `
const { conv2d, maxPooling2d, dropout, flatten, dense } = st.layers
const net = st.sequential([
  conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
  conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
  maxPooling2d(), dropout({ rate: 0.25 }), flatten(), dense({ units: 128, activation: 'relu' }), dense({ units: 10 }),
])
const optimizer = st.optimizers.sgd({ learningRate: 0.01, momentum: 0.9 })
const step = st.program((x, y) => {
  st.losses.sparseCategoricalCrossentropy(y, net.forward(x), { fromLogits: true }).backward()
  optimizer.step(net.parameters())
})
step.repeat(1e9, st.random.uniform([64, 28, 28, 1]), st.random.integers([64], 0, 10)).catch(() => {})`,
}

/** Starts a worker with the program, terminates it while it runs, and tells how many milliseconds that took. */
export async function terminateMidRun(program: keyof typeof endless): Promise<number> {
  const source = `import { parentPort } from 'node:worker_threads'
import * as st from ${JSON.stringify(library)}
${endless[program]}
parentPort.postMessage('running')`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await wait(5)
  const start = performance.now()
  await worker.terminate()
  return performance.now() - start
}
