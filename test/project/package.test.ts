// The package as its users get it: what is in the tarball, what its manifest promises, and what a missing native build says.
import { rmSync } from 'node:fs'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { describe, expect, it } from 'vitest'
import { read, root } from './sources.js'
import { installPacked, node, npmPack } from './tarball.js'

const manifest = JSON.parse(read('package.json')) as Record<string, unknown>

describe('the tarball', () => {
  const packed = npmPack('--dry-run')
  const names = packed.files.map((file) => file.path)

  it('holds the library, its types, and all that the native build needs', () => {
    const wanted = [
      'dist/index.js',
      'dist/index.d.ts',
      'native/cli.mjs',
      'native/sources.txt',
      'native/addon.cc',
      'CMakeLists.txt',
    ]
    expect(names).toEqual(
      expect.arrayContaining([...wanted, 'binding.gyp', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']),
    )
    for (const source of read('native/sources.txt').split('\n').filter(Boolean)) expect(names).toContain(source)
  })

  it('holds no tests, tools, builds or stamps', () => {
    expect(names.filter((name) => /^(test|bench|examples|build|\.)|\.node$|\.stamp$|\.log$/.test(name))).toEqual([])
  })

  it('is small', () => {
    expect(packed.unpackedSize).toBeLessThan(4_000_000)
  })

  it('passes publint', async () => {
    const { messages } = await publint({ pkgDir: root, pack: false })
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([])
  })
})

describe('without its native core the package', () => {
  it('names the command that builds it', () => {
    const project = installPacked()
    try {
      const program = "import('steepest').then((st) => st.zeros([1])).catch((e) => console.log(e.name, e.message))"
      const { output } = node(project, '--input-type=module', '--eval', program)
      expect(output).toMatch(/^NativeError .*npx steepest build/)
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
  })
})
