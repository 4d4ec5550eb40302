// A replay touches no fresh page of memory. The convolutional network at its full batch: test/long/faults.test.ts.
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
