// This program once more in a process of its own, for settings that are read when a process starts.
import { spawnSync } from 'node:child_process'

/** What the program that runs prints with these arguments in this environment beside its own. */
export function again(args: readonly string[], environment: Record<string, string>): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [process.argv[1] as string, ...args], {
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
    env: { ...process.env, ...environment },
  })
  if (status !== 0) throw new Error(`${args.join(' ')} with ${JSON.stringify(environment)}: ${stderr}`)
  return stdout
}
