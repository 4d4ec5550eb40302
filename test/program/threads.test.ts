// Programs and the ends of things: a worker terminated in the middle of a run, again and again; an event loop that stays free.
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'

// Workers load JavaScript: the compiled library that set-up leaves in dist/.
const source = (library: string): string => `
import { parentPort } from 'node:worker_threads'
import * as st from ${JSON.stringify(library)}
const a = st.random.normal([256, 256])
const v = st.variable(a)
const step = st.program(() => { v.assign(v.matMul(a).tanh()) })
step.repeat(1e9).catch(() => {})
parentPort.postMessage('running')
`
const library = new URL('../../dist/index.js', import.meta.url).href

describe('a worker that is terminated in the middle of a run', () => {
  it('ends without taking the process along, twenty times over, and the pool goes on', async () => {
    for (let i = 0; i < 20; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source(library))}`))
      await new Promise((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
      await wait(3)
      await worker.terminate()
    }
    expect(
      st
        .ones([64, 64])
        .matMul(st.ones([64, 64]))
        .sum()
        .item(),
    ).toBe(64 ** 3)
  }, 120_000)
})

describe('an awaited run', () => {
  it('leaves the event loop free: timers fire while it lasts', async () => {
    const a = st.random.normal([256, 256])
    const work = st.program(() => a.matMul(a).sum())
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    await work.repeat(400)
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(2)
  })
})
