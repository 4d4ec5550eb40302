// kill -9 in the middle of training and in the middle of saving. The programs run in processes of their own, on the built package.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { killWhileSaving, trainWithKills } from './programs/run.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-kill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function folders(): [string, string] {
  const pair: [string, string] = [path.join(folder, 'straight'), path.join(folder, 'killed')]
  for (const target of pair) mkdirSync(target)
  return pair
}

describe('kill -9', () => {
  it('in training, twice: the run that is started again ends with the same bits', async () => {
    const { wanted, got } = await trainWithKills(folders(), { epochs: 3, samples: 2000, saveEvery: 7 }, [25, 90])
    expect(got.history).toEqual(wanted.history)
    expect(got.weights).toEqual(wanted.weights)
    expect(got.losses).toEqual(wanted.losses.slice(-got.losses.length))
    expect(got.losses.length).toBeLessThan(wanted.losses.length)
  }, 120_000)

  it('in saving: the file is the old one or the new one, whole', async () => {
    await killWhileSaving(path.join(folder, 'model'), 6)
  }, 120_000)
})
