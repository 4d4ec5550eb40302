// TypeScript: lib/ to dist/, examples/ and bench/ to .cache/js/. Invariant: an output folder holds what its sources say and nothing
// else; one whose stamp in .cache/ equals the hash of its sources is left alone.
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { contentHash, filesUnder, readText, root, run, SetupError, say, writeStamp } from './util.mjs'

const isSource = (file) => file.endsWith('.ts') || file.endsWith('.json')

/** Compiles lib/ to dist/ where that is stale. */
export function compileLibrary() {
  compile('tsconfig.build.json', 'dist', filesUnder('lib', isSource))
}

/** Compiles examples/ and bench/ against dist/ to .cache/js/ where that is stale. */
export function compilePrograms() {
  const sources = [...filesUnder('examples', isSource), ...filesUnder('bench', isSource), '.cache/dist.stamp']
  compile('tsconfig.examples.json', '.cache/js', sources)
}

function compile(project, output, sources) {
  const stamp = `.cache/${path.basename(output)}.stamp`
  const hash = contentHash(['tsconfig.json', project, 'package-lock.json', ...sources])
  if (readText(stamp) === hash && existsSync(path.join(root, output))) return
  say(`compiling ${output}`)
  rmSync(path.join(root, output), { recursive: true, force: true })
  const result = run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--project', project])
  if (result.status !== 0) throw new SetupError(`tsc --project ${project} failed:\n${result.output}`)
  writeStamp(stamp, hash)
}
