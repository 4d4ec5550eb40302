// Cases of the random kernels. References come from a Philox written here with BigInt; the generator's known answers (Random123)
// are checked in random.test.ts.
import { type KernelCase, lengths } from '../harness.js'
import { philox } from '../philox.js'

type State = readonly [number, number, number, number]
const states: readonly State[] = [
  [1, 2, 0, 0],
  [-1, 12345, 7, -3],
  // The counter's low word overflows within the call.
  [99, -7, -3, 5],
]
const words = (state: State, count: number): number[] =>
  Array.from({ length: Math.ceil(count / 4) }, (_, b) => philox(state, b)).flat()

function advanced(state: State, blocks: number): number[] {
  const counter = (BigInt(state[3] >>> 0) << 32n) | BigInt(state[2] >>> 0)
  const next = BigInt.asUintN(64, counter + BigInt(blocks))
  return [state[0], state[1], Number(BigInt.asIntN(32, next)), Number(BigInt.asIntN(32, next >> 32n))]
}

const unit = (word: number) => (word >>> 8) / 2 ** 24

interface Options {
  dtype?: 'float32' | 'int32'
  wordsPerElement?: number
  epsilons?: number
  floor?: number
  wanted?: (words: number[]) => number[]
}

function random(kernel: string, count: number, rest: readonly number[], state: State, options: Options = {}): KernelCase {
  const { dtype = 'float32', wordsPerElement = 1, wanted } = options
  const blocks = Math.ceil((count * wordsPerElement) / 4)
  return {
    kernel,
    name: `${count} with ${rest} from ${state}`,
    args: [count, ...rest],
    outputs: [{ dtype, length: count }],
    inputs: [{ dtype: 'int32', data: state, written: true }],
    epsilons: options.epsilons ?? 0,
    floor: options.floor ?? 0,
    ...(wanted
      ? { reference: () => [wanted(words(state, count * wordsPerElement)).slice(0, count), advanced(state, blocks)] }
      : {}),
  }
}

function boxMuller(w: readonly number[]): number[] {
  return w.map((_, i) => {
    const radius = Math.sqrt(-2 * Math.log(unit(w[i & ~1]!) + 2 ** -24))
    const angle = 2 * Math.PI * unit(w[i | 1]!)
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle))
  })
}

function integers(w: readonly number[], low: number, high: number): number[] {
  return Array.from({ length: w.length / 2 }, (_, i) => {
    const bits = (BigInt(w[2 * i]! >>> 0) << 32n) | BigInt(w[2 * i + 1]! >>> 0)
    return low + Number((bits * BigInt(high - low)) >> 64n)
  })
}

function shuffled(w: readonly number[], n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = integers(w.slice(2 * i, 2 * i + 2), 0, i + 1)[0]!
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

const counts = [...lengths, 100, 40_001]

export const cases: readonly KernelCase[] = counts.flatMap((count, index) => {
  const state = states[index % states.length]!
  return [
    // low + u (high - low): three roundings at the size of the bounds.
    random('randomUniform', count, [-2, 3], state, {
      epsilons: 2,
      floor: 3,
      wanted: (w) => w.map((word) => -2 + unit(word) * 5),
    }),
    random('randomUniform', count, [0, 1], state, { wanted: (w) => w.map(unit) }),
    // Logarithm, root, sine and the products: about eight roundings, at radii up to 5.8.
    random('randomNormal', count, [0.5, 2], state, {
      epsilons: 8,
      floor: 4,
      wanted: (w) => boxMuller(w).map((z) => 0.5 + 2 * z),
    }),
    // Giles' polynomial is good to 3e-7 relative, two epsilons and a half; the slope at the ends is 9.
    random('truncatedNormal', count, [-1, 0.5], state, { epsilons: 12, floor: 2 }),
    random('bernoulli', count, [0.3], state, { wanted: (w) => w.map((word) => (word >>> 0 < 0.3 * 2 ** 32 ? 1 : 0)) }),
    random('bernoulli', count, [0], state, { wanted: (w) => w.map(() => 0) }),
    random('bernoulli', count, [1], state, { wanted: (w) => w.map(() => 1) }),
    random('randomInteger', count, [-5, 11], state, { dtype: 'int32', wordsPerElement: 2, wanted: (w) => integers(w, -5, 11) }),
    random('randomInteger', count, [-(2 ** 31), 2 ** 31], state, {
      dtype: 'int32',
      wordsPerElement: 2,
      wanted: (w) => integers(w, -(2 ** 31), 2 ** 31),
    }),
    random('permutation', count, [], state, { dtype: 'int32', wordsPerElement: 2, wanted: (w) => shuffled(w, count) }),
  ]
})
