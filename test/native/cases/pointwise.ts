// Cases of the pointwise interpreter: every instruction over every vector remainder and over its limits, every kind and dtype of
// operand, single operands in every position, several outputs, blocks of every shape, formulas large enough for several threads.
//
// Bounds are in epsilons (2^-23 of the result, 1 to 2 units in the last place). Those of the elementary functions are the ones
// stated in native/kernels/vector_math-inl.h and its neighbours; arithmetic is rounded once, as the twin's double is.
import { type FormulaInput, formulaCase, type Kind, kinds, lengthOf, type Step } from '../formula.js'
import { byteLengths, type ElementType, type KernelCase, lengths, randomIntegers, randomValues } from '../harness.js'
import { binary, edges, few, inf, ternary, unary } from '../pointwise-operands.js'

const full = (data: ArrayLike<number>, dtype: ElementType = 'float32'): FormulaInput => ({ dtype, kind: 'full', data })

function single(name: string, operands: readonly FormulaInput[], cols: number, epsilons: number, label: string): KernelCase {
  return formulaCase({
    name: `${name} of ${cols} ${label}`,
    rows: 1,
    cols,
    inputs: operands,
    outputs: ['float32'],
    steps: [[name, 'y0', ...operands.map((_, i) => `x${i}`)]],
    epsilons,
    // A fused product is not rounded by itself: the error goes with the terms.
    floor: name === 'multiplyAdd' ? 'max' : 0,
  })
}

const arities = [unary, binary, ternary].flatMap((table, i) =>
  Object.entries(table).map(([name, [low, high, epsilons]]) => ({ name, arity: i + 1, low, high, epsilons })),
)

const counted = arities.flatMap(({ name, arity, low, high, epsilons }) =>
  [...lengths, 300, 1100].map((count) => {
    const operands = Array.from({ length: arity }, (_, k) => full(randomValues(count, 3 + k, low, high)))
    return single(name, operands, count, epsilons, 'random numbers')
  }),
)

const edged = arities.map(({ name, arity, epsilons }) => {
  if (arity === 1) return single(name, [full(edges)], edges.length, epsilons, 'limits')
  const grid = few.flatMap((a) => few.map((b) => [a, b, b * 0.5] as const))
  const operands = Array.from({ length: arity }, (_, k) => full(grid.map((values) => values[k]!)))
  return single(name, operands, grid.length, epsilons, 'limits')
})

/** Integers are exact, and wrap. */
const integers = arities
  .filter(({ name }) => !/exp|log1?p?$|sqrt|reciprocal|sin|cos|tan|sigmoid|softplus|erf/.test(name))
  .flatMap(({ name, arity }) =>
    [0, 1, 7, 33, 700].map((count) => {
      const wide = [0, 1, -1, 2, -2, 7, -7, 2147483647, -2147483648, 65536, -65537]
      const draw = (k: number) =>
        Array.from({ length: count }, (_, i) =>
          i % 3 === k % 3 ? wide[(i * 7 + k) % wide.length]! : ((i * 37 + k * 11) % 41) - 20,
        )
      return formulaCase({
        name: `${name} of ${count} integers`,
        compute: 'int32',
        rows: 1,
        cols: count,
        inputs: Array.from({ length: arity }, (_, k) => full(draw(k), 'int32')),
        outputs: ['int32'],
        steps: [[name, 'y0', ...['x0', 'x1', 'x2'].slice(0, arity)]],
      })
    }),
  )

/** Every operand position as a constant or a scalar, all of them together included (then the result is one number). */
const singles = arities.flatMap(({ name, arity, low, high, epsilons }) =>
  Array.from({ length: 2 ** arity }, (_, mask) => {
    const values = randomValues(3 * 50, 5, low, high)
    const operands = Array.from({ length: arity }, (_, k): FormulaInput => {
      const kind = mask & (1 << k) ? 'scalar' : 'full'
      return { dtype: 'float32', kind, data: values.slice(50 * k, 50 * k + lengthOf(kind, 1, 50)) }
    })
    return single(name, operands, 50, epsilons, `with scalars at ${mask}`)
  }),
)

const shapes = [
  [1, 1],
  [1, 40],
  [40, 1],
  [7, 10],
  [60, 31],
  [3, 130],
  [5, 200],
  [2, 257],
  [3, 512],
  [2, 1500],
  [700, 3],
  [33, 16],
  [17, 50],
  [19, 256],
] as const

/** x0 * x1 + x2 for all kinds and dtypes of operands over shapes that make blocks of every form. */
const kinded = shapes.flatMap(([rows, cols]) =>
  kinds.flatMap((kindA) =>
    kinds.flatMap((kindB) =>
      (['float32', 'int32', 'uint8', 'bool'] as const).map((dtype, seed) => {
        const draw = (kind: Kind, type: ElementType): FormulaInput => {
          const count = lengthOf(kind, rows, cols)
          const [low, high] = type === 'bool' ? [0, 2] : type === 'uint8' ? [0, 256] : [-1000, 1000]
          return { dtype: type, kind, data: randomIntegers(count, seed + 1, low, high) }
        }
        return formulaCase({
          name: `${kindA} ${dtype} * ${kindB} float32 + full [${rows}, ${cols}]`,
          rows,
          cols,
          inputs: [draw(kindA, dtype), draw(kindB, 'float32'), draw('full', dtype)],
          outputs: ['float32', dtype],
          constants: [3],
          registers: 2,
          steps: [
            ['multiply', 'r0', 'x0', 'x1'],
            ['add', 'y0', 'r0', 'x2'],
            ['square', 'r1', 'x0'],
            ['maximum', 'y1', 'r1', 'c0'],
          ],
        })
      }),
    ),
  ),
)

