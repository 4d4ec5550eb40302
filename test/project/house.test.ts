// The rules of the house that a program can check: sizes of files, who may touch bytes, Node-API, BLAS and memory, that passes are shown.
import { describe, expect, it } from 'vitest'
import { passNames } from '../../lib/program/settings.js'
import { filesUnder, read } from './sources.js'

const lineBudget = 300
// Files that may be longer, each with its reason.
const longFiles: Readonly<Record<string, string>> = {}

const typescript = filesUnder(['lib'], ['.ts'])
const native = filesUnder(['native'], ['.cc', '.h'])

/** `file:line` of every line of `files` that matches, comments left out. */
function linesMatching(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line.replace(/\/\/.*$/, '').replace(/^\s*\*.*$/, '')) ? [`${file}:${i + 1}`] : [])),
  )
}

const filesMatching = (files: readonly string[], pattern: RegExp): string[] => [
  ...new Set(linesMatching(files, pattern).map((place) => place.split(':')[0])),
]

describe('size', () => {
  const files = filesUnder(['lib', 'native', 'test', 'bench', 'examples'], ['.ts', '.mjs', '.cc', '.h'])

  it(`of files is at most ${lineBudget} lines`, () => {
    const long = files.filter((file) => !(file in longFiles) && read(file).trimEnd().split('\n').length > lineBudget)
    expect(long).toEqual([])
  })

  it('exceptions are needed', () => {
    expect(Object.keys(longFiles).filter((file) => !files.includes(file) || read(file).split('\n').length <= lineBudget)).toEqual(
      [],
    )
  })

  it('every file starts with a comment that says what it holds', () => {
    expect(files.filter((file) => !/^(#!.*\n)?\/\/ \S/.test(read(file)))).toEqual([])
  })
})

describe('TypeScript', () => {
  it('loads the addon in native.ts only', () => {
    expect(filesMatching(typescript, /\.node['"`]/)).toEqual(['lib/native.ts'])
  })

  it('touches the bytes of storages in tensor/storage.ts and tensor/bytes.ts only', () => {
    const mayTouch = ['lib/native.ts', 'lib/dispatch.ts', 'lib/tensor/storage.ts', 'lib/tensor/bytes.ts']
    expect(
      filesMatching(typescript, /\b(copyIn|copyOut|addressOf|allocateNative)\(/).filter((file) => !mayTouch.includes(file)),
    ).toEqual([])
    // Readers of files look at the bytes that the user or the disk gave; nothing else has a reason to see an ArrayBuffer.
    const readers = /^lib\/(data|io|tensor\/(storage|bytes))/
    expect(filesMatching(typescript, /\.buffer\b/).filter((file) => !readers.test(file))).toEqual([])
  })

  it('has no escape from the type checker or the linters', () => {
    const escapes = /@ts-(ignore|expect-error|nocheck)|biome-ignore/
    expect(
      [...typescript, ...filesUnder(['test', 'examples', 'bench'], ['.ts'])].filter(
        (file) => file !== 'test/project/house.test.ts' && escapes.test(read(file)),
      ),
    ).toEqual([])
  })
})

describe('passes', () => {
  it.each(passNames)('%s stands in the benchmark of passes and on the pages of programs and of the environment', (name) => {
    expect(/^export const switches = \[(.*?)\]/ms.exec(read('bench/support/passes-page.ts'))?.[1]).toContain(`'${name}'`)
    expect(read('docs/environment.md')).toContain(`\`no-${name}\``)
    expect(read('docs/programs.md')).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'))
  })
})

describe('C++', () => {
  it('includes Node-API in the header of the addon only', () => {
    expect(filesMatching(native, /#include\s*<(napi|node_api|uv)\.h>/)).toEqual(['native/addon.h'])
  })

  it('includes cblas.h in one file only', () => {
    expect(filesMatching(native, /#include\s*[<"]cblas\.h[>"]/).length).toBe(1)
  })

  it('never allocates or throws in kernels', () => {
    const kernels = native.filter((file) => file.startsWith('native/kernels/'))
    expect(
      linesMatching(kernels, /\b(malloc|calloc|realloc|throw|std::vector|std::string|make_unique|make_shared)\b|\bnew\s+\w/),
    ).toEqual([])
  })

  it('aborts nowhere', () => {
    expect(linesMatching(native, /\b(abort|exit|assert|HWY_ASSERT|HWY_ABORT)\s*\(/)).toEqual([])
  })
})

describe('scripts', () => {
  it('of the package run at no install', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([])
  })

  it('the lock file names no registry', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"/)
  })

  it('the lock file has every optional package, so that npm ci works on every platform', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const optional = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    expect(optional.filter((name) => !Object.keys(packages).some((folder) => folder.endsWith(`node_modules/${name}`)))).toEqual(
      [],
    )
  })
})
