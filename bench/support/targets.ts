// What the library sets out to reach beside each peer, and why a peer is ahead where one is. Invariant: a ratio of medians to the
// fastest configuration of the peer, unless one is named.
import type { Row } from './figures.js'

export interface Target {
  workloads: string[]
  /** Family of contenders, or one of them. */
  against: string
  ratio: number
}

const inferences = (network: string, ...batches: number[]): string[] => batches.map((batch) => `${network}-infer-${batch}`)

export const targets: Target[] = [
  { workloads: ['mlp', 'mlp-adam'], against: 'PyTorch', ratio: 1.4 },
  { workloads: ['mlp', 'mlp-adam'], against: 'PyTorch default', ratio: 3 },
  { workloads: ['small', 'neuron'], against: 'PyTorch', ratio: 20 },
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

/** Why a contender is ahead, by workload and family. */
export const reasons: Record<string, string> = {
  'mlp-infer-32 ONNX Runtime':
    'a tenth of our pass is the call and the copy of its batch into a tensor (0.1 MB); ONNX Runtime is handed the array itself',
  'mlp-infer-256 ONNX Runtime': 'our pass copies its batch into a tensor first (0.8 MB); ONNX Runtime is handed the array itself',
  'neuron plain JavaScript':
    'a step is a few hundred multiplications: ours is nearly all call, copies of the batch and dispatch of rows, which a loop in JavaScript has not',
}
