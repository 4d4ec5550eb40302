// Some thousand replayed steps of the small network by every way of running them: the same bits, and a loss that falls. Under the sanitizers
// test/long/sanitizers.test.ts sets SOAK_STEPS; what memory does over 200 000 steps is test/long/soak.test.ts.
import { expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { small } from './networks.js'
import { bits } from './problem.js'

const steps = Number(process.env.SOAK_STEPS ?? 2000)

it(`${steps} replayed steps train alike by sync, by await and by repeat`, async () => {
  const trained = []
  for (const way of ['sync', 'await', 'repeat']) {
    const { net, step, batch } = small()
    const run = st.program(step)
    const [x, y] = batch(0)
    const first = run.sync(x, y).item()
    let last = first
    if (way === 'repeat') last = (await run.repeat(steps, x, y)).item()
    else for (let i = 0; i < steps; i++) last = (way === 'sync' ? run.sync(x, y) : await run(x, y)).item()
    expect(last).toBeLessThan(0.1 * first)
    trained.push(bits(net))
  }
  expect(trained[1]).toEqual(trained[0])
  expect(trained[2]).toEqual(trained[0])
})
