// npm packages of a checkout. Invariant: node_modules is what package-lock.json says; nothing else is ever installed.
import { statSync } from 'node:fs'
import path from 'node:path'
import { run, SetupError, say, tail } from './util.mjs'

/** Runs `npm ci` in `folder` where node_modules is missing or older than the lock file. */
export function installPackages(folder) {
  const installed = modified(path.join(folder, 'node_modules/.package-lock.json'))
  const locked = modified(path.join(folder, 'package-lock.json'))
  if (installed >= locked) return
  say('installing npm packages')
  const [command, ...args] = npm()
  const result = run(command, [...args, 'ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  if (result.status !== 0) throw new SetupError(`npm ci failed:\n${tail(result.output, 30)}`)
}

// The npm that runs us, or else the one on the PATH.
function npm() {
  const running = process.env.npm_execpath ?? ''
  return running.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm']
}

function modified(file) {
  try {
    return statSync(file).mtimeMs
  } catch {
    return 0
  }
}
