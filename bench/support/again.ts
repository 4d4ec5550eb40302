// This program once more in a process of its own, for settings that are read when a process starts.
import { spawnSync } from 'node:child_process'

/** What the program that runs prints with these arguments under `STEEPEST_PROGRAM=setting`. */
export function again(args: readonly string[], setting: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [process.argv[1] as string, ...args], {
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
    env: { ...process.env, STEEPEST_PROGRAM: setting },
  })
  if (status !== 0) throw new Error(`${args.join(' ')} with STEEPEST_PROGRAM='${setting}': ${stderr}`)
  return stdout
}
