// kill -9 at full size: in the training of the MNIST network, and many times while saving. The programs run in processes of their own, on the built package.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { killWhileSaving, trainWithKills } from '../train/programs/run.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-kill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('kill -9', () => {
  it('three times in 2000 steps of the MNIST network: the same bits in the end', async () => {
    const pair: [string, string] = [path.join(folder, 'straight'), path.join(folder, 'killed')]
    for (const target of pair) mkdirSync(target)
    const { wanted, got } = await trainWithKills(pair, { epochs: 4, samples: 'mnist', saveEvery: 100 }, [250, 500, 700])
    expect(got.history).toEqual(wanted.history)
    expect(got.weights).toEqual(wanted.weights)
    // The last process has trained the rest only: the others were killed, and it went on from what they saved.
    expect(got.losses.length).toBeLessThan(wanted.losses.length / 2)
    expect(got.losses).toEqual(wanted.losses.slice(-got.losses.length))
  })

  it('40 times while saving: the file is the old one or the new one, whole', async () => {
    await killWhileSaving(path.join(folder, 'model'), 40)
  })
})
