// A replay touches no fresh page of memory. The convolutional network at its full batch: test/long/faults.test.ts.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { convolutional, perceptron, type Training } from './networks.js'
import { expectNoFaults, expectNoFaultsHere } from './row-threads.js'

const networks = [
  ['784-512-10', perceptron],
  ['the convolutional network at batch 4', () => convolutional(4)],
] as const

it.each(networks)(
  '1000 replays of %s fault on no thread that runs rows',
  async (_, network) => {
    await expectNoFaults(network())
  },
  120_000,
)

describe('1000 synchronous replays in inference fault on no thread that runs rows, this one included', () => {
  /** The network and four samples. */
  function inference({ net, batch }: Training): { infer: (x: st.Tensor) => st.Tensor; x: st.Tensor } {
    net.eval()
    return { infer: (x) => st.noGrad(() => (net as st.Sequential).forward(x)), x: batch(0)[0].slice([0], [4]) }
  }

  it.each(networks)(
    'of %s, read by item()',
    (_, network) => {
      const { infer, x } = inference(network())
      const run = st.program((a: st.Tensor) => infer(a).sum())
      expectNoFaultsHere(() => void run.sync(x).item())
    },
    120_000,
  )

  it.each(networks)(
    'of %s, into a variable',
    (_, network) => {
      const { infer, x } = inference(network())
      const place = st.variable(infer(x))
      const run = st.program((a: st.Tensor) => void place.assign(infer(a)))
      expectNoFaultsHere(() => run.sync(x))
      expect(place.array()).toEqual(infer(x).array())
    },
    120_000,
  )
})

/** Whether the system gives huge pages to memory that asks for them. */
function givesHugePages(): boolean {
  const file = '/sys/kernel/mm/transparent_hugepage/enabled'
  return existsSync(file) && !readFileSync(file, 'utf8').includes('[never]')
}

/** Bytes of this process on huge pages. */
function hugeBytes(): number {
  const lines = readFileSync('/proc/self/smaps', 'utf8').matchAll(/^AnonHugePages: +(\d+) kB/gm)
  return [...lines].reduce((sum, [, kilobytes]) => sum + 1024 * Number(kilobytes), 0)
}

it.runIf(givesHugePages())('a large arena is on huge pages', () => {
  const x = st.ones([2048, 2048])
  const run = st.program((a: st.Tensor) => st.concatenate([a, a]).sum())
  const before = hugeBytes()
  expect(run.sync(x).item()).toBe(2 ** 23)
  const megabyte = 2 ** 20
  expect(run.arenaBytes).toBeGreaterThanOrEqual(32 * megabyte)
  // Not all of it: the system may be short of them.
  expect(hugeBytes() - before).toBeGreaterThanOrEqual(run.arenaBytes / 2)
  run.dispose()
  expect(hugeBytes() - before).toBeLessThan(4 * megabyte)
})
