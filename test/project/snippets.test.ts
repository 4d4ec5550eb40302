// Every ```ts block of README.md and docs/ is a program that must type-check and run against the built package. A block that
// starts with an import begins a program; the blocks after it, up to the next such one, continue it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filesUnder, read, root } from './sources.js'

const pages = ['README.md', ...filesUnder(['docs'], ['.md'])]
const folder = path.join(root, '.cache/snippets')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'steepest-snippets-'))

/** The programs of a page, each with the line it starts at. */
function programsOf(page: string): { line: number; code: string }[] {
  const text = read(page)
  const programs: { line: number; code: string }[] = []
  for (const match of text.matchAll(/^```(?:ts|js)\n([\s\S]*?)^```$/gm)) {
    const code = match[1]
    const last = programs.at(-1)
    if (last && !code.startsWith('import ')) last.code += code
    else programs.push({ line: text.slice(0, match.index).split('\n').length, code })
  }
  return programs
}

const programs = pages.flatMap((page) =>
  programsOf(page).map(({ line, code }) => ({ place: `${page}:${line}`, file: `${page.replace(/\W/g, '-')}-${line}`, code })),
)

function compile(): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { file, code } of programs) writeFileSync(path.join(folder, `${file}.ts`), `${code}\nexport {}\n`)
  // The library's declarations are checked as well: an error there would silently turn types into any.
  const compilerOptions = {
    skipLibCheck: false,
    noEmit: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    rootDir: '.',
    outDir: 'out',
  }
  const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
  const result = spawnSync(process.execPath, [tsc, '--project', folder], { encoding: 'utf8' })
  expect(result.stdout).toBe('')
}

beforeAll(compile)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('snippets', () => {
  it('exist', () => {
    expect(readdirSync(folder).filter((file) => file.endsWith('.ts')).length).toBeGreaterThan(3)
  })

  it.each(programs)(
    '$place runs',
    ({ file }) => {
      const program = path.join(folder, 'out', `${file}.js`)
      const result = spawnSync(process.execPath, [program], { cwd: scratch, encoding: 'utf8', timeout: 120_000 })
      expect(result.status === 0 ? '' : `${result.stdout}${result.stderr}`).toBe('')
    },
    130_000,
  )
})
