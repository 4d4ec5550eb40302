// Channels first or last. Everything computes channels-last; 'channelsFirst' is a transpose before and after.
import { transpose } from '../../ops/shape-ops.js'
import type { Tensor } from '../../tensor/tensor.js'
import { oneOf } from '../check.js'
import type { BatchShape } from '../layer.js'

/** Where images have their channels: [batch, height, width, channels] or [batch, channels, height, width]. */
export type DataFormat = 'channelsLast' | 'channelsFirst'

export function checkFormat(fn: string, value: DataFormat | undefined): DataFormat {
  return oneOf(fn, 'dataFormat', value ?? 'channelsLast', ['channelsLast', 'channelsFirst'])
}

/** Runs `compute` on images brought to channels-last, and its result back. */
export function inChannelsLast(format: DataFormat, x: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  return format === 'channelsLast' ? compute(x) : transpose(compute(transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2])
}

/** [batch, height, width, channels] of an image shape in `format`; undefined if it has not 4 axes or an unknown size. */
export function imageShape(format: DataFormat, shape: BatchShape): [number | null, number, number, number] | undefined {
  if (shape.length !== 4 || shape.slice(1).includes(null)) return undefined
  const [batch, a, b, c] = shape as [number | null, number, number, number]
  return format === 'channelsLast' ? [batch, a, b, c] : [batch, b, c, a]
}

/** The reverse: an image shape in `format`. */
export function formatShape(
  format: DataFormat,
  [batch, height, width, channels]: readonly [number | null, number, number, number],
): BatchShape {
  return format === 'channelsLast' ? [batch, height, width, channels] : [batch, channels, height, width]
}
