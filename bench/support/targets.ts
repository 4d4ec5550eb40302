// What the library sets out to reach beside each peer, and why a peer is ahead where one is or a target is not reached. Invariant: a
// ratio of medians to the fastest configuration of the peer, unless one is named; figures within a reason come from the data.
import type { Figure, Row } from './figures.js'
import type { Ceilings } from './machine.js'
import type { Profile } from './profile-page.js'

export interface Target {
  workloads: string[]
  /** Family of contenders, or one of them. */
  against: string
  ratio: number
  /** Whether many steps per wake-up of JavaScript count as well as one by one, whichever is faster. */
  repeated?: boolean
}

const inferences = (network: string, ...batches: number[]): string[] => batches.map((batch) => `${network}-infer-${batch}`)

export const targets: Target[] = [
  { workloads: ['mlp', 'mlp-adam'], against: 'PyTorch', ratio: 1.4 },
  { workloads: ['mlp', 'mlp-adam'], against: 'PyTorch default', ratio: 3 },
  { workloads: ['small', 'neuron'], against: 'PyTorch', ratio: 20, repeated: true },
  { workloads: ['cnn'], against: 'PyTorch', ratio: 2.5 },
  { workloads: ['resnet20'], against: 'PyTorch', ratio: 2 },
  { workloads: inferences('cnn', 32, 256), against: 'ONNX Runtime', ratio: 2 },
  { workloads: inferences('resnet20', 32, 256), against: 'ONNX Runtime', ratio: 1.8 },
  { workloads: inferences('mlp', 32, 256), against: 'ONNX Runtime', ratio: 1.05 },
  { workloads: ['mlp', 'cnn', 'resnet20'].flatMap((name) => inferences(name, 1)), against: 'ONNX Runtime', ratio: 1 },
  { workloads: ['mlp', 'mlp-adam'], against: 'tfjs wasm', ratio: 50 },
  { workloads: ['mlp', 'mlp-adam', 'cnn'], against: 'plain JavaScript', ratio: 40 },
]

/** The fastest of the contenders that a target is set against. */
export function rival(rows: readonly Row[], against: string): Row | undefined {
  const named = rows.filter((row) => row.contender === against)
  const group = named.length > 0 ? named : rows.filter((row) => row.family === against)
  return group.sort((a, b) => a.ms.median - b.ms.median)[0]
}

/** The ratio that counts for a target, and which of our contenders it is taken to. */
export function ratioOf({ repeated }: Target, { ratio, toRepeated }: Row): { ratio: Figure; ours: string } | undefined {
  const step = ratio && { ratio, ours: 'steepest' }
  if (!repeated || !toRepeated || (ratio && ratio.median >= toRepeated.median)) return step
  return { ratio: toRepeated, ours: 'steepest repeated' }
}

/** What there is to say of a target from: the workload's own data, the row of the rival and the ceilings. */
export interface Shortfall {
  flops: number
  profile?: Profile | undefined
  target: number
  row: Row
  ceilings: Ceilings
}

/** Of a dense network's training step: what the target asks of the machine, and what the parts of the step take of it. */
function denseShortfall({ flops, profile, target, row, ceilings }: Shortfall): string {
  const asked = flops / (row.ms.median / target) / 1e6 / ceilings.allThreads
  const percent = (part: number): string => `${(100 * part).toFixed(0)} %`
  const start = `${target} would take ${percent(asked)} of the machine's arithmetic for the whole step`
  if (!profile) return start
  const rateOf = ({ flops, microseconds }: Profile['operations'][number]): number => flops / microseconds / 1e3
  const products = profile.operations.filter((operation) => operation.kernel.startsWith('matmul'))
  // Those of the first layer are nearly all of the arithmetic.
  const large = products.filter((operation) => operation.flops > 0.1 * flops)
  const parts = large.map((operation) => rateOf(operation) / (profile.peakGflops ?? ceilings.allThreads)).sort((a, b) => a - b)
  const [least, most] = [parts[0], parts.at(-1)].map((part) => percent(part ?? 0)) as [string, string]
  const update = profile.operations.find(({ kernel }) => kernel === 'pointwiseSegments')
  const all = profile.operations.reduce((sum, { microseconds }) => sum + microseconds, 0)
  const shares = update
    ? `, the optimizer streams ${(update.bytes / 1e6).toFixed(0)} MB in ${percent(update.microseconds / all)} of the time`
    : ''
  return `${start}; the products of the first layer run at ${least === most ? least : `${least} to ${most}`} of it${shares}`
}

/** Why a target is not reached, by workload and what it is set against. */
export const shortfalls: Record<string, (about: Shortfall) => string> = {
  'mlp PyTorch default': denseShortfall,
  'mlp-adam PyTorch default': denseShortfall,
}

/** Why a contender is ahead, by workload and family. */
export const reasons: Record<string, string> = {
  'mlp-infer-32 ONNX Runtime':
    'a tenth of our pass is the call and the copy of its batch into a tensor (0.1 MB); ONNX Runtime is handed the array itself',
  'mlp-infer-256 ONNX Runtime': 'our pass copies its batch into a tensor first (0.8 MB); ONNX Runtime is handed the array itself',
  'neuron plain JavaScript':
    'a step is a few hundred multiplications: ours is nearly all call, copies of the batch and dispatch of rows, which a loop in JavaScript has not',
}
