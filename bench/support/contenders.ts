// Who takes part in the benchmark and how each is started. Invariant: every contender is a process of its own that prints one
// JSON line as its last; one that cannot run here, or cannot do a workload, says why and is left out, never silently.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Workload } from './workloads.js'

export const root = path.resolve(import.meta.dirname, '../../../..')

export interface Contender {
  name: string
  /** Contenders of one family are configurations of one peer. */
  family: string
  about: string
  command: string[]
  env?: Record<string, string>
  /** Why it cannot take part on this machine, if so. */
  missing?: string
  /** Why it cannot do this workload, if so. */
  cannot?(workload: Workload): string | undefined
  /** Whether its mathematics is its own, so that losses are not compared. */
  ownMathematics?: boolean
  /** Whether its steps can take seconds, so that it is given less time to have its losses compared. */
  slow?: boolean
}

/** Settings that keep threads on their cores and memory from being returned and faulted in again at every step. */
const nativeTuning = {
  OMP_PROC_BIND: 'true',
  OMP_PLACES: 'cores',
  THP_MEM_ALLOC_ENABLE: '1',
  MALLOC_TOP_PAD_: '268435456',
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_TRIM_THRESHOLD_: '4294967296',
}

/** Compiled code is kept, so that a compiler's minute is paid once and not by every process. */
const compilerCache = { TORCHINDUCTOR_CACHE_DIR: path.join(root, '.cache/bench/inductor') }

export const python = process.env.STEEPEST_BENCH_PYTHON ?? 'python3'

/** Why a Python package cannot be used, if so. */
export function lacks(module: string): string | undefined {
  const test = `import importlib.util, sys; sys.exit(importlib.util.find_spec('${module}') is None)`
  if (spawnSync(python, ['-c', test], { stdio: 'ignore' }).status === 0) return undefined
  return `${path.basename(python)} has no ${module}; name one that has in STEEPEST_BENCH_PYTHON`
}

/** Where the libraries of bench/peers/package.json are installed: outside the sources. */
const peers = path.join(root, '.cache/bench/peers')

/** Installs them on demand (their scripts do not run); says why if it cannot. */
function installPeers(): string | undefined {
  const wanted = ['@tensorflow/tfjs', 'onnxruntime-node', 'brain.js']
  if (wanted.every((name) => existsSync(path.join(peers, 'node_modules', name)))) return undefined
  mkdirSync(peers, { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(path.join(root, 'bench/peers', file), path.join(peers, file))
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: peers, encoding: 'utf8' })
  return result.status === 0 ? undefined : `npm ci of bench/peers failed: ${result.stderr.trim().split('\n').at(-1)}`
}

const node = (name: string, ...args: string[]): string[] => [process.execPath, path.join(root, '.cache/js/bench', name), ...args]
const convolves = ({ sample }: Workload): boolean => sample.length > 1
const trains = ({ task }: Workload): boolean => task === 'training'

function ours(): Contender[] {
  const one = (name: string, config: string, about: string): Contender => ({
    name,
    family: 'steepest',
    about,
    command: node('support/ours.js', '--config', config),
  })
  const repeated: Contender = {
    ...one('steepest repeated', 'repeat', 'a hundred steps on one batch for each wake-up of JavaScript'),
    cannot: (workload) => (workload.tiny && trains(workload) ? undefined : 'it is for steps that take microseconds'),
    ownMathematics: true,
  }
  return [
    one('steepest', 'sync', 'this library, a step or pass recorded by st.program and replayed by `.sync`, its default threads'),
    one('steepest awaited', 'await', 'the same awaited, off the event loop'),
    repeated,
    one('steepest eager', 'eager', 'op by op, nothing recorded'),
  ]
}

function pythonPeers(): Contender[] {
  const one = (family: string, file: string, config: string, about: string, env?: Record<string, string>): Contender => ({
    name: `${family} ${config}`,
    family,
    about,
    command: [python, path.join(root, 'bench/peers', file), '--config', config],
    ...(env ? { env } : {}),
  })
  const missing = (module: string, list: Contender[]): Contender[] => {
    const why = lacks(module)
    return why ? list.map((contender) => ({ ...contender, missing: why })) : list
  }
  const torch = (config: string, about: string, env?: Record<string, string>): Contender =>
    one('PyTorch', 'torch_steps.py', config, about, env)
  const tensorflow = (config: string, about: string): Contender =>
    one('TensorFlow', 'tensorflow_steps.py', config, about, nativeTuning)
  return [
    ...missing('torch', [
      torch('default', 'eager, contiguous NCHW, default threads and allocator'),
      torch(
        'tuned',
        'eager, channels last, fused or foreach optimizer, inference mode, threads bound, huge pages, no page faults, denormals flushed',
        nativeTuning,
      ),
      torch('compiled', 'the same under torch.compile (inference: frozen)', { ...nativeTuning, ...compilerCache }),
    ]),
    ...missing('tensorflow', [
      tensorflow('default', 'one tf.function a step, channels last'),
      tensorflow('compiled', 'the same compiled by XLA'),
    ]),
  ]
}

function javaScriptPeers(): Contender[] {
  const why = installPeers()
  const one = (
    name: string,
    family: string,
    about: string,
    command: string[],
    cannot?: (workload: Workload) => string | undefined,
  ): Contender => ({ name, family, about, command, ...(why ? { missing: why } : {}), ...(cannot ? { cannot } : {}), slow: true })
  const onnx = (config: string, about: string): Contender => ({
    ...one(`ONNX Runtime ${config}`, 'ONNX Runtime', about, node('peers/onnx.js', '--config', config), (workload) =>
      trains(workload) ? 'it is for inference' : undefined,
    ),
    slow: false,
    ...(lacks('onnx') ? { missing: `no model files: ${lacks('onnx')}` } : {}),
  })
  const tfjs = (backend: string, more: string): Contender =>
    one(
      `tfjs ${backend}`,
      `tfjs ${backend}`,
      `TensorFlow.js 4.22, ${more}`,
      node('peers/tfjs.js', '--config', backend),
      (workload) =>
        backend === 'wasm' && convolves(workload) && trains(workload)
          ? 'this backend has no gradient of convolution (Conv2DBackpropFilter)'
          : undefined,
    )
  const brain = one(
    'brain.js',
    'brain.js',
    'a sample at a time, squared error, one thread',
    node('peers/brain.js'),
    (workload) => (convolves(workload) ? 'it has no convolution' : undefined),
  )
  return [
    onnx('default', 'onnxruntime-node with no options'),
    onnx('best', 'all graph optimizations, one thread per core, sequential, memory pattern'),
    {
      name: 'plain JavaScript',
      family: 'plain JavaScript',
      about: 'typed arrays, register-blocked loops, one thread',
      command: node('peers/plain.js'),
      slow: true,
    },
    { ...brain, ownMathematics: true },
    tfjs('cpu', 'cpu backend, one thread'),
    tfjs('wasm', 'wasm backend with SIMD, one thread (its threads do not run under Node)'),
  ]
}

/** All contenders, ours first. */
export function contenders(): Contender[] {
  return [...ours(), ...pythonPeers(), ...javaScriptPeers()]
}
