// Random numbers from counter-based generators (Philox4x32-10, Salmon et al. 2011). A generator's whole state is one int32 variable, so a
// seed reproduces a run, a saved state resumes it, and results do not depend on the number of threads.
import { call, type Kernel, kernelNamed, unrecorded } from '../dispatch.js'
import { environment } from '../environment.js'
import { ValueError, wrongArgument } from '../errors.js'
import { tensor } from '../tensor/creation.js'
import type { DType } from '../tensor/dtype.js'
import { checkShape, type Shape } from '../tensor/shape.js'
import { emptyTensor, type Tensor, Variable } from '../tensor/tensor.js'

const kernels = {
  uniform: kernelNamed('randomUniform'),
  normal: kernelNamed('randomNormal'),
  truncatedNormal: kernelNamed('truncatedNormal'),
  bernoulli: kernelNamed('bernoulli'),
  integers: kernelNamed('randomInteger'),
  permutation: kernelNamed('permutation'),
}

/** float64 numbers come from the reference kernels: the same stream, slower. */
type FloatType = 'float32' | 'float64'

function finite(fn: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!Number.isFinite(value)) throw new ValueError(wrongArgument(fn, name, 'a finite number', value))
}

/** A stream of random numbers: key (the seed) and counter, kept in `state` as int32 [key low, key high, counter low, counter high]. */
export class Generator {
  readonly state: Variable

  /** @param seed a safe integer; the same seed gives the same stream */
  constructor(seed: number) {
    this.state = unrecorded(
      () => new Variable(tensor(stateOf('Generator', seed), [4], 'int32'), { trainable: false, name: 'random_state' }),
    )
  }

  /** Starts the stream of `seed` from its beginning. */
  setSeed(seed: number): void {
    this.state.assign(tensor(stateOf('setSeed', seed), [4], 'int32'))
  }

  /** Uniform in [low, high). */
  uniform(shape: Shape, low = 0, high = 1, dtype: FloatType = 'float32'): Tensor {
    finite('uniform', { low, high })
    return this.draw(kernels.uniform, dtype, checkShape('uniform', shape), [low, high])
  }

  /** Normal with the given mean and standard deviation. */
  normal(shape: Shape, mean = 0, std = 1, dtype: FloatType = 'float32'): Tensor {
    finite('normal', { mean, std })
    return this.draw(kernels.normal, dtype, checkShape('normal', shape), [mean, std])
  }

  /** Normal, redrawn where further than two standard deviations from the mean. */
  truncatedNormal(shape: Shape, mean = 0, std = 1, dtype: FloatType = 'float32'): Tensor {
    finite('truncatedNormal', { mean, std })
    return this.draw(kernels.truncatedNormal, dtype, checkShape('truncatedNormal', shape), [mean, std])
  }

  /** 1 with probability p, else 0. */
  bernoulli(shape: Shape, p = 0.5, dtype: FloatType = 'float32'): Tensor {
    if (!(p >= 0 && p <= 1)) throw new ValueError(wrongArgument('bernoulli', 'p', 'a probability in [0, 1]', p))
    return this.draw(kernels.bernoulli, dtype, checkShape('bernoulli', shape), [p])
  }

  /** int32, uniform in [low, high). */
  integers(shape: Shape, low: number, high: number): Tensor {
    if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high || low < -(2 ** 31) || high > 2 ** 31) {
      throw new ValueError(`integers: low and high must be int32 with low < high, got ${low} and ${high}`)
    }
    return this.draw(kernels.integers, 'int32', checkShape('integers', shape), [low, high])
  }

  /** The integers 0 … n − 1 in random order, int32. */
  permutation(n: number): Tensor {
    return this.draw(kernels.permutation, 'int32', checkShape('permutation', [n]), [])
  }

  private draw(kernel: Kernel, dtype: DType, shape: Shape, args: readonly number[]): Tensor {
    const out = emptyTensor(dtype, shape)
    call(kernel, dtype === 'float64', [out, this.state], [], [out.size, ...args])
    this.state.touch()
    return out
  }
}

function stateOf(fn: string, seed: number): number[] {
  if (!Number.isSafeInteger(seed)) throw new ValueError(wrongArgument(fn, 'seed', 'a safe integer', seed))
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0, 0]
}

function firstSeed(): number {
  const text = environment('STEEPEST_SEED')
  if (text === undefined) return Date.now()
  const seed = Number(text)
  if (!Number.isSafeInteger(seed)) throw new ValueError(`STEEPEST_SEED: it must be a safe integer, got '${text}'`)
  return seed
}

/** The default generator: initializers and dropout draw from it unless they are given one. */
export const random = new Generator(firstSeed())

/** Seeds the default generator: the same seed makes the same run. */
export function setSeed(seed: number): void {
  random.setSeed(seed)
}
