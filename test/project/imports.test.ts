// Imports point one way: train, then nn, then ops, then dispatch, then native. A file may import its own level and those below.
// Type-only imports are free: they leave no trace, and Tensor takes the types of its methods from the ops.
import { describe, expect, it } from 'vitest'
import { filesUnder, importsOf } from './sources.js'

// From the bottom up; an entry is a file or a folder of lib/, and a file's own entry goes before that of its folder.
const levels: readonly (readonly string[])[] = [
  ['errors.ts', 'environment.ts'],
  ['native.ts'],
  ['dispatch.ts'],
  ['tensor'],
  ['fault.ts', 'autograd/mode.ts', 'autograd/node.ts'],
  ['ops'],
  ['autograd', 'program'],
  ['methods.ts'],
  ['nn', 'optimizers', 'metrics'],
  ['data', 'io'],
  ['train'],
  ['index.ts'],
]

const files = filesUnder(['lib'], ['.ts'])

function levelOf(file: string): number {
  const [folder, ...rest] = file.slice('lib/'.length).split('/')
  const own = levels.findIndex((entries) => entries.includes([folder, ...rest].join('/')))
  const level = own >= 0 ? own : levels.findIndex((entries) => entries.includes(folder))
  if (level < 0) throw new Error(`${file} belongs to no level; add its folder to the list in this test`)
  return level
}

describe('imports', () => {
  it('point one way', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter(({ target, typeOnly }) => !typeOnly && target.startsWith('lib/') && levelOf(target) > levelOf(file))
        .map(({ target }) => `${file} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('of the addon are in dispatch only', () => {
    const importers = files.filter((file) => importsOf(file).some(({ target }) => target === 'lib/native.ts'))
    expect(importers).toEqual(['lib/dispatch.ts'])
  })

  it('name only Node itself outside the package', () => {
    const foreign = files.flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => !target.startsWith('lib/') && !target.startsWith('node:'))
        .map(({ target }) => `${file} imports ${target}`),
    )
    expect(foreign).toEqual([])
  })

  it('of tensor/shape.ts are none but the errors', () => {
    const targets = importsOf('lib/tensor/shape.ts').map(({ target }) => target)
    expect(targets.filter((target) => target !== 'lib/errors.ts')).toEqual([])
  })
})
