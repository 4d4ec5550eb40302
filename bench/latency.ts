// How free the event loop stays while `fit` trains the CNN: [--seconds 60] [--alone 10]. A 1 ms timer's delays beyond its due time, and the
// answers of an HTTP server in the same process, asked from another. Beside it the same loop with two spinning threads and nothing to train:
// what the machine itself does to a timer. Targets: p99.9 at most 8 ms and nothing above 25 ms; HTTP p99 below 15 ms.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import * as st from 'steepest'
import { quantile } from './support/measure.js'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, alone: { type: 'string', default: '10' } },
})

const rows = 6400

/** Delays of a 1 ms timer, from start to stop. */
class Timer {
  private readonly delays: number[] = []
  private due = performance.now() + 1
  private readonly handle = setInterval(() => {
    const now = performance.now()
    this.delays.push(Math.max(0, now - this.due))
    this.due = now + 1
  }, 1)

  stop(): number[] {
    clearInterval(this.handle)
    return this.delays
  }
}

/** A process that asks `port` one request after another and prints the times when its input ends. */
const client = `
import http from 'node:http'
const agent = new http.Agent({ keepAlive: true })
const times = []
let going = true
process.stdin.on('end', () => { going = false }).resume()
const ask = () => new Promise((resolve, reject) => {
  const start = performance.now()
  http.get({ port: Number(process.argv[1]), agent }, (answer) => {
    answer.resume().on('end', () => resolve(times.push(performance.now() - start)))
  }).on('error', reject)
})
while (going) {
  await ask()
  await new Promise((resolve) => setTimeout(resolve, 5))
}
console.log(JSON.stringify(times))
agent.destroy()
`

/** Starts asking; resolves at the first request to what stops it and gives the times. */
async function ask(server: Server): Promise<() => Promise<number[]>> {
  const { port } = server.address() as AddressInfo
  const child = spawn(process.execPath, ['--input-type=module', '-e', client, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const closed = new Promise<number[]>((resolve) => child.on('close', () => resolve(JSON.parse(output || '[]') as number[])))
  await once(server, 'request')
  return () => {
    child.stdin.end()
    return closed
  }
}

function show(what: string, times: number[]): void {
  const at = [0.5, 0.99, 0.999, 1].map((q) => (times.length > 0 ? quantile(times, q).toFixed(2) : '-').padStart(8))
  console.log(`${what.padEnd(44)}${String(times.length).padStart(8)}${at.join('')}`)
}

/** Measures the timer and the server while `work` goes on. */
async function beside(what: string, server: Server, work: () => Promise<void>): Promise<void> {
  const stop = await ask(server)
  const timer = new Timer()
  await work()
  const delays = timer.stop()
  show(`${what}: timer, ms late`, delays)
  show(`${what}: HTTP, ms`, await stop())
}

const wait = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))

async function spin(seconds: number): Promise<void> {
  const threads = [0, 1].map(() => new Worker('for (;;);', { eval: true }))
  await wait(seconds)
  await Promise.all(threads.map((thread) => thread.terminate()))
}

interface Problem {
  readonly model: st.Model
  readonly x: st.Tensor
  readonly y: st.Tensor
}

/** The CNN, with data in memory. Its weights are made by the first step. */
function problem(): Problem {
  const { conv2d, dense, dropout, flatten, maxPooling2d } = st.layers
  const model = st.sequential([
    conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
    conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
    maxPooling2d({ poolSize: 2 }),
    dropout({ rate: 0.25 }),
    flatten(),
    dense({ units: 128, activation: 'relu' }),
    dropout({ rate: 0.5 }),
    dense({ units: 10, activation: 'softmax' }),
  ])
  const optimizer = st.optimizers.sgd({ learningRate: 0.01, momentum: 0.5 })
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  const images = new Uint8Array(rows * 784).map((_, i) => (i * 31) % 255)
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 10)
  const [x, y] = [st.tensor(images, [rows, 28, 28, 1], 'uint8'), st.tensor(labels, [rows], 'int32')]
  return { model, x, y }
}

async function train({ model, x, y }: Problem, seconds: number): Promise<void> {
  const start = performance.now()
  const controller = new AbortController()
  const end = setTimeout(() => controller.abort(new Error('time is up')), 1000 * seconds)
  let epochs = 0
  const count = { onEpochEnd: () => void epochs++ }
  try {
    await model.fit(x, y, { epochs: 10_000, batchSize: 64, verbose: 0, signal: controller.signal, callbacks: [count] })
  } catch (error) {
    if (error !== controller.signal.reason) throw error
  }
  clearTimeout(end)
  const spent = (performance.now() - start) / 1000
  console.log(`fit: ${epochs} whole epochs of ${rows / 64} steps in ${spent.toFixed(1)} s`)
}

const server = createServer((_, answer) => answer.end('ok')).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
console.log(`${''.padEnd(44)}${['count', 'p50', 'p99', 'p99.9', 'most'].map((head) => head.padStart(8)).join('')}`)
await beside('nothing', server, () => wait(Number(values.alone)))
await beside('two spinning threads', server, () => spin(Number(values.alone)))
const cnn = problem()
await beside('fit of the CNN', server, () => train(cnn, Number(values.seconds)))
server.close()
