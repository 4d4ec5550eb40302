// The package in a user's project: built there by `npx steepest build` with an empty npm configuration, then trained with.
// node-gyp must make the same addon from binding.gyp, also without reaching for any network.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../project/sources.js'
import { cleanEnvironment, installPacked, node } from '../project/tarball.js'

const program = `
import * as st from 'steepest'
const x = st.tensor([[1, 2], [3, 4]])
const gradient = st.grad((x) => x.mul(x).sum())(x)
console.log(JSON.stringify(gradient.array()))
`

let project = ''
const addon = () => path.join(project, 'node_modules/steepest/build/Release/steepest.node')

beforeAll(() => {
  project = installPacked()
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

function expectItWorks(): void {
  expect(existsSync(addon())).toBe(true)
  expect(node(project, '--input-type=module', '--eval', program)).toEqual({ status: 0, output: '[[2,4],[6,8]]\n' })
}

describe('an installed package', () => {
  it('builds by its own command and works', () => {
    const built = node(project, 'node_modules/steepest/native/cli.mjs', 'build')
    expect(built.output).toContain('the native core is built')
    expectItWorks()
  })

  it('works as built by node-gyp from the same list of sources', () => {
    rmSync(path.dirname(path.dirname(addon())), { recursive: true, force: true })
    // The headers of the running Node where it ships them, so that node-gyp downloads none.
    const home = path.resolve(path.dirname(process.execPath), '..')
    const headers = existsSync(path.join(home, 'include/node/node_api.h')) ? [`--nodedir=${home}`] : []
    const gyp = path.join(root, 'node_modules/node-gyp/bin/node-gyp.js')
    const result = spawnSync(process.execPath, [gyp, 'rebuild', '--jobs=max', ...headers], {
      cwd: path.join(project, 'node_modules/steepest'),
      encoding: 'utf8',
      env: cleanEnvironment(),
    })
    expect(result.status, result.stderr).toBe(0)
    expectItWorks()
  })

  it('has one list of sources', () => {
    for (const file of ['CMakeLists.txt', 'binding.gyp']) {
      const text = readFileSync(path.join(root, file), 'utf8')
      expect(text, file).toContain('sources.txt')
      expect(text, file).not.toMatch(/kernels\/\w+\.cc/)
    }
  })
})
