// The edge between data functions and tensors: arguments as tensors with rows, and rows taken from them.
// Invariant: nothing here writes to an argument.
import { misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { gather } from '../ops/gather.js'
import { type TensorLike, toTensor } from '../tensor/creation.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

/** An argument as a tensor of at least one axis, its first one being the samples. */
export function toSamples(fn: string, argument: string, value: TensorLike): Tensor {
  if (!(value instanceof Tensor) && !Array.isArray(value) && !ArrayBuffer.isView(value)) {
    throw new ValueError(wrongArgument(fn, argument, 'a tensor, nested arrays or a typed array', value))
  }
  const samples = toTensor(fn, value, undefined, argument)
  if (samples.rank === 0) throw new ShapeError(misfit(fn, argument, 'a tensor whose first axis is the samples', 'a scalar'))
  return samples
}

/** Number of samples. */
export function sampleCount(samples: Tensor): number {
  return samples.shape[0] as number
}

/** An argument as [samples, features]. */
export function toTable(fn: string, argument: string, value: TensorLike): Tensor {
  const table = toSamples(fn, argument, value)
  if (table.rank !== 2) {
    throw new ShapeError(misfit(fn, argument, 'of shape [samples, features]', showShape(table.shape), 'reshape it'))
  }
  return table
}

/** The elements of an argument that holds one integer per sample: [n], or [n, 1] as Keras stores labels. */
export function toLabels(fn: string, argument: string, value: TensorLike): Int32Array {
  const labels = toSamples(fn, argument, value)
  if (labels.size !== sampleCount(labels)) {
    throw new ShapeError(misfit(fn, argument, 'one label per sample, of shape [n] or [n, 1]', showShape(labels.shape)))
  }
  const data = labels.dataSync()
  const integers = Int32Array.from(data)
  const wrong = integers.findIndex((label, position) => label !== data[position])
  if (wrong >= 0) throw new ValueError(misfit(fn, argument, 'integers', `${data[wrong]} at position ${wrong}`))
  return integers
}

/** Refuses arrays with different numbers of samples. */
export function checkSameSamples(fn: string, x: Tensor, y: Tensor): void {
  if (sampleCount(x) !== sampleCount(y)) {
    throw new ShapeError(`${fn}: x and y must have equally many samples, got ${sampleCount(x)} and ${sampleCount(y)}`)
  }
}

/** The samples at these positions, in this order. */
export function takeSamples(samples: Tensor, positions: Int32Array): Tensor {
  return gather(samples, positions)
}
