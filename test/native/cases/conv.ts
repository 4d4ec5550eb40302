// Cases of the convolutions: strides, dilation, padding and groups in combination, thin channels, images smaller than the kernel.
import { type KernelCase, lengths, randomValues } from '../harness.js'

export interface Geometry {
  N: number
  H: number
  W: number
  C: number
  KH: number
  KW: number
  O: number
  stride?: [number, number]
  pad?: [number, number, number, number] // top, bottom, left, right
  dilation?: [number, number]
  groups?: number
  algorithm?: 'direct' | 'winograd'
}

type Full = Required<Geometry> & { OH: number; OW: number }

function complete(geometry: Geometry): Full {
  const g = {
    stride: [1, 1],
    pad: [0, 0, 0, 0],
    dilation: [1, 1],
    groups: 1,
    algorithm: 'direct',
    ...geometry,
  } as Required<Geometry>
  const size = (input: number, kernel: number, axis: 0 | 1) => {
    const padded = input + g.pad[2 * axis]! + g.pad[2 * axis + 1]!
    return Math.max(0, Math.floor((padded - (kernel - 1) * g.dilation[axis] - 1) / g.stride[axis]) + 1)
  }
  return { ...g, OH: size(g.H, g.KH, 0), OW: size(g.W, g.KW, 1) }
}

// Calls visit(y, x, w) with the flat indices of every product y += x * w: the definition, written apart from the twin.
function forEachProduct(g: Full, visit: (y: number, x: number, w: number) => void): void {
  const groupC = g.C / g.groups
  const groupO = g.O / g.groups
  for (let y = 0; y < g.N * g.OH * g.OW * g.O; y++) {
    const o = y % g.O
    const ow = Math.floor(y / g.O) % g.OW
    const oh = Math.floor(y / g.O / g.OW) % g.OH
    const n = Math.floor(y / g.O / g.OW / g.OH)
    for (let w = o; w < g.KH * g.KW * groupC * g.O; w += g.O) {
      const c = Math.floor(w / g.O) % groupC
      const tap = Math.floor(w / g.O / groupC)
      const row = oh * g.stride[0] - g.pad[0] + Math.floor(tap / g.KW) * g.dilation[0]
      const column = ow * g.stride[1] - g.pad[2] + (tap % g.KW) * g.dilation[1]
      if (row < 0 || row >= g.H || column < 0 || column >= g.W) continue
      visit(y, ((n * g.H + row) * g.W + column) * g.C + Math.floor(o / groupO) * groupC + c, w)
    }
  }
}

/** The three kernels of one convolution; `gradient` is dy, random values by default. */
export function convolutions(geometry: Geometry, seed = 1, gradient?: number[]): KernelCase[] {
  const g = complete(geometry)
  const sizes = { y: g.N * g.OH * g.OW * g.O, x: g.N * g.H * g.W * g.C, w: ((g.KH * g.KW * g.C) / g.groups) * g.O }
  const x = randomValues(sizes.x, seed)
  const w = randomValues(sizes.w, seed + 1)
  const dy = gradient ?? randomValues(sizes.y, seed + 2)
  const args = [
    g.N,
    g.H,
    g.W,
    g.C,
    g.KH,
    g.KW,
    g.O,
    g.OH,
    g.OW,
    ...g.stride,
    g.pad[0],
    g.pad[2],
    ...g.dilation,
    g.groups,
    Number(g.algorithm === 'winograd'),
  ]
  const products = ((g.KH * g.KW * g.C) / g.groups) * sizes.y
  const make = (kernel: string, length: number, inputs: number[][], terms: number, add: Add): KernelCase => ({
    kernel,
    name: JSON.stringify(geometry),
    args,
    outputs: [{ dtype: 'float32', length }],
    inputs: inputs.map((data) => ({ dtype: 'float32', data })),
    // Direct: step k rounds a partial sum of about sqrt(k) / 3, which adds up to a standard deviation of 0.07 terms: 7 of them.
    // Winograd: its transforms round sums that reach a multiple of every output of the tile, so the error goes with the largest:
    // 42 epsilons are 5e-6, the bound that conv2d documents, and three times what was seen.
    ...(g.algorithm === 'direct' ? { epsilons: 4 + terms / 2, floor: 1 } : { epsilons: 42, floor: 'max' }),
    ...(products < 300_000 ? { reference: () => [collect(g, length, add)] } : {}),
  })
  const at = (data: number[], i: number) => data[i] ?? Number.NaN
  return [
    make('conv2d', sizes.y, [x, w], (g.KH * g.KW * g.C) / g.groups, (out, i, j, k) => {
      out[i]! += at(x, j) * at(w, k)
    }),
    make('conv2dBackwardInput', sizes.x, [dy, w], (g.KH * g.KW * g.O) / g.groups, (out, i, j, k) => {
      out[j]! += at(dy, i) * at(w, k)
    }),
    make('conv2dBackwardKernel', sizes.w, [x, dy], g.N * g.OH * g.OW, (out, i, j, k) => {
      out[k]! += at(x, j) * at(dy, i)
    }),
  ]
}

