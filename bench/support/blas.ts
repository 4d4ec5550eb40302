// OpenBLAS and BLIS beside the matrix products of bench/kernels.ts: each library that is installed, with all threads and each set of
// kernels that may suit the machine, in a process of its own (peers/blas.cc). Invariant: what is given is the best of the settings.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { KernelShape } from './kernel-shapes.js'
import { compilePeer } from './machine.js'

interface Setting {
  family: 'OpenBLAS' | 'BLIS'
  library: string
  env: Record<string, string>
}

const threads = String(os.availableParallelism())
const openmp = { OMP_NUM_THREADS: threads, OMP_PROC_BIND: 'true', OMP_WAIT_POLICY: 'active' }
/** Neither library knows newer processors by itself; what they take there is slower by half or much more. */
const kernelsOf: Record<Setting['family'], Record<string, string>[]> = {
  OpenBLAS: [{}, { OPENBLAS_CORETYPE: 'SkylakeX' }],
  BLIS: [{ BLIS_ARCH_TYPE: 'haswell' }, { BLIS_ARCH_TYPE: 'skx' }],
}

/** The variants of both libraries where Debian and its kin put them. */
function installed(): Setting[] {
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)]
  const variant = (family: Setting['family'], library: string): Setting[] =>
    kernelsOf[family].map((kernels) => {
      return { family, library, env: { ...openmp, OPENBLAS_NUM_THREADS: threads, BLIS_NUM_THREADS: threads, ...kernels } }
    })
  return folders.flatMap((folder) =>
    ['pthread', 'openmp'].flatMap((kind) => [
      ...variant('OpenBLAS', path.join(folder, `openblas-${kind}/libopenblas.so.0`)),
      ...variant('BLIS', path.join(folder, `blis-${kind}/libblis.so.4`)),
    ]),
  )
}

const settings = os.platform() === 'linux' ? installed().filter(({ library }) => existsSync(library)) : []

/** GFLOP/s of a product by the best setting of a library; undefined where there is none. */
export function blasRate({ args, flop }: KernelShape, family: Setting['family'], rounds: number): number | undefined {
  const program = settings.length > 0 ? compilePeer('blas', ['-O2', '-ldl']) : undefined
  if (!program) return undefined
  const rates = settings
    .filter((setting) => setting.family === family)
    .map(({ library, env }) => {
      // An operand that is kept packed here lies in rows there: 1 alone means transposed.
      const layouts = args.slice(4, 6).map((layout) => Number(layout === 1))
      const words = [library, ...args.slice(0, 4), ...layouts, rounds].map(String)
      const result = spawnSync(program, words, { encoding: 'utf8', env: { ...process.env, ...env } })
      return flop / Number(result.stdout) / 1e6
    })
  return rates.length > 0 ? Math.max(...rates.filter(Number.isFinite)) : undefined
}
