// Geometry of sliding windows, shared by convolution and pooling: sizes, strides, padding as Keras computes them.
import { ShapeError, ValueError, wrongArgument } from '../errors.js'
import { type Shape, showShape } from '../tensor/shape.js'

/** 'valid': no padding; 'same': ⌈size / stride⌉ outputs, the odd element padded at the end; numbers: symmetric. */
export type Padding = 'valid' | 'same' | number | readonly [number, number]

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number]

/** What sizes, strides, dilations and padding are at most: every product of two of them is exact. */
const maxStep = 2 ** 31 - 1

/** [height, width] of a positive integer or a pair of them. */
export function pair(fn: string, argument: string, value: Pair): readonly [number, number] {
  const [height, width] = Array.isArray(value) ? (value as [number, number]) : [value as number, value as number]
  const wrong = Array.isArray(value) && value.length !== 2
  if (wrong || ![height, width].every((n) => Number.isInteger(n) && n >= 1 && n <= maxStep)) {
    throw new ValueError(wrongArgument(fn, argument, 'a positive integer below 2^31 or a pair of them', value))
  }
  return [height, width]
}

/** Number of window positions and padding before the first one, along one axis. `extent` is the window's size, dilation included. */
function along(
  size: number,
  extent: number,
  stride: number,
  padding: 'valid' | 'same' | number,
): [count: number, before: number] {
  if (padding === 'same') {
    const count = Math.ceil(size / stride)
    return [count, Math.floor(Math.max(0, (count - 1) * stride + extent - size) / 2)]
  }
  const around = padding === 'valid' ? 0 : padding
  return [Math.floor((size + 2 * around - extent) / stride) + 1, around]
}

/** Positions and leading padding of a window over [height, width]. */
export interface WindowGeometry {
  readonly outputs: readonly [number, number]
  readonly padding: readonly [number, number]
}

/** The geometry of a window that slides over the two middle axes of an NHWC shape. */
export function slide(
  fn: string,
  shape: Shape,
  size: readonly [number, number],
  strides: readonly [number, number],
  padding: Padding,
  dilation: readonly [number, number] = [1, 1],
): WindowGeometry {
  if (shape.length !== 4)
    throw new ShapeError(`${fn}: the input must have 4 axes [batch, height, width, channels], got ${showShape(shape)}`)
  const valid = padding === 'valid' || padding === 'same'
  const explicit = typeof padding === 'number' ? [padding, padding] : padding
  const fits = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0 && (n as number) <= maxStep
  if (!valid && !(Array.isArray(explicit) && explicit.length === 2 && explicit.every(fits))) {
    throw new ValueError(
      wrongArgument(fn, 'padding', "'valid', 'same', a non-negative integer below 2^31 or a pair of them", padding),
    )
  }
  const axes = [0, 1].map((i) => {
    const extent = ((size[i] as number) - 1) * (dilation[i] as number) + 1
    const [count, before] = along(
      shape[i + 1] as number,
      extent,
      strides[i] as number,
      valid ? (padding as 'valid' | 'same') : ((explicit as readonly number[])[i] as number),
    )
    if (count < 1 && (shape[i + 1] as number) > 0)
      throw new ShapeError(`${fn}: a window of ${extent} does not fit the ${i === 0 ? 'height' : 'width'} of ${showShape(shape)}`)
    return [Math.max(count, 0), before] as const
  }) as [readonly [number, number], readonly [number, number]]
  return { outputs: [axes[0][0], axes[1][0]], padding: [axes[0][1], axes[1][1]] }
}
