// The replayed training step of the convolutional example touches no fresh page of memory.
import { it } from 'vitest'
import { convolutional } from '../program/networks.js'
import { expectNoFaults } from '../program/row-threads.js'

it('1000 replays of the convolutional network fault on no thread that runs rows', async () => {
  await expectNoFaults(convolutional())
})
