// Cases of matmul and matmulFused: every transpose, batches with repeated operands, every remainder of the tiles, the thin shapes that
// take other paths; for the fused one each of these with an activation.
import { type KernelCase, lengths, randomValues } from '../harness.js'

interface Product {
  M: number
  N: number
  K: number
  batch?: number
  transposeA?: boolean
  transposeB?: boolean
  /** Repeat the one a (or b) for the whole batch. */
  sameA?: boolean
  sameB?: boolean
}

// The definition in JavaScript, written apart from the twin.
function multiply(p: Required<Product>, a: readonly number[], b: readonly number[]): Float64Array {
  const { M, N, K } = p
  return Float64Array.from({ length: p.batch * M * N }, (_, flat) => {
    const item = Math.floor(flat / (M * N))
    const i = Math.floor(flat / N) % M
    const j = flat % N
    const aStart = p.sameA ? 0 : item * M * K
    const bStart = p.sameB ? 0 : item * K * N
    let sum = 0
    for (let k = 0; k < K; k++) {
      const left = a[aStart + (p.transposeA ? k * M + i : i * K + k)] ?? Number.NaN
      sum += left * (b[bStart + (p.transposeB ? j * K + k : k * N + j)] ?? Number.NaN)
    }
    return sum
  })
}

function matmul(product: Product, seed = 1): KernelCase {
  const p = { batch: 1, transposeA: false, transposeB: false, sameA: false, sameB: false, ...product }
  const { batch, M, N, K } = p
  const a = randomValues((p.sameA ? 1 : batch) * M * K, seed)
  const b = randomValues((p.sameB ? 1 : batch) * K * N, seed + 1)
  const letters = `${p.transposeA ? 'T' : 'N'}${p.transposeB ? 'T' : 'N'}`
  return {
    kernel: 'matmul',
    name: `${batch} x ${M}x${N}x${K} ${letters}${p.sameA ? ' same a' : ''}${p.sameB ? ' same b' : ''}`,
    args: [batch, M, N, K, Number(p.transposeA), Number(p.transposeB), p.sameA ? 0 : M * K, p.sameB ? 0 : K * N],
    outputs: [{ dtype: 'float32', length: batch * M * N }],
    inputs: [
      { dtype: 'float32', data: a },
      { dtype: 'float32', data: b },
    ],
    // Step k rounds a partial sum of about sqrt(k) / 3, which adds up to a standard deviation of 0.07 K: 7 of them.
    epsilons: 4 + K / 2,
    floor: 1,
    ...(batch * M * N * K < 200_000 ? { reference: () => [multiply(p, a, b)] } : {}),
  }
}

/** Codes of activations in rows: none, relu, sigmoid, tanh. */
const activations = [
  (x: number) => x,
  (x: number) => Math.max(x, 0),
  (x: number) => 1 / (1 + Math.exp(-x)),
  (x: number) => Math.tanh(x),
]

/** The same product with a bias and an activation. Their errors: one rounding, and 3 ULP of a value below 1; slopes are at most 1. */
function fused(product: Product, activation: number, seed = 1): KernelCase {
  const plain = matmul(product, seed)
  const bias = randomValues(product.N, seed + 2)
  const of = activations[activation] as (x: number) => number
  const { reference } = plain
  return {
    ...plain,
    kernel: 'matmulFused',
    name: `${plain.name} activation ${activation}`,
    args: [...plain.args, activation],
    inputs: [...plain.inputs, { dtype: 'float32', data: bias }],
    epsilons: (plain.epsilons ?? 0) + 4,
    ...(reference
      ? { reference: () => reference().map((sums) => Array.from(sums, (x, i) => of(x + (bias[i % product.N] ?? Number.NaN)))) }
      : {}),
  }
}

const transposes = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
]

/** [panel of 32 columns][K][columns of the panel, padded with zeros to a multiple of 16], of a matrix [K, N]. */
function panels(b: ArrayLike<number>, K: number, N: number): Float64Array {
  const result = new Float64Array(K * 16 * Math.ceil(N / 16))
  for (let column = 0; column < N; column++) {
    const panel = column - (column % 32)
    const row = Math.min(32, 16 * Math.ceil((N - panel) / 16))
    for (let k = 0; k < K; k++) result[panel * K + k * row + column - panel] = b[k * N + column]!
  }
  return result
}

