// Cases of affineSample: identity, shifts, flips, rotation, everything outside, every channel count.
import { type KernelCase, lengths, randomValues } from '../harness.js'

type Matrix = readonly [number, number, number, number, number, number]

function sample(
  name: string,
  [N, H, W, C]: readonly [number, number, number, number],
  matrix: Matrix,
  fill = 0,
  wanted?: (x: number[]) => number[],
): KernelCase {
  const x = randomValues(N * H * W * C, 5)
  return {
    kernel: 'affineSample',
    name: `${name} [${N},${H},${W},${C}]`,
    args: [N, H, W, C, fill],
    outputs: [{ dtype: 'float32', length: N * H * W * C }],
    inputs: [
      { dtype: 'float32', data: x },
      { dtype: 'float32', data: Array.from({ length: N }, () => matrix).flat() },
    ],
    // Two roundings of weights and six of the interpolation, at the size of the pixels.
    epsilons: 8,
    floor: 1 + (Number.isFinite(fill) ? Math.abs(fill) : 0),
    ...(wanted ? { reference: () => [wanted(x)] } : {}),
  }
}

const identity: Matrix = [1, 0, 0, 0, 1, 0]
const turn = Math.PI / 7

export const cases: readonly KernelCase[] = [
  ...lengths.map((C) => sample('identity', [2, 3, 4, C], identity, 0.5, (x) => x)),
  ...lengths.map((W) =>
    sample('flip', [1, 2, W, 3], [1, 0, 0, 0, -1, W - 1], 0, (x) =>
      x.map((_, at) => x[(Math.floor(at / 3 / W) * W + (W - 1 - (Math.floor(at / 3) % W))) * 3 + (at % 3)]!),
    ),
  ),
  sample('shift down by one', [1, 4, 5, 1], [1, 0, -1, 0, 1, 0], 7, (x) => [...new Array<number>(5).fill(7), ...x.slice(0, 15)]),
  sample('half a pixel', [1, 1, 6, 1], [1, 0, 0, 0, 1, 0.5], 0, (x) => x.map((v, j) => (v + (x[j + 1] ?? 0)) / 2)),
  sample('rotation', [2, 28, 28, 3], [Math.cos(turn), -Math.sin(turn), 3, Math.sin(turn), Math.cos(turn), -2], -1),
  sample('zoom', [3, 40, 41, 5], [0.7, 0.01, 2, -0.02, 1.4, 1]),
  sample('far outside', [1, 3, 3, 2], [1, 0, 1e30, 0, 1, 0], 3, (x) => x.map(() => 3)),
  sample('NaN coordinates', [1, 3, 3, 2], [Number.NaN, 0, 0, 0, 1, 0], 3, (x) => x.map(() => 3)),
  sample('empty', [0, 3, 3, 2], identity),
]
