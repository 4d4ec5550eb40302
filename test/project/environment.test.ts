// One registry of environment variables: lib/environment.ts. The docs page lists the same names, and nothing reads another.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { environmentVariables } from '../../lib/environment.js'
import { filesUnder, read, root } from './sources.js'

const registered = Object.keys(environmentVariables).sort()

describe('environment variables', () => {
  it('are all on the docs page, and no others', () => {
    const rows = [...read('docs/environment.md').matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
    expect(rows.sort()).toEqual(registered)
  })

  it('are read through the registry in lib/', () => {
    const readers = filesUnder(['lib'], ['.ts']).filter((file) => read(file).includes('process.env'))
    expect(readers).toEqual(['lib/environment.ts'])
  })

  it('that native code reads are registered', () => {
    const sources = filesUnder(['native'], ['.cc', '.h'])
    const names = sources.flatMap((file) => [...read(file).matchAll(/getenv\("(\w+)"\)/g)].map((match) => match[1]))
    expect(names.filter((name) => name.startsWith('STEEPEST_') && !registered.includes(name))).toEqual([])
  })

  it.each([
    ['STEEPEST_THREADS', 'abc'],
    ['STEEPEST_THREADS', '0'],
    ['STEEPEST_THREADS', '-3'],
    ['STEEPEST_THREADS', '1e3'],
    ['STEEPEST_SEED', 'abc'],
    ['STEEPEST_SEED', '1.5'],
    ['STEEPEST_PROGRAM', 'no-such'],
  ])('%s=%s is refused by name', (name, value) => {
    const args = ['--input-type=module', '--eval', "await import('./dist/index.js')"]
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, [name]: value },
    })
    expect(status).not.toBe(0)
    expect(stderr).toMatch(new RegExp(`ValueError.*: ${name}: .*'${value}'`))
  })
})
