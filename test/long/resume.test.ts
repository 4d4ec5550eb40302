// Training that is killed with SIGKILL at random moments, again and again, and started again each time: it must end with the same
// bits as an uninterrupted run, dropout, batch normalization and shuffling included.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../project/sources.js'

// A program that says 'training' when it begins and prints a hash of all its state when it ends.
const program = `
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as st from 'steepest'

st.setSeed(11)
const [x, y] = st.data.makeClassification({ nSamples: 600, nFeatures: 20, nInformative: 6, seed: 3 })
const model = st.sequential([
  st.layers.dense({ units: 64, activation: 'relu', inputShape: [20] }),
  st.layers.batchNormalization(),
  st.layers.dropout({ rate: 0.3 }),
  st.layers.dense({ units: 1, activation: 'sigmoid' }),
])
model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
console.log('training')
const callbacks = [st.callbacks.backupAndRestore({ filepath: process.argv[2] + '.backup', saveFreq: 7 })]
const { history } = await model.fit(x, y, { epochs: 40, batchSize: 32, seed: 5, verbose: 0, callbacks })
await model.save(process.argv[2])
const hash = createHash('sha256').update(await readFile(process.argv[2])).update(JSON.stringify(history.loss))
console.log(hash.digest('hex'))
`

// Inside the package, so that it finds the built package by its own name.
const file = path.join(root, '.cache/resume.mjs')
const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-resume-'))

beforeAll(() => {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, program)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Run {
  readonly process: ChildProcess
  /** Resolves when training begins. */
  readonly begun: Promise<void>
  /** Resolves to the hash, or null for a run that was killed. */
  readonly ended: Promise<string | null>
}

function start(model: string): Run {
  const child = spawn(process.execPath, [file, path.join(folder, model)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
    if (output.includes('training')) begin()
  })
  const ended = new Promise<string | null>((resolve, reject) => {
    child.on('close', (code, signal) => {
      begin()
      if (signal === 'SIGKILL') resolve(null)
      else if (code === 0) resolve(output.trim().split('\n').at(-1) ?? '')
      else reject(new Error(`the program ended with exit code ${code}`))
    })
  })
  return { process: child, begun, ended }
}

/** Runs the program, killing it `kills` times at moments spread over its run; returns the hash and how many kills met it alive. */
async function killedRun(model: string, kills: number, milliseconds: number): Promise<{ hash: string; killed: number }> {
  let killed = 0
  for (;;) {
    const run = start(model)
    await run.begun
    if (killed < kills) {
      // Different moments each time, without chance: a failure can be repeated.
      await wait((milliseconds * ((killed * 7 + 3) % 11)) / 11)
      run.process.kill('SIGKILL')
    }
    const hash = await run.ended
    if (hash !== null) return { hash, killed }
    killed++
  }
}

it('ends with the same bits however often it was killed', async () => {
  const began = Date.now()
  const straight = await start('straight').ended
  const { hash, killed } = await killedRun('killed', 12, (Date.now() - began) / 6)
  expect(killed).toBeGreaterThan(3)
  expect(hash).toBe(straight)
  // No temporary file is left behind by the runs that came to their end; those of killed runs do no harm.
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['straight', 'killed']))
})
