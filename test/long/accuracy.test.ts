// The example programs reach the accuracies that docs/accuracy.md states: three seeds of each MNIST network, twenty of the binary classifier.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { root } from '../project/sources.js'

const minutes = 60_000

describe('accuracy', () => {
  it.each([
    ['binary-classifier', '20'],
    ['mnist-mlp', '3'],
    ['mnist-mlp-dropout', '3'],
    ['mnist-cnn', '3'],
  ])(
    '%s, %s seeds',
    (name, seeds) => {
      const options = { cwd: root, encoding: 'utf8', timeout: 30 * minutes } as const
      const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'accuracy', '--', name, '--seeds', seeds], options)
      console.log(stdout)
      expect(status === 0 ? '' : `${stdout}${stderr}`).toBe('')
    },
    30 * minutes,
  )
})
