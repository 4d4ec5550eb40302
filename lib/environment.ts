// The one registry of environment variables. docs/environment.md prints this table; nothing else in the library reads process.env.

/** Every variable the library looks at, with what it does. Native code reads those marked native itself, at load. */
export const environmentVariables = {
  STEEPEST_THREADS: 'native: number of compute threads (default: min of affinity mask, cgroup quota and physical cores)',
  STEEPEST_ISA: 'native: instruction set to use instead of the best one, one of `info().instructionSets`',
  STEEPEST_FAULT: 'tests: `kernel:<name>` or `gradient:<op>` scales that output by 1.001, to prove that the test suite notices',
  STEEPEST_PROGRAM:
    'switches of programs, separated by commas: eager (no recording), unplanned (no reuse of memory), check (compare and look for NaN), profile (time every row), no-inplace (no result over an operand), no-<pass>',
  STEEPEST_SEED: 'seed of the default random generator (default: from the clock)',
} as const

/** The value of a registered variable, or undefined when it is unset or empty. */
export function environment(name: keyof typeof environmentVariables): string | undefined {
  return process.env[name] || undefined
}