function pack(K: number, N: number): KernelCase {
  const b = randomValues(K * N, K + 100 * N)
  return {
    kernel: 'matmulPanels',
    name: `[${K}, ${N}]`,
    args: [K, N],
    outputs: [{ dtype: 'float32', length: K * 16 * Math.ceil(N / 16) }],
    inputs: [{ dtype: 'float32', data: b }],
    epsilons: 0,
    reference: () => [panels(b, K, N)],
  }
}

/** The same product with the second operand packed beforehand. */
function withPanels({ name, args, inputs, ...rest }: KernelCase): KernelCase {
  const [, , N, K] = args as [number, number, number, number]
  const [a, b, ...operands] = inputs
  const data = panels(Float32Array.from(b!.data), K, N)
  return {
    ...rest,
    name: `${name} packed`,
    args: args.map((argument, i) => (i === 5 ? 2 : argument)),
    inputs: [a!, { dtype: 'float32', data }, ...operands],
  }
}

/** A product divided as asked: [parts of rows, parts of columns, slices of k]. */
function divided(product: Product, division: readonly [number, number, number]): KernelCase {
  const { name, args, ...rest } = matmul(product)
  return { ...rest, name: `${name} in ${division}`, args: [...args, ...division] }
}

const products: readonly KernelCase[] = transposes.flatMap((t) => [
  ...lengths.map((n) => matmul({ M: n, N: 5, K: 7, ...t }, n)),
  ...lengths.map((n) => matmul({ M: 5, N: n, K: 7, ...t }, n)),
  ...lengths.map((n) => matmul({ M: 5, N: 17, K: n, ...t }, n)),
  ...[0, 1, 2, 3, 31, 33, 100].flatMap((n) => [
    matmul({ M: 1, N: n, K: 37, ...t }, n),
    matmul({ M: n, N: 1, K: 37, ...t }, n),
    matmul({ M: 3, N: n, K: 1, ...t }, n),
  ]),
  ...[64, 65].map((n) => matmul({ M: n, N: n, K: n, ...t })),
  // Every number of columns that has a path of its own, with each remainder of its vectors and more than one run of k.
  ...[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((N) => matmul({ M: 16 + (N % 3), N, K: 128 + 5 * N, ...t }, N)),
  ...[128, 512, 513, 1040].map((K) => matmul({ M: 67, N: 10, K, ...t }, K)),
  matmul({ batch: 3, M: 5, N: 6, K: 7, ...t }),
  matmul({ batch: 3, M: 5, N: 6, K: 7, sameA: true, ...t }),
  matmul({ batch: 3, M: 5, N: 6, K: 7, sameB: true, ...t }),
  matmul({ batch: 4, M: 1, N: 1, K: 9, ...t }),
  matmul({ batch: 4, M: 9, N: 1, K: 9, sameB: true, ...t }),
  matmul({ batch: 0, M: 2, N: 2, K: 2, ...t }),
  // Shared out over chunks; k longer than one run; rows that collide in L1; k in slices; the last panel partial.
  matmul({ M: 131, N: 137, K: 150, ...t }),
  matmul({ M: 60, N: 90, K: 1000, ...t }),
  matmul({ M: 70, N: 40, K: 1024, ...t }),
  ...(t.transposeA ? [matmul({ M: 257, N: 45, K: 70, ...t })] : []), // rows of A far apart
  matmul({ M: 1024, N: 20, K: 40, ...t }),
  matmul({ M: 20, N: 30, K: 5000, ...t }),
  matmul({ M: 30, N: 417, K: 650, ...t }), // B of more than 1 MiB: k in halves where it lies row by row
  ...(t.transposeB ? [] : [matmul({ M: 43, N: 2570, K: 105, ...t })]), // B of more than 1 MiB whose rows lie pages apart
  // Rows of B near a multiple of 2 and of 4 KiB apart, which evict each other where they lie.
  ...(t.transposeB ? [] : [matmul({ M: 29, N: 512, K: 140, ...t }), matmul({ M: 16, N: 1030, K: 70, ...t })]),
  matmul({ M: 1, N: 1000, K: 700, ...t }),
  matmul({ M: 1000, N: 1, K: 700, ...t }),
  matmul({ M: 3, N: 140, K: 2100, ...t }),
  matmul({ M: 2, N: 50, K: 9000, ...t }),
  matmul({ M: 130, N: 1, K: 9000, ...t }),
  matmul({ batch: 50, M: 33, N: 34, K: 35, ...t }),
  ...(
    [
      [1, 1, 1],
      [3, 1, 2],
      [2, 4, 3],
      [1, 16, 1],
      [100, 100, 1],
      [1, 2, 40],
    ] as const
  ).flatMap((division) => [
    divided({ M: 75, N: 150, K: 700, ...t }, division),
    divided({ M: 3, N: 150, K: 700, ...t }, division),
    divided({ batch: 3, M: 20, N: 40, K: 50, ...t }, division),
  ]),
])

const fusedProducts: readonly KernelCase[] = transposes.flatMap((t) =>
  activations.flatMap((_, activation) => [
    ...[1, 7, 8, 9, 16, 17, 33].map((n) => fused({ M: 7, N: n, K: 9, ...t }, activation, n)),
    ...[1, 2, 3, 4, 5, 15].map((n) => fused({ M: n, N: 21, K: 9, ...t }, activation, n)),
    ...[0, 1].map((n) => fused({ M: 3, N: 10, K: n, ...t }, activation)),
    fused({ M: 0, N: 10, K: 3, ...t }, activation),
    fused({ batch: 3, M: 5, N: 18, K: 7, ...t }, activation),
    fused({ batch: 3, M: 5, N: 18, K: 7, sameB: true, ...t }, activation),
    fused({ batch: 4, M: 9, N: 1, K: 9, sameB: true, ...t }, activation),
    fused({ M: 131, N: 137, K: 150, ...t }, activation),
    fused({ M: 20, N: 50, K: 1000, ...t }, activation),
    fused({ M: 20, N: 30, K: 5000, ...t }, activation),
    ...(t.transposeA || t.transposeB ? [] : [fused({ M: 15, N: 417, K: 650, ...t }, activation)]),
    fused({ M: 2, N: 50, K: 9000, ...t }, activation),
    fused({ M: 130, N: 1, K: 9000, ...t }, activation),
  ]),
)

// Every remainder of panels and of rows, more than one run and slice of k, A as it lies, turned, and where its rows collide.
const keptProducts: readonly KernelCase[] = [false, true].flatMap((transposeA) =>
  [
    ...[17, 20, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 97].map((N, i) =>
      matmul({ M: 5 + 3 * i, N, K: 7 + 11 * i, transposeA }, N),
    ),
    ...[1, 0].map((K) => matmul({ M: 9, N: 40, K, transposeA })),
    matmul({ M: 131, N: 137, K: 150, transposeA }),
    matmul({ M: 70, N: 40, K: 1024, transposeA }),
    matmul({ M: 20, N: 30, K: 5000, transposeA }),
    matmul({ M: 30, N: 417, K: 650, transposeA }),
    matmul({ batch: 3, M: 6, N: 20, K: 7, sameB: true, transposeA }),
    divided({ M: 75, N: 150, K: 700, transposeA }, [3, 4, 2]),
    ...[0, 1, 2, 3].map((activation) => fused({ M: 31, N: 83, K: 600, transposeA }, activation)),
    fused({ M: 20, N: 50, K: 5000, transposeA }, 1),
  ].map(withPanels),
)

const packing = [17, 20, 31, 32, 33, 48, 49, 64, 100].map((N, i) => pack(3 + 40 * i, N))

export const cases: readonly KernelCase[] = [
  ...products,
  ...fusedProducts,
  ...packing,
  pack(600, 70),
  pack(0, 20),
  ...keptProducts,
]