const awkward = [
  0,
  -0,
  0.9,
  -0.9,
  1.5,
  -1.5,
  127.9,
  255,
  255.5,
  256,
  1e9,
  2147483520,
  2147483648,
  -2147483648,
  1e20,
  -1e20,
  inf,
  -inf,
]

/** Outputs of other dtypes: truncated, saturated, NaN to 0. */
const stored = (['float32', 'int32', 'uint8', 'bool'] as const).map((dtype) =>
  formulaCase({
    name: `stored as ${dtype}`,
    rows: 1,
    cols: awkward.length + 1,
    inputs: [full([...awkward, Number.NaN])],
    outputs: [dtype],
    steps: [['copy', 'y0', 'x0']],
  }),
)

/** Bytes in, bytes and floats out, over every remainder of a vector of bytes. */
const bytes = (['uint8', 'bool'] as const).flatMap((dtype) =>
  byteLengths.map((count) =>
    formulaCase({
      name: `${count} of ${dtype}`,
      rows: 1,
      cols: count,
      inputs: [full(randomIntegers(count, 5, 0, dtype === 'bool' ? 2 : 256), dtype)],
      outputs: [dtype, 'float32'],
      constants: [1],
      steps: [
        ['maximum', 'y0', 'x0', 'c0'],
        ['add', 'y1', 'x0', 'c0'],
      ],
    }),
  ),
)

const storedIntegers = (['float32', 'int32', 'uint8', 'bool'] as const).map((dtype) =>
  formulaCase({
    name: `integers stored as ${dtype}`,
    compute: 'int32',
    rows: 1,
    cols: 8,
    inputs: [full([0, 1, -1, 255, 256, 65536, 2147483647, -2147483648], 'int32')],
    outputs: [dtype],
    steps: [['copy', 'y0', 'x0']],
  }),
)

const manySteps: Step[] = Array.from({ length: 400 }, (_, i) => ['add', `r${i}`, i === 0 ? 'x0' : `r${i - 1}`, 'x1'] as const)

const structural: KernelCase[] = [
  formulaCase({
    name: 'an output read back, and a register that is first one number, then many',
    rows: 9,
    cols: 70,
    inputs: [full(randomIntegers(630, 1, -50, 50)), { dtype: 'float32', kind: 'scalar', data: [3] }],
    outputs: ['float32', 'uint8', 'float32'],
    constants: [2, 5],
    registers: 1,
    steps: [
      ['multiply', 'r0', 'c0', 'x1'],
      ['add', 'y0', 'x0', 'r0'],
      ['absolute', 'r0', 'y0'],
      ['add', 'y1', 'r0', 'c1'],
      ['multiply', 'y2', 'y1', 'y0'],
    ],
  }),
  formulaCase({
    name: 'one number per row all the way, wide and narrow',
    rows: 4,
    cols: 600,
    inputs: [{ dtype: 'uint8', kind: 'row', data: [1, 2, 3, 4] }],
    outputs: ['float32', 'int32'],
    constants: [2],
    registers: 1,
    steps: [
      ['multiply', 'r0', 'x0', 'c0'],
      ['add', 'y0', 'r0', 'x0'],
      ['add', 'y1', 'y0', 'c0'],
    ],
  }),
  formulaCase({
    name: '400 registers',
    rows: 3,
    cols: 100,
    inputs: [full(randomIntegers(300, 1, -50, 50)), { dtype: 'float32', kind: 'column', data: randomIntegers(100, 2, -50, 50) }],
    outputs: ['float32'],
    registers: 400,
    steps: [...manySteps, ['add', 'y0', 'r399', 'r60']],
  }),
  formulaCase({
    name: 'constants only',
    rows: 5,
    cols: 5,
    inputs: [],
    outputs: ['float32', 'bool'],
    constants: [0.5],
    registers: 1,
    steps: [
      ['exp', 'r0', 'c0'],
      ['copy', 'y0', 'r0'],
      ['greater', 'y1', 'r0', 'c0'],
    ],
    epsilons: 1,
  }),
]

/** Enough work for several chunks. */
const large = formulaCase({
  name: 'three outputs of 200 x 1003',
  rows: 200,
  cols: 1003,
  inputs: [
    full(randomValues(200 * 1003, 1)),
    { dtype: 'float32', kind: 'row', data: randomValues(200, 2) },
    { dtype: 'uint8', kind: 'column', data: randomIntegers(1003, 3, 0, 256) },
  ],
  outputs: ['float32', 'float32', 'bool'],
  registers: 1,
  steps: [
    ['multiplyAdd', 'r0', 'x0', 'x2', 'x1'],
    ['sigmoid', 'y0', 'r0'],
    ['exp', 'y1', 'x0'],
    ['greater', 'y2', 'r0', 'x1'],
  ],
  epsilons: 300, // the argument of the sigmoid is up to 256, and its error counts in full on the left
})

export const cases: readonly KernelCase[] = [
  ...counted,
  ...edged,
  ...integers,
  ...singles,
  ...kinded,
  ...stored,
  ...storedIntegers,
  ...bytes,
  ...structural,
  large,
]
