// Initial values of parameters, with the formulas and defaults of Keras 3. They draw from the default generator, or, given a seed, from a
// generator of their own that starts anew at every call, so that equal seeds and shapes give equal values.
import { ShapeError, ValueError, wrongArgument } from '../errors.js'
import { castTo } from '../ops/cast.js'
import { Generator, random } from '../ops/random.js'
import { full, tensor } from '../tensor/creation.js'
import { checkDType } from '../tensor/dtype.js'
import { checkShape, type Shape, showShape, sizeOf } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { finite, notNegative, oneOf, positive } from './check.js'
import { orthonormalRows } from './orthogonal.js'
import { type Config, type Configurable, Registry, type Serialized } from './registry.js'

type FloatType = 'float32' | 'float64'

/** Makes the initial value of a parameter. */
export abstract class Initializer implements Configurable {
  abstract readonly className: string
  abstract getConfig(): Config
  /** A tensor of `shape`. */
  abstract apply(shape: Shape, dtype?: FloatType): Tensor
}

export interface Seeded {
  /** Seed of a generator of its own; by default values come from the default generator (see `setSeed`). */
  seed?: number | null
}

function generatorOf(fn: string, seed: number | null | undefined): () => Generator {
  if (seed === null || seed === undefined) return () => random
  if (!Number.isSafeInteger(seed)) throw new ValueError(wrongArgument(fn, 'seed', 'a safe integer', seed))
  return () => new Generator(seed)
}

class Drawn extends Initializer {
  constructor(
    readonly className: string,
    private readonly config: Config,
    private readonly draw: (shape: Shape, dtype: FloatType) => Tensor,
  ) {
    super()
  }
  getConfig(): Config {
    return this.config
  }
  apply(shape: Shape, dtype: FloatType = 'float32'): Tensor {
    checkDType(this.className, dtype)
    return castTo(this.draw(checkShape(this.className, shape), dtype), dtype)
  }
}

/**
 * Fan-in and fan-out as Keras counts them: a matrix [in, out]; a convolution kernel [...window, in, out], each times the window's size; a
 * vector counts its length for both.
 */
export function fans(shape: Shape): [fanIn: number, fanOut: number] {
  if (shape.length < 1) return [1, 1]
  if (shape.length === 1) return [shape[0] as number, shape[0] as number]
  const window = sizeOf(shape.slice(0, -2))
  return [(shape[shape.length - 2] as number) * window, (shape[shape.length - 1] as number) * window]
}

/** Standard deviation of a standard normal variable truncated at ±2. */
const truncatedDeviation = 0.8796256610342398

const modes = ['fanIn', 'fanOut', 'fanAvg'] as const
const distributions = ['uniform', 'truncatedNormal', 'normal'] as const

interface Scaling {
  readonly scale: number
  readonly mode: (typeof modes)[number]
  readonly distribution: (typeof distributions)[number]
}

/** Variance scale / fan: uniform on ±√(3·variance), or a normal, truncated at two deviations and widened to keep the variance. */
function scaled(name: string, { scale, mode, distribution }: Scaling, seed: number | null, config: Config): Initializer {
  const generator = generatorOf(name, seed)
  return new Drawn(name, config, (shape) => {
    const [fanIn, fanOut] = fans(shape)
    const fan = Math.max(1, mode === 'fanIn' ? fanIn : mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2)
    const deviation = Math.sqrt(scale / fan)
    const limit = Math.sqrt(3) * deviation
    if (distribution === 'uniform') return generator().uniform(shape, -limit, limit)
    if (distribution === 'normal') return generator().normal(shape, 0, deviation)
    return generator().truncatedNormal(shape, 0, deviation / truncatedDeviation)
  })
}

export const initializerRegistry = new Registry<Initializer>('initializer')

function scaling(name: string, scale: number, mode: Scaling['mode'], distribution: Scaling['distribution']) {
  return initializerRegistry.register(name, ({ seed = null }: Seeded) =>
    scaled(name, { scale, mode, distribution }, seed, { seed }),
  )
}

/** All zeros. */
export const zeros = initializerRegistry.register(
  'zeros',
  (_: object) => new Drawn('zeros', {}, (shape, dtype) => full(shape, 0, dtype)),
)
/** All ones. */
export const ones = initializerRegistry.register(
  'ones',
  (_: object) => new Drawn('ones', {}, (shape, dtype) => full(shape, 1, dtype)),
)
/** One value everywhere (default 0). */
export const constant = initializerRegistry.register('constant', ({ value = 0 }: { value?: number }) => {
  finite('constant', 'value', value)
  return new Drawn('constant', { value }, (shape, dtype) => full(shape, value, dtype))
})
/** Uniform in [minval, maxval), by default ±0.05. */
export const randomUniform = initializerRegistry.register(
  'randomUniform',
  ({ minval = -0.05, maxval = 0.05, seed = null }: Seeded & { minval?: number; maxval?: number }) => {
    finite('randomUniform', 'minval', minval)
    finite('randomUniform', 'maxval', maxval)
    const generator = generatorOf('randomUniform', seed)
    return new Drawn('randomUniform', { minval, maxval, seed }, (shape) => generator().uniform(shape, minval, maxval))
  },
)

