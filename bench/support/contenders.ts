// Who takes part in the benchmark and how each is started. Invariant: every contender is a process of its own that prints one
// JSON measurement as its last line; one that cannot run here says why and is left out, never silently.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '../../../..')

export interface Contender {
  name: string
  about: string
  command: string[]
  env?: Record<string, string>
  /** Why it cannot take part on this machine, if so. */
  missing?: string
  /** Workloads it cannot train, with the reason. */
  cannot?: Record<string, string>
}

/** Settings that keep PyTorch's threads on their cores and its memory from being returned and faulted in again at every step. */
const torchTuning = {
  OMP_PROC_BIND: 'true',
  OMP_PLACES: 'cores',
  THP_MEM_ALLOC_ENABLE: '1',
  MALLOC_TOP_PAD_: '268435456',
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_TRIM_THRESHOLD_: '4294967296',
}

function pythonWithTorch(): { python: string; missing?: string } {
  const python = process.env.STEEPEST_BENCH_PYTHON ?? 'python3'
  const found = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0
  return found
    ? { python }
    : { python, missing: `${path.basename(python)} has no torch; name one that has in STEEPEST_BENCH_PYTHON` }
}

/** Where the libraries of bench/peers/package.json are installed: outside the sources. */
const peers = path.join(root, '.cache/bench/peers')

/** Installs them on demand; says why if it cannot. */
function installPeers(): string | undefined {
  if (existsSync(path.join(peers, 'node_modules/@tensorflow/tfjs'))) return undefined
  mkdirSync(peers, { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(path.join(root, 'bench/peers', file), path.join(peers, file))
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: peers, encoding: 'utf8' })
  return result.status === 0 ? undefined : `npm ci of bench/peers failed: ${result.stderr.trim().split('\n').at(-1)}`
}

const script = (name: string): string => path.join(root, '.cache/js/bench', name)

/** All contenders, ours first. */
export function contenders(): Contender[] {
  const { python, missing } = pythonWithTorch()
  const tfjs = installPeers()
  const torch = (config: string, about: string, env?: Record<string, string>): Contender => ({
    name: `PyTorch ${config}`,
    about,
    command: [python, path.join(root, 'bench/peers/torch_steps.py'), '--config', config],
    ...(env ? { env } : {}),
    ...(missing ? { missing } : {}),
  })
  const tf = (backend: string, cannot?: Record<string, string>): Contender => ({
    name: `tfjs ${backend}`,
    about: `TensorFlow.js 4.22, ${backend} backend, one thread${backend === 'wasm' ? ' (its threads do not run under Node), SIMD' : ''}`,
    command: [process.execPath, script('peers/tfjs.js'), '--config', backend],
    ...(tfjs ? { missing: tfjs } : {}),
    ...(cannot ? { cannot } : {}),
  })
  return [
    {
      name: 'steepest',
      about: 'this library, eager, its default threads',
      command: [process.execPath, script('support/ours.js')],
    },
    torch('default', 'eager, contiguous NCHW, default threads and allocator'),
    torch(
      'tuned',
      'eager, channels last, fused or foreach optimizer, threads bound, huge pages, no page faults, denormals flushed',
      torchTuning,
    ),
    torch('compiled', 'the same under torch.compile', torchTuning),
    {
      name: 'plain JavaScript',
      about: 'typed arrays, register-blocked loops, one thread',
      command: [process.execPath, script('peers/plain.js')],
    },
    tf('cpu'),
    tf('wasm', { cnn: 'no gradient of convolution in this backend (Conv2DBackpropFilter)' }),
  ]
}
