// Formats (--write) or checks the C++ sources: clang-format on every file, clang-tidy on every compiled file.
// clang-tidy costs seconds per file, so a file that passed is remembered in .cache/lint by the hash of itself and all headers.
// Invariant: exit code 0 only when nothing is left to mend.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { contentHash, filesUnder, root, run, runSetup, SetupError, say } from './util.mjs'

const sources = filesUnder('native', (file) => /\.(cc|h)$/.test(file))
const headers = filesUnder('native', (file) => /\.(h|inc)$/.test(file))
const passed = path.join(root, '.cache/lint')

// One instruction set is enough for a reader of the source, and parsing several is most of the cost.
const compilerFlags = [
  '-std=c++20',
  '-Inative',
  '-Inode_modules/node-addon-api',
  '-Inode_modules/node-api-headers/include',
  '-DNAPI_VERSION=8',
  '-DHWY_COMPILE_ONLY_STATIC',
  ...run('pkg-config', ['--cflags', 'openblas', 'libhwy']).output.trim().split(/\s+/).filter(Boolean),
  ...(process.arch === 'x64' ? ['-march=x86-64-v3'] : []),
]

/** Runs clang-format on all files; returns its complaint, if any. */
function format(write) {
  if (sources.length === 0) return []
  const result = run('clang-format', [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...sources])
  return result.status === 0 ? [] : [`clang-format (npm run format mends it)\n${result.output}`]
}

function tidy(file) {
  return new Promise((resolve) => {
    const child = spawn('clang-tidy', ['--quiet', file, '--', ...compilerFlags], { cwd: root })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.on('error', (error) => resolve(`${file}: ${error.message}`))
    child.on('close', (code) => resolve(code === 0 && output.trim() === '' ? '' : `${file}\n${output}`))
  })
}

/** Runs clang-tidy on the files that changed since they last passed, on all cores; returns the complaints. */
async function tidyAll() {
  const stale = sources
    .filter((file) => file.endsWith('.cc'))
    .map((file) => ({ file, stamp: path.join(passed, contentHash([file, ...headers, '.clang-tidy'], compilerFlags)) }))
    .filter(({ stamp }) => !existsSync(stamp))
  if (stale.length === 0) return []
  say(`clang-tidy on ${stale.length} file${stale.length === 1 ? '' : 's'}`)
  mkdirSync(passed, { recursive: true })
  const complaints = []
  const worker = async () => {
    for (let next = stale.shift(); next; next = stale.shift()) {
      const complaint = await tidy(next.file)
      if (complaint) complaints.push(complaint)
      else writeFileSync(next.stamp, '')
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker))
  return complaints
}

const write = process.argv.includes('--write')
const complaints = [...format(write), ...(write ? [] : await tidyAll())]
runSetup(() => {
  if (complaints.length > 0) throw new SetupError(complaints.join('\n'))
})