/** The forward pass alone. */
export const convolution = (geometry: Geometry, seed?: number): KernelCase => convolutions(geometry, seed)[0] as KernelCase

/** The gradient to the input alone. */
export const inputGradient = (geometry: Geometry, seed?: number): KernelCase => convolutions(geometry, seed)[1] as KernelCase

/** The shape of its result. */
export function outputShape(geometry: Geometry): { N: number; OH: number; OW: number; O: number } {
  const { N, OH, OW, O } = complete(geometry)
  return { N, OH, OW, O }
}

type Add = (out: Float64Array, y: number, x: number, w: number) => void

function collect(g: Full, length: number, add: Add): Float64Array {
  const out = new Float64Array(length)
  forEachProduct(g, (y, x, w) => add(out, y, x, w))
  return out
}

const small = { N: 2, H: 7, W: 9, C: 4, KH: 3, KW: 3, O: 6 }
const grouped = { N: 2, H: 7, W: 9, C: 16, KH: 3, KW: 3, O: 16, groups: 4 }
const around: [number, number, number, number] = [1, 1, 1, 1]
const strides: [number, number][] = [
  [1, 1],
  [2, 2],
  [1, 3],
  [3, 2],
]
const dilations: [number, number][] = [
  [1, 1],
  [2, 2],
  [3, 1],
  [2, 3],
]
type Pads = [number, number, number, number]
const pads: Pads[] = [
  [0, 0, 0, 0],
  [1, 1, 1, 1],
  [2, 0, 1, 3],
  [4, 5, 4, 5],
]

// Any padding, partial tiles, masked channels, several groups of tiles, several blocks of columns.
function winogradCases(): KernelCase[] {
  const window = { KH: 3, KW: 3, algorithm: 'winograd' } as const
  const channels = [1, 3, 4, 7, 8, 9, 15, 16, 17, 23, 24, 31, 33]
  const layers = [
    { N: 3, H: 26, W: 26, C: 32, O: 64 },
    { N: 2, H: 32, W: 32, C: 16, O: 16, pad: around },
    { N: 3, H: 16, W: 16, C: 32, O: 32, pad: around },
    { N: 8, H: 8, W: 8, C: 64, O: 64, pad: around },
  ]
  return [
    ...[...pads, [3, 2, 5, 0] as const].flatMap((pad) => convolutions({ ...small, ...window, pad: [...pad] })),
    ...Array.from({ length: 12 }, (_, n) =>
      convolutions({ ...window, N: 2, H: n, W: 13 - n, C: 3, O: 5, pad: around }, n),
    ).flat(),
    ...channels.flatMap((C) => convolutions({ ...window, N: 1, H: 6, W: 7, C, O: 40 - C, pad: around }, C)),
    ...convolutions({ ...window, N: 0, H: 5, W: 5, C: 3, O: 4 }),
    ...convolutions({ ...window, N: 7, H: 9, W: 18, C: 17, O: 20, pad: around }),
    ...convolutions({ ...window, N: 1, H: 9, W: 10, C: 70, O: 150 }),
    // One group of tiles, whose columns are shared out.
    ...convolutions({ ...window, N: 1, H: 7, W: 8, C: 70, O: 150, pad: around }),
    ...convolutions({ ...window, N: 2, H: 5, W: 6, C: 140, O: 64 }),
    ...layers.flatMap((layer) => convolutions({ ...window, ...layer })),
  ]
}

