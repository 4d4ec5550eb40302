// Transforms of batches for the loader: pixels to numbers, normalisation, and random shifts, flips and rotations of images.
// Invariant: randomness comes from the source that the loader hands over, so a batch of an epoch is the same in every run of a seed.
import { DTypeError, misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { affineSample } from '../ops/affine.js'
import { cast } from '../ops/cast.js'
import { pointwise } from '../ops/elementwise.js'
import { reshape } from '../ops/shape-ops.js'
import { tensor } from '../tensor/creation.js'
import { dtypes, isFloat } from '../tensor/dtype.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'
import { checkChoice, checkNumber, checkOptions } from './check.js'
import type { RandomSource } from './rng.js'

/**
 * Changes x of a batch, [batch, …]; what is random draws from `random`. The x it is given is freed afterwards, unless it is returned or
 * the result is a view of it: a transform that wants to keep x keeps a `clone()`.
 */
export type Transform = (x: Tensor, random: RandomSource) => Tensor

/** The transforms one after another. */
export function compose(...transforms: Transform[]): Transform {
  const wrong = transforms.find((transform) => typeof transform !== 'function')
  if (wrong !== undefined) throw new ValueError(wrongArgument('compose', 'transforms', 'functions of a tensor', wrong))
  return (x, random) => {
    let value = x
    for (const transform of transforms) {
      const changed = transform(value, random)
      if (value !== x) disposeUnlessShared(value, changed)
      value = changed
    }
    return value
  }
}

/** @internal Frees what a transform was given: a batch's memory then serves the next one, which is faster than fresh memory. */
export function disposeUnlessShared(given: Tensor, result: Tensor): void {
  if (result instanceof Tensor && result.storage !== given.storage) given.dispose()
}

// The divisor is a float32 operand, so that one pass reads bytes and writes floats.
const scaled = pointwise('toFloat', (x, largest) => x.div(largest))

/** Pixels to float32: uint8 divided by 255, other types as they are. */
export function toFloat(): Transform {
  return (x) => (x.dtype === 'uint8' ? scaled(x, tensor(255)) : cast(x, 'float32'))
}

const standardize = pointwise('normalize', (x, mean, deviation) => x.sub(mean).div(deviation))

/**
 * (x − mean) / std, for floating types.
 *
 * @param mean one number, or one per channel (the last axis)
 * @param std likewise, none of them 0
 */
export function normalize(mean: number | readonly number[], std: number | readonly number[]): Transform {
  const means = checkPerChannel('mean', mean)
  const deviations = checkPerChannel('std', std)
  if (deviations.includes(0)) throw new ValueError(wrongArgument('normalize', 'std', 'other than 0', 0))
  return (x) => {
    requireFloat('normalize', x)
    for (const list of [means, deviations]) {
      if (list.length > 1 && list.length !== x.shape.at(-1)) {
        throw new ShapeError(`normalize: x must have ${list.length} channels in its last axis, got ${showShape(x.shape)}`)
      }
    }
    return standardize(x, perChannel(means, x), perChannel(deviations, x))
  }
}

function checkPerChannel(name: string, value: number | readonly number[]): readonly number[] {
  const list = Array.isArray(value) ? (value as readonly number[]) : [value as number]
  if (list.length === 0) throw new ValueError(misfit('normalize', name, 'a number or one per channel', 'none'))
  return list.map((number) => checkNumber('normalize', name, number))
}

function perChannel(list: readonly number[], x: Tensor): Tensor {
  return tensor(dtypes[x.dtype].array.from(list), list.length === 1 ? [] : [list.length])
}

function requireFloat(fn: string, x: Tensor): void {
  if (!isFloat(x.dtype)) throw new DTypeError(misfit(fn, 'x', 'float32 or float64', x.dtype, 'put toFloat() before it'))
}

/** Options of `randomShift`. */
export interface RandomShiftOptions {
  /** Largest shift up or down as a share of the height. Default 0.1. */
  readonly heightFactor?: number
  /** Largest shift left or right as a share of the width. Default: heightFactor. */
  readonly widthFactor?: number
  /** Value of pixels from outside the image. Default 0. */
  readonly fillValue?: number
}

/** Shifts every image by a random distance in each direction (bilinear). Images: [batch, height, width] or [batch, height, width, channels]. */
export function randomShift(options: RandomShiftOptions = {}): Transform {
  checkOptions('randomShift', options, ['heightFactor', 'widthFactor', 'fillValue'])
  const vertical = checkNumber('randomShift', 'heightFactor', options.heightFactor ?? 0.1, 0, 1)
  const horizontal = checkNumber('randomShift', 'widthFactor', options.widthFactor ?? vertical, 0, 1)
  return affine('randomShift', options.fillValue, (height, width, random) => {
    const rows = random.uniform(-vertical, vertical) * height
    const columns = random.uniform(-horizontal, horizontal) * width
    return [1, 0, rows, 0, 1, columns]
  })
}

/** Directions of `randomFlip`. */
export type FlipMode = 'horizontal' | 'vertical' | 'horizontalAndVertical'

/** Mirrors every image with probability 1/2, in each direction of `mode`. Images as for `randomShift`. */
export function randomFlip(options: { readonly mode?: FlipMode } = {}): Transform {
  checkOptions('randomFlip', options, ['mode'])
  const mode = checkChoice('randomFlip', 'mode', options.mode ?? 'horizontal', [
    'horizontal',
    'vertical',
    'horizontalAndVertical',
  ])
  return affine('randomFlip', 0, (height, width, random) => {
    const upsideDown = random.uniform() < 0.5 && mode !== 'horizontal'
    const mirrored = random.uniform() < 0.5 && mode !== 'vertical'
    return [upsideDown ? -1 : 1, 0, upsideDown ? height - 1 : 0, 0, mirrored ? -1 : 1, mirrored ? width - 1 : 0]
  })
}

/** Options of `randomRotate`. */
export interface RandomRotateOptions {
  /** Largest angle either way as a share of a full turn: 0.05 is 18 degrees. Default 0.05. */
  readonly factor?: number
  /** Value of pixels from outside the image. Default 0. */
  readonly fillValue?: number
}

/** Rotates every image about its centre by a random angle (bilinear). Images as for `randomShift`. */
export function randomRotate(options: RandomRotateOptions = {}): Transform {
  checkOptions('randomRotate', options, ['factor', 'fillValue'])
  const factor = checkNumber('randomRotate', 'factor', options.factor ?? 0.05, 0, 1)
  return affine('randomRotate', options.fillValue, (height, width, random) => {
    const angle = random.uniform(-factor, factor) * 2 * Math.PI
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const [row, column] = [(height - 1) / 2, (width - 1) / 2]
    return [cos, sin, row - cos * row - sin * column, -sin, cos, column + sin * row - cos * column]
  })
}

/** Maps output positions (row, column, 1) to positions in the image: the rows of a 2 by 3 matrix. */
type AffineMap = readonly [number, number, number, number, number, number]

/** A transform that resamples every image under a map of its own. */
function affine(
  fn: string,
  fillValue: number | undefined,
  draw: (height: number, width: number, random: RandomSource) => AffineMap,
): Transform {
  const fill = checkNumber(fn, 'fillValue', fillValue ?? 0)
  return (x, random) => {
    requireFloat(fn, x)
    if (x.rank !== 3 && x.rank !== 4) {
      throw new ShapeError(
        misfit(fn, 'x', 'images [batch, height, width] or [batch, height, width, channels]', showShape(x.shape)),
      )
    }
    const [batch, height, width, channels = 1] = x.shape as readonly [number, number, number, number?]
    const maps = Array.from({ length: batch }, () => draw(height, width, random)).flat()
    const matrices = tensor(dtypes[x.dtype].array.from(maps), [batch, 6])
    return reshape(affineSample(reshape(x, [batch, height, width, channels]), matrices, fill), x.shape)
  }
}
