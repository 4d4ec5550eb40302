// What every step of the set-up shares: paths, one-line messages, running commands, and content stamps.
// Invariant: a step that fails throws SetupError with what the user has to do; nothing prints a stack trace for that.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's top folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** A failure that the user can mend: printed without a stack trace. */
export class SetupError extends Error {}

/** Prints one line about what a step does. */
export function say(message) {
  console.error(`setup: ${message}`)
}

/** Runs `main`, turning a SetupError into a message and exit code 1. */
export function runSetup(main) {
  try {
    main()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`setup: ${error.message}`)
    process.exit(1)
  }
}

/**
 * Runs a command and returns { status, output }. Its output is kept, not shown, unless `show` is set; a command that is not there
 * gives status 127.
 */
export function run(command, args, { cwd = root, env = {}, show = false, input } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    input,
    stdio: show ? 'inherit' : 'pipe',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (result.error) return { status: 127, output: String(result.error.message) }
  return { status: result.status ?? 1, output: `${result.stdout ?? ''}${result.stderr ?? ''}` }
}

/** Whether a program of this name is on the PATH. */
export function onPath(program) {
  return run('sh', ['-c', `command -v "$1"`, 'sh', program]).status === 0
}

/** The last lines of a long output, for an error message. */
export function tail(output, lines = 60) {
  return output.trimEnd().split('\n').slice(-lines).join('\n')
}

/** All files under `folder` (relative to the package) whose path passes `keep`, sorted, as relative paths. */
export function filesUnder(folder, keep = () => true) {
  let entries
  try {
    entries = readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true })
  } catch {
    return []
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter(keep)
    .sort()
}

/** A hash over the contents of `files` (relative to the package; a missing one counts as empty) and the strings of `extra`. */
export function contentHash(files, extra = []) {
  const hash = createHash('sha256')
  for (const text of extra) hash.update(`${text}\0`)
  for (const file of files) {
    hash.update(`${file}\0`)
    hash.update(readText(file) ?? '')
  }
  return hash.digest('hex')
}

/** The text of a file relative to the package, or undefined where there is none. */
export function readText(file) {
  try {
    return readFileSync(path.join(root, file), 'utf8')
  } catch {
    return undefined
  }
}

/** Writes a stamp: the hash of what a finished step was made from. */
export function writeStamp(file, hash) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
  writeFileSync(path.join(root, file), hash)
}