export const cases: readonly KernelCase[] = [
  ...strides.flatMap((stride) =>
    dilations.flatMap((dilation) =>
      pads.flatMap((pad) => [1, 2].flatMap((groups) => convolutions({ ...small, stride, dilation, pad, groups }))),
    ),
  ),
  ...Array.from({ length: 36 }, (_, n) => convolutions({ N: 1, H: 4, W: 5, C: 3, KH: 2, KW: 2, O: n }, n)).flat(),
  ...Array.from({ length: 36 }, (_, n) => convolutions({ N: 1, H: 4, W: 5, C: n, KH: 2, KW: 2, O: 3 }, n)).flat(),
  ...Array.from({ length: 36 }, (_, n) =>
    convolutions({ N: 1, H: 3, W: n, C: 3, KH: 3, KW: 3, O: 5, pad: [1, 1, 1, 1] }, n),
  ).flat(),
  ...convolutions({ ...small, N: 0 }),
  ...convolutions({ ...small, H: 2 }),
  ...convolutions({ ...small, KH: 1, KW: 1 }),
  ...convolutions({ ...small, KH: 1, KW: 1, stride: [2, 2] }),
  ...convolutions({ ...small, KH: 1, KW: 1, groups: 2 }),
  ...convolutions({ ...small, KH: 1, KW: 5, pad: [0, 0, 2, 2] }),
  ...convolutions({ ...small, KH: 7, KW: 9 }),
  ...convolutions({ ...small, KH: 2, KW: 4, pad: [0, 1, 1, 2], stride: [4, 4] }),
  ...[1, 3, 8, 16, 33].flatMap((C) => convolutions({ N: 2, H: 6, W: 6, C, KH: 3, KW: 3, O: C, groups: C, pad: [1, 1, 1, 1] })),
  ...convolutions({ N: 2, H: 6, W: 6, C: 8, KH: 3, KW: 3, O: 16, groups: 8, stride: [2, 2], pad: [0, 1, 0, 1] }),
  ...lengths
    .slice(1)
    .flatMap((n) => convolutions({ N: 1, H: 4, W: 5, C: n, KH: 3, KW: 2, O: n, groups: n, pad: [1, 0, 1, 0] }, n)),
  // Depthwise: strips of every length, taps in more blocks than one, several slices.
  ...[5, 8, 11, 19].flatMap((W) => convolutions({ N: 2, H: 5, W, C: 9, KH: 5, KW: 5, O: 9, groups: 9, pad: [2, 2, 2, 2] })),
  ...[
    { KH: 3, KW: 3, pad: [1, 1, 1, 1] as Pads },
    { KH: 3, KW: 3, pad: [0, 1, 0, 1] as Pads, stride: [2, 2] as [number, number] },
    { KH: 5, KW: 5, pad: [2, 2, 2, 2] as Pads },
    { KH: 7, KW: 7, pad: [3, 3, 3, 3] as Pads },
    { KH: 3, KW: 3, pad: [2, 2, 2, 2] as Pads, dilation: [2, 2] as [number, number] },
  ].flatMap((kernel) => convolutions({ N: 4, H: 32, W: 24, C: 20, O: 20, groups: 20, ...kernel })),
  // Several groups to a vector: every stride, dilation and padding, taps in more blocks than one, several bands and slices.
  ...strides.flatMap((stride) =>
    dilations.flatMap((dilation) => pads.flatMap((pad) => convolutions({ ...grouped, stride, dilation, pad }))),
  ),
  ...[2, 4, 8].flatMap((size) => convolutions({ ...grouped, N: 5, H: 13, C: 48, O: 48, KW: 7, groups: 48 / size })),
  ...[16, 64].flatMap((groups) =>
    convolutions({ N: 3, H: 40, W: 33, C: 128, KH: 3, KW: 3, O: 128, groups, pad: around }, groups),
  ),
  // Grids of pixels: every height and width of theirs, and images too narrow for them.
  ...[3, 4, 5, 6, 7].flatMap((H) => convolutions({ N: 1, H, W: H + 3, C: 16, KH: 3, KW: 3, O: 16, groups: 4, pad: around }, H)),
  ...[4, 5, 12, 13].flatMap((W) => convolutions({ N: 1, H: 9, W, C: 32, KH: 3, KW: 3, O: 32, groups: 4, pad: around }, W)),
  // Few channels from many: strides, dilation and padding, taps that are contiguous and not, whole vectors of channels and rests.
  ...[1, 2, 3, 4].flatMap((C) =>
    [8, 16, 21].flatMap((O) => convolutions({ N: 2, H: 9, W: 23, C, KH: 3, KW: 3, O, pad: [1, 2, 1, 0] }, C * O)),
  ),
  ...strides.flatMap((stride, i) =>
    dilations.flatMap((dilation) =>
      convolutions({ N: 2, H: 11, W: 12, C: 3, KH: 3, KW: 4, O: 32, stride, dilation, pad: pads[i]! }),
    ),
  ),
  ...[1, 3].flatMap((O) => convolutions({ N: 3, H: 18, W: 19, C: 40, KH: 3, KW: 3, O, pad: around }, O)),
  ...convolutions({ N: 2, H: 8, W: 9, C: 6, KH: 5, KW: 5, O: 48, groups: 3, pad: [2, 2, 2, 2] }),
  ...convolutions({ N: 2, H: 21, W: 21, C: 3, KH: 7, KW: 7, O: 64, stride: [2, 2], pad: [3, 3, 3, 3] }),
  // Shared out over chunks: a batch, one large image in bands, a last panel that is partial, many channels.
  ...convolutions({ N: 5, H: 28, W: 28, C: 1, KH: 3, KW: 3, O: 32 }),
  ...convolutions({ N: 5, H: 29, W: 31, C: 2, KH: 5, KW: 2, O: 19, stride: [2, 3], dilation: [3, 1] }),
  ...convolutions({ N: 3, H: 14, W: 15, C: 32, KH: 3, KW: 3, O: 40 }),
  ...convolutions({ N: 1, H: 61, W: 60, C: 20, KH: 3, KW: 3, O: 33, pad: [1, 1, 1, 1] }),
  ...convolutions({ N: 2, H: 9, W: 9, C: 70, KH: 3, KW: 3, O: 70, pad: [1, 1, 1, 1], stride: [2, 2] }),
  ...convolutions({ N: 9, H: 12, W: 12, C: 33, KH: 1, KW: 1, O: 65 }),
  ...winogradCases(),
]
