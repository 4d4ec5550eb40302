// The same weights to the bit, in short; at full size: test/long/same-bits.test.ts.
import { describe, it } from 'vitest'
import { expectSameBitsAsEager, expectSameBitsForThreads } from './same-bits.js'

describe('20 steps of the convolutional network at batch 16 give the same bits', () => {
  it('with 1, 2 and 4 threads', () => expectSameBitsForThreads(20, 16), 60_000)
  it('eagerly and replayed without passes', () => expectSameBitsAsEager(20, 16), 60_000)
})
