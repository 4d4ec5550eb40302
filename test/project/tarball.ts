// Packing and unpacking the package as a user would receive it. Nothing here touches the network.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './sources.js'

export interface Packed {
  readonly filename: string
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/** `npm pack` with the given options; scripts stay off, since the checkout is built already. */
export function npmPack(...options: readonly string[]): Packed {
  const args = ['pack', '--json', '--ignore-scripts', ...options]
  const result = spawnSync('npm', args, { cwd: root, encoding: 'utf8', env: cleanEnvironment() })
  if (result.status !== 0) throw new Error(`npm pack failed: ${result.stderr}`)
  const [packed] = JSON.parse(result.stdout) as [Packed]
  return packed
}

/** The environment without what a surrounding `npm run` added, so that npm starts from an empty configuration. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  return {
    ...Object.fromEntries(kept),
    npm_config_userconfig: '/nonexistent/user',
    npm_config_globalconfig: '/nonexistent/global',
  }
}

/**
 * A project folder whose node_modules holds the package as packed, without its native core, and links to the packages that the
 * build depends on. Returns the project folder; the caller removes it.
 */
export function installPacked(): string {
  const project = mkdtempSync(path.join(os.tmpdir(), 'steepest-install-'))
  const target = path.join(project, 'node_modules/steepest')
  for (const file of npmPack('--dry-run').files) {
    mkdirSync(path.dirname(path.join(target, file.path)), { recursive: true })
    cpSync(path.join(root, file.path), path.join(target, file.path))
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(target, 'node_modules'))
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  return project
}

/** Runs Node in a folder and returns what it printed. */
export function node(cwd: string, ...args: readonly string[]): { status: number | null; output: string } {
  const result = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: cleanEnvironment() })
  return { status: result.status, output: `${result.stdout}${result.stderr}` }
}
