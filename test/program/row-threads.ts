// Minor page faults of the threads that run rows, from /proc: a replay that meets a fresh page waits for the kernel to clear it.
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import * as st from '../../lib/index.js'
import type { Training } from './networks.js'

/** Minor faults so far of a thread of this process, with its name. */
function faultsOf(id: number | string): readonly [name: string, faults: number] {
  // "id (name) state ppid pgrp session tty tpgid flags minflt ..."
  const [, name = '', rest = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? []
  return [`${name} ${id}`, Number(rest.split(' ')[7])]
}

/** Those of the engine's thread and of the pool's workers. */
function rowThreadFaults(): Record<string, number> {
  return Object.fromEntries(
    readdirSync('/proc/self/task')
      .map(faultsOf)
      .filter(([name]) => name.startsWith('steepest-')),
  )
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

/** Makes short-lived objects until the pages on which the garbage collector puts new ones have all been touched. */
function touchYoungGeneration(): void {
  let last: unknown[] = []
  for (let i = 0; i < 1e6; i++) last = [i, last.length]
  expect(last).toHaveLength(2)
}

/**
 * Calls `call`, which runs rows on this thread, 1000 times in each of a few rounds: in one of them this thread must not fault, and in none
 * the pool's workers. What rows meet they meet in every round; in some of them JavaScript compiles or collects.
 */
export function expectNoFaultsHere(call: () => void): void {
  for (let i = 0; i < 200; i++) call()
  const before = rowThreadFaults()
  const rounds: number[] = []
  while (rounds.length < 8 && rounds.at(-1) !== 0) {
    touchYoungGeneration()
    const [, start] = faultsOf(process.pid)
    for (let i = 0; i < 1000; i++) call()
    rounds.push(faultsOf(process.pid)[1] - start)
  }
  expect(Math.min(...rounds), `faults of each round: ${rounds.join(', ')}`).toBe(0)
  expect(rowThreadFaults()).toEqual(before)
}
