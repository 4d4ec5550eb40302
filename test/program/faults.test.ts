// A replayed training step touches no fresh page of memory. The convolutional network at its full batch: test/long/faults.test.ts.
import { it } from 'vitest'
import { convolutional, perceptron } from './networks.js'
import { expectNoFaults } from './row-threads.js'

it.each([
  ['784-512-10', perceptron],
  ['the convolutional network at batch 4', () => convolutional(4)],
])(
  '1000 replays of %s fault on no thread that runs rows',
  async (_, network) => {
    await expectNoFaults(network())
  },
  120_000,
)
