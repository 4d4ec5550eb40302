// The same weights to the bit after 200 steps of the convolutional example, dropout on.
import { describe, it } from 'vitest'
import { expectSameBitsAsEager, expectSameBitsForThreads } from '../program/same-bits.js'

describe('200 steps of the convolutional network give the same bits', () => {
  it('with 1, 2 and 4 threads', () => expectSameBitsForThreads(200, 64))
  it('eagerly and replayed without passes', () => expectSameBitsAsEager(200, 64))
})
