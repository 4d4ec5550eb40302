// Scripts in processes of their own, with the addon loaded: what cannot be tried in the process of the tests.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const addon = fileURLToPath(new URL('../../build/Release/steepest.node', import.meta.url))

/** Runs a script in a process of its own, with `addon` loaded; gives its output, or throws if it takes over a minute. */
export async function script(code: string, environment: Record<string, string> = {}): Promise<string> {
  const source = `const addon = require(${JSON.stringify(addon)}); ${code}`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', source], {
    env: { ...process.env, ...environment },
    timeout: 60_000,
  })
  return stdout.trim()
}
