// Whether training gives the same weights to the bit, whatever the number of threads and whether it is recorded or not.
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import * as st from '../../lib/index.js'
import { passNames } from '../../lib/program/settings.js'
import { convolutional } from './networks.js'
import { withSettings } from './problem.js'

/** Losses of some steps of the convolutional network with dropout, and the hash of every variable afterwards. */
function train(steps: number, batch: number): unknown {
  const { net, step, batch: batchOf } = convolutional(batch)
  const run = st.program(step)
  const losses = Array.from({ length: steps }, (_, i) => run.sync(...batchOf(i)).item())
  run.dispose()
  const hash = (data: st.TypedArray): string => createHash('sha256').update(data).digest('hex')
  return { losses, variables: net.variables().map(([name, variable]) => [name, hash(variable.dataSync())]) }
}

/** Trains with 1, 2 and 4 threads. */
export function expectSameBitsForThreads(steps: number, batch: number): void {
  const { threads } = st.info()
  try {
    const [one, ...others] = [1, 2, 4].map((count) => {
      st.setThreads(count)
      return train(steps, batch)
    })
    for (const other of others) expect(other).toEqual(one)
  } finally {
    st.setThreads(threads)
  }
}

/** Trains eagerly, and replayed with every pass turned off. */
export function expectSameBitsAsEager(steps: number, batch: number): void {
  const unfused = [...passNames.map((name) => `no-${name}`), 'no-inplace'].join(',')
  const [eager, replayed] = ['eager', unfused].map((switches) => withSettings(switches, () => train(steps, batch)))
  expect(replayed).toEqual(eager)
}
