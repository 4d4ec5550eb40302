// The example programs run, on the built package, and end in one line of figures. The MNIST ones with fewer epochs than they have.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { filesUnder, root } from '../project/sources.js'

/** The output of an example and the figures by name in its last line. */
function runExample(name: string, args: readonly string[] = []): { output: string; figures: Record<string, number> } {
  const command = ['native/setup/run.mjs', 'examples', name, ...args]
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
  expect(status === 0 ? '' : stderr).toBe('')
  const last = stdout.trimEnd().split('\n').at(-1) as string
  const figures = [...last.matchAll(/([a-z][\w ]*?) (-?\d+\.\d{4})/g)].map(([, key, value]) => [key, Number(value)])
  return { output: stdout, figures: Object.fromEntries(figures) as Record<string, number> }
}

describe('examples', () => {
  it('are short', () => {
    const programs = filesUnder(['examples'], ['.ts']).filter((file) => file.split('/').length === 2)
    expect(programs.length).toBe(6)
    for (const file of programs) expect(readFileSync(`${root}/${file}`, 'utf8').trimEnd().split('\n').length).toBeLessThan(80)
  })

  it('say what they are for', () => {
    expect(runExample('mnist-mlp', ['--help']).output).toMatch(/^Handwritten digits: train a small network on MNIST/)
  })

  it.each([1, 2, 3])(
    'linear-neuron recovers the weights and shows equal gradients, seed %i',
    (seed) => {
      const { output, figures } = runExample('linear-neuron', ['--seed', String(seed)])
      for (const [name, wanted] of [
        ['w1', 2],
        ['w2', -3],
        ['b', 0.5],
      ] as const)
        expect(Math.abs(figures[name] - wanted)).toBeLessThan(1e-3)
      const table = output.split('\n').filter((line) => /^\d {8}/.test(line))
      expect(table).toHaveLength(5)
      for (const line of table) {
        const numbers = line.trim().split(/ +/).slice(1)
        expect(numbers.slice(0, 3)).toEqual(numbers.slice(3))
      }
    },
    120_000,
  )

  it('logistic-regression and binary-classifier classify', () => {
    expect(runExample('logistic-regression').figures['test accuracy']).toBeGreaterThan(0.8)
    expect(runExample('binary-classifier').figures['test accuracy']).toBeGreaterThan(0.8)
  }, 120_000)

  it('the same seed gives the same figures, another one others', () => {
    const [first, again, other] = ['1', '1', '2'].map((seed) => runExample('binary-classifier', ['--seed', seed]).figures)
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  }, 120_000)

  it('mnist-mlp trains, loads what it saved and draws what it reads', () => {
    const { output, figures } = runExample('mnist-mlp', ['--epochs', '1'])
    expect(figures['test accuracy']).toBeGreaterThan(0.93)
    expect(output.match(/reads \d, is \d/g)).toHaveLength(6)
    expect(output).toContain('█')
  }, 180_000)

  it('mnist-mlp-dropout trains', () => {
    // One epoch of this network reaches 0.96; chance is 0.1.
    expect(runExample('mnist-mlp-dropout', ['--epochs', '1']).figures['test accuracy']).toBeGreaterThan(0.93)
  }, 180_000)

  it('mnist-cnn begins and ends; test:long trains it', () => {
    expect(runExample('mnist-cnn', ['--epochs', '0']).figures['test accuracy']).toBeGreaterThan(0)
  }, 180_000)
})
