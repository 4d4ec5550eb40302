// Workers that start, run a program and are terminated, a hundred times over: each termination takes less than 50 ms.
import { describe, expect, it } from 'vitest'
import { endless, terminateMidRun } from '../program/workers.js'

describe('terminating a worker in the middle of', () => {
  it.each(Object.keys(endless) as (keyof typeof endless)[])('%s takes less than 50 ms each of 100 times', async (program) => {
    const times: number[] = []
    for (let i = 0; i < 100; i++) times.push(await terminateMidRun(program))
    times.sort((a, b) => a - b)
    console.log(`${program}: median ${times[50]?.toFixed(1)} ms, most ${times[99]?.toFixed(1)} ms`)
    expect(times[99]).toBeLessThan(50)
  })
})
