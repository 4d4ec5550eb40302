// Minor page faults of the threads that run rows, from /proc: a replay that meets a fresh page waits for the kernel to clear it.
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import * as st from '../../lib/index.js'
import type { Training } from './networks.js'

/** Minor faults so far of the engine's thread and of the pool's workers. */
function rowThreadFaults(): Record<string, number> {
  const threads = readdirSync('/proc/self/task').map((id) => {
    // "id (name) state ppid pgrp session tty tpgid flags minflt ..."
    const [, name = '', rest = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? []
    return [`${name} ${id}`, Number(rest.split(' ')[7])] as const
  })
  return Object.fromEntries(threads.filter(([name]) => name.startsWith('steepest-')))
}

/**
 * Replays the step 1000 times by `await`, after 200 in which every thread gets its share, and then as many times by `repeat`: no thread that
 * runs rows may fault.
 */
export async function expectNoFaults({ step, batch }: Training): Promise<void> {
  const run = st.program(step)
  for (let i = 0; i < 200; i++) await run(...batch(i))
  const before = rowThreadFaults()
  expect(Object.keys(before).filter((name) => name.startsWith('steepest-run '))).toHaveLength(1)
  expect(Object.keys(before).filter((name) => name.startsWith('steepest-pool '))).toHaveLength(st.info().threads - 1)
  for (let i = 0; i < 1000; i++) await run(...batch(i))
  expect(rowThreadFaults()).toEqual(before)
  await run.repeat(1000, ...batch(0))
  expect(rowThreadFaults()).toEqual(before)
}
