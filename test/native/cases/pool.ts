// Cases of pooling: overlapping and gapped windows, clipped borders, ties, NaN and infinities, every remainder of the channels.
import { type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'

interface Geometry {
  N: number
  H: number
  W: number
  C: number
  kernel: [number, number]
  stride: [number, number]
  pad?: [number, number, number, number] // top, bottom, left, right
}

type Full = Required<Geometry> & { OH: number; OW: number }

function complete(geometry: Geometry): Full {
  const pad = geometry.pad ?? [0, 0, 0, 0]
  const size = (input: number, axis: 0 | 1) => {
    const padded = input + pad[2 * axis]! + pad[2 * axis + 1]!
    return Math.max(0, Math.floor((padded - geometry.kernel[axis]) / geometry.stride[axis]) + 1)
  }
  return { ...geometry, pad, OH: size(geometry.H, 0), OW: size(geometry.W, 1) }
}

/** For every output, the inputs of its window inside the image and their taps: the definition, written apart from the twin. */
function windows(g: Full): { x: number; tap: number }[][] {
  return Array.from({ length: g.N * g.OH * g.OW * g.C }, (_, y) => {
    const c = y % g.C
    const ow = Math.floor(y / g.C) % g.OW
    const oh = Math.floor(y / g.C / g.OW) % g.OH
    const n = Math.floor(y / g.C / g.OW / g.OH)
    const members = []
    for (let tap = 0; tap < g.kernel[0] * g.kernel[1]; tap++) {
      const row = oh * g.stride[0] - g.pad[0] + Math.floor(tap / g.kernel[1])
      const column = ow * g.stride[1] - g.pad[2] + (tap % g.kernel[1])
      if (row < 0 || row >= g.H || column < 0 || column >= g.W) continue
      members.push({ x: ((n * g.H + row) * g.W + column) * g.C + c, tap })
    }
    return members
  })
}

function maximum(g: Full, x: readonly number[]): { y: number[]; where: number[] } {
  const best = windows(g).map((members) =>
    members.reduce((a, b) => {
      const [u, v] = [x[a.x] ?? 0, x[b.x] ?? 0]
      return v > u || (Number.isNaN(v) && !Number.isNaN(u)) ? b : a
    }),
  )
  return { y: best.map((member) => x[member.x] ?? 0), where: best.map((member) => member.tap) }
}

function poolings(geometry: Geometry, values?: (count: number) => number[]): KernelCase[] {
  const g = complete(geometry)
  const sizes = { y: g.N * g.OH * g.OW * g.C, x: g.N * g.H * g.W * g.C }
  const x = values ? values(sizes.x) : randomValues(sizes.x, 3)
  const dy = randomValues(sizes.y, 4)
  const { y, where } = maximum(g, x)
  const args = [g.N, g.H, g.W, g.C, ...g.kernel, g.OH, g.OW, ...g.stride, g.pad[0], g.pad[2]]
  const name = `${JSON.stringify(geometry)}${values ? ' special' : ''}`
  const covers = Math.ceil(g.kernel[0] / g.stride[0]) * Math.ceil(g.kernel[1] / g.stride[1])
  const float = (data: number[]) => ({ dtype: 'float32' as const, data })
  const gradient = (
    share: (members: { x: number; tap: number }[], output: number, member: { x: number; tap: number }) => number,
  ) => {
    const dx = new Float64Array(sizes.x)
    windows(g).forEach((members, output) => {
      for (const member of members) dx[member.x]! += share(members, output, member)
    })
    return dx
  }
  const cases: KernelCase[] = [
    {
      kernel: 'maxPool2d',
      name,
      args,
      outputs: [
        { dtype: 'float32', length: sizes.y },
        { dtype: 'uint8', length: sizes.y },
      ],
      inputs: [float(x)],
      ...(values ? {} : { reference: () => [y, where] }),
    },
    {
      kernel: 'maxPool2dBackward',
      name,
      args,
      outputs: [{ dtype: 'float32', length: sizes.x }],
      inputs: [float(dy), { dtype: 'uint8', data: where }],
      epsilons: covers, // one rounding per window that covers a pixel
      floor: 1,
      reference: () => [gradient((_, output, member) => (member.tap === where[output] ? dy[output]! : 0))],
    },
  ]
  if (values) return cases
  return [
    ...cases,
    {
      kernel: 'averagePool2d',
      name,
      args,
      outputs: [{ dtype: 'float32', length: sizes.y }],
      inputs: [float(x)],
      epsilons: g.kernel[0] * g.kernel[1] + 2, // one rounding per term, of the reciprocal and of the product
      floor: 1,
      reference: () => [windows(g).map((members) => members.reduce((sum, m) => sum + x[m.x]!, 0) / members.length)],
    },
    {
      kernel: 'averagePool2dBackward',
      name,
      args,
      outputs: [{ dtype: 'float32', length: sizes.x }],
      inputs: [float(dy)],
      epsilons: covers + 2,
      floor: 1,
      reference: () => [gradient((members, output) => dy[output]! / members.length)],
    },
  ]
}

const special = (count: number) =>
  randomIntegers(count, 9, 0, 4).map((i) => [Number.NaN, Number.NEGATIVE_INFINITY, 1, Number.POSITIVE_INFINITY][i] ?? 0)
const ties = (count: number) => randomIntegers(count, 10, 0, 2)
const lowest = (count: number) => new Array<number>(count).fill(Number.NEGATIVE_INFINITY)
const image = { N: 2, H: 7, W: 8, C: 5 }

export const cases: readonly KernelCase[] = [
  ...lengths.flatMap((C) => poolings({ N: 1, H: 4, W: 4, C, kernel: [2, 2], stride: [2, 2] })),
  ...poolings({ ...image, kernel: [2, 2], stride: [2, 2] }),
  ...poolings({ ...image, kernel: [3, 3], stride: [2, 2] }),
  ...poolings({ ...image, kernel: [3, 3], stride: [1, 1], pad: [1, 1, 1, 1] }),
  ...poolings({ ...image, kernel: [3, 2], stride: [2, 3], pad: [1, 1, 0, 1] }),
  ...poolings({ ...image, kernel: [2, 2], stride: [3, 4] }),
  ...poolings({ ...image, kernel: [7, 8], stride: [1, 1] }),
  ...poolings({ ...image, kernel: [1, 1], stride: [1, 1] }),
  ...poolings({ ...image, C: 17, kernel: [16, 16], stride: [1, 1], pad: [9, 9, 8, 8] }).slice(0, 2),
  ...poolings({ ...image, N: 0, kernel: [2, 2], stride: [2, 2] }),
  ...poolings({ ...image, C: 0, kernel: [2, 2], stride: [2, 2] }),
  ...poolings({ N: 1, H: 16, W: 16, C: 33, kernel: [16, 16], stride: [16, 16] }),
  ...poolings({ N: 4, H: 24, W: 24, C: 64, kernel: [2, 2], stride: [2, 2] }),
  ...[special, ties, lowest].flatMap((values) => [
    ...poolings({ ...image, C: 18, kernel: [2, 2], stride: [2, 2] }, values),
    ...poolings({ ...image, C: 18, kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] }, values),
  ]),
]
