// Running the programs of this folder as child processes, and killing them at a chosen moment.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import * as st from '../../../lib/index.js'

const folder = path.dirname(fileURLToPath(import.meta.url))

/** What train.mjs leaves when it has finished. */
export interface TrainResult {
  readonly history: unknown
  readonly weights: Readonly<Record<string, number[]>>
  readonly losses: readonly number[]
}

/**
 * Runs a program to its end or, with `kill`, until it has printed so many lines; `delay` milliseconds later it is killed with SIGKILL.
 * Resolves to what it has printed.
 */
export function runProgram(
  name: string,
  args: readonly string[],
  kill?: { readonly after: number; readonly delay?: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(folder, name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    let killed = false
    child.stderr.on('data', (text: Buffer) => {
      errors += text
    })
    child.stdout.on('data', (text: Buffer) => {
      output += text
      if (!kill || killed || output.split('\n').length <= kill.after) return
      killed = true
      setTimeout(() => child.kill('SIGKILL'), kill.delay ?? 0)
    })
    child.on('close', (code) =>
      code === 0 || killed ? resolve(output) : reject(new Error(`${name} failed (${code}): ${errors}`)),
    )
  })
}

/** Trains in one go, then again with kills after the given numbers of batches; returns both results. */
export async function trainWithKills(
  [straight, killed]: readonly [string, string],
  sizes: { readonly epochs: number; readonly samples: number | 'mnist'; readonly saveEvery: number },
  kills: readonly number[],
): Promise<{ wanted: TrainResult; got: TrainResult }> {
  const args = (target: string, every: number): string[] => [target, ...[sizes.epochs, every, sizes.samples].map(String)]
  await runProgram('train.mjs', args(straight, 0))
  for (const after of kills) await runProgram('train.mjs', args(killed, sizes.saveEvery), { after })
  await runProgram('train.mjs', args(killed, sizes.saveEvery))
  const read = (target: string): TrainResult => JSON.parse(readFileSync(path.join(target, 'result.json'), 'utf8')) as TrainResult
  return { wanted: read(straight), got: read(killed) }
}

/** Kills a process that saves over and over, at another moment each time; what it leaves must be a whole file, of one save. */
export async function killWhileSaving(file: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    rmSync(file, { force: true })
    const after = 1 + (round % 4)
    await runProgram('save.mjs', [file], { after, delay: (round * 7) % 29 })
    const model = await st.loadModel(file)
    const extremes = model.parameters().flatMap((parameter) => [parameter.min().item(), parameter.max().item()])
    expect(new Set(extremes).size).toBe(1)
    expect(extremes[0]).toBeGreaterThanOrEqual(after)
  }
}