export interface NormalOptions extends Seeded {
  /** Default 0. */
  mean?: number
  /** Standard deviation (default 0.05). */
  stddev?: number
}

/** Normal with mean 0 and standard deviation 0.05 by default. */
export const randomNormal = initializerRegistry.register(
  'randomNormal',
  ({ mean = 0, stddev = 0.05, seed = null }: NormalOptions) => {
    finite('randomNormal', 'mean', mean)
    notNegative('randomNormal', 'stddev', stddev)
    const generator = generatorOf('randomNormal', seed)
    return new Drawn('randomNormal', { mean, stddev, seed }, (shape) => generator().normal(shape, mean, stddev))
  },
)
/** Normal, values beyond two standard deviations redrawn; not widened, so its deviation is 0.88·stddev. */
export const truncatedNormal = initializerRegistry.register(
  'truncatedNormal',
  ({ mean = 0, stddev = 0.05, seed = null }: NormalOptions) => {
    finite('truncatedNormal', 'mean', mean)
    notNegative('truncatedNormal', 'stddev', stddev)
    const generator = generatorOf('truncatedNormal', seed)
    return new Drawn('truncatedNormal', { mean, stddev, seed }, (shape) => generator().truncatedNormal(shape, mean, stddev))
  },
)
/** Variance scale / fan, fan being fan-in (default), fan-out or their mean. */
export const varianceScaling = initializerRegistry.register(
  'varianceScaling',
  ({
    scale = 1,
    mode = 'fanIn',
    distribution = 'truncatedNormal',
    seed = null,
  }: Seeded & { scale?: number; mode?: Scaling['mode']; distribution?: Scaling['distribution'] }) => {
    positive('varianceScaling', 'scale', scale)
    oneOf('varianceScaling', 'mode', mode, modes)
    oneOf('varianceScaling', 'distribution', distribution, distributions)
    return scaled('varianceScaling', { scale, mode, distribution }, seed, { scale, mode, distribution, seed })
  },
)
/** Uniform on ±√(6 / (fanIn + fanOut)). Glorot and Bengio 2010. */
export const glorotUniform = scaling('glorotUniform', 1, 'fanAvg', 'uniform')
/** Truncated normal of variance 2 / (fanIn + fanOut). Glorot and Bengio 2010. */
export const glorotNormal = scaling('glorotNormal', 1, 'fanAvg', 'truncatedNormal')
/** Uniform on ±√(6 / fanIn). He et al. 2015. */
export const heUniform = scaling('heUniform', 2, 'fanIn', 'uniform')
/** Truncated normal of variance 2 / fanIn. He et al. 2015. */
export const heNormal = scaling('heNormal', 2, 'fanIn', 'truncatedNormal')
/** Uniform on ±√(3 / fanIn). LeCun et al. 1998. */
export const lecunUniform = scaling('lecunUniform', 1, 'fanIn', 'uniform')
/** Truncated normal of variance 1 / fanIn. LeCun et al. 1998. */
export const lecunNormal = scaling('lecunNormal', 1, 'fanIn', 'truncatedNormal')

/** A random orthogonal matrix times `gain`: as [all but last, last], the shorter side is orthonormal. Saxe et al. 2014. */
export const orthogonal = initializerRegistry.register('orthogonal', ({ gain = 1, seed = null }: Seeded & { gain?: number }) => {
  finite('orthogonal', 'gain', gain)
  const generator = generatorOf('orthogonal', seed)
  return new Drawn('orthogonal', { gain, seed }, (shape, dtype) => {
    if (shape.length < 2) throw new ShapeError(`orthogonal: the shape must have at least 2 axes, got ${showShape(shape)}`)
    const columns = shape[shape.length - 1] as number
    const rows = columns === 0 ? 0 : sizeOf(shape) / columns
    const draws = generator()
      .normal([rows * columns])
      .dataSync()
    return tensor(orthonormalRows(draws, rows, columns, gain), shape, dtype)
  })
})

/** An initializer by name, made by its factory, or in saved form. */
export type InitializerLike = InitializerName | Initializer | Serialized
/** Names of the initializers. */
export type InitializerName =
  | 'zeros'
  | 'ones'
  | 'constant'
  | 'randomUniform'
  | 'randomNormal'
  | 'truncatedNormal'
  | 'varianceScaling'
  | 'glorotUniform'
  | 'glorotNormal'
  | 'heUniform'
  | 'heNormal'
  | 'lecunUniform'
  | 'lecunNormal'
  | 'orthogonal'

/** The initializer of that name, or the given one. */
export function getInitializer(fn: string, value: InitializerLike): Initializer {
  return initializerRegistry.resolve(fn, value)
}
