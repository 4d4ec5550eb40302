// The gradient of max-pooling of 2 × 2, a value per window, straight into what reads it spread over the pixels: the gradients of a convolution
// by Winograd and the sum that is the gradient of its bias. They spread it while they load it, and the image never lies in memory. The same bits.
import { kernelNamed } from '../../dispatch.js'
import { dtypes } from '../../tensor/dtype.js'
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { isTiled, poolsByTwo } from './convolution.js'
import { changesBetween, readersOf, samePlace } from './readers.js'

const kernels = {
  input: kernelNamed('conv2dBackwardInputFused'),
  kernel: kernelNamed('conv2dBackwardKernelPooled'),
  sum: kernelNamed('sumPooled'),
}
/** Channels that the kernel sums in whole pixels. */
const summed = (channels: number): boolean => channels > 1 && channels <= 1024

/** Whether a row is a gradient of a convolution by Winograd that made the image, which it reads as its operand number `at`. */
function readsGradient(row: RecordedRow, at: number, dx: Tensor, image: readonly number[]): boolean {
  const { inputs, args } = row
  const made = [0, 7, 8, 6].every((position, i) => args[position] === image[i])
  const other = inputs[1 - at] as Tensor
  return made && isTiled(row) && samePlace(inputs[at] as Tensor, dx) && other.storage !== dx.storage
}

/** A reader of the image `dx` as a reader of the windows; null if there is no kernel for it. */
function readsWindows(row: RecordedRow, dx: Tensor, image: readonly number[], spread: RecordedRow): RecordedRow | null {
  const { kernel, twin, inputs, args } = row
  const [dy, where] = spread.inputs as [Tensor, Tensor]
  if (twin) return null
  if (kernel.name === 'conv2dBackwardInput' && readsGradient(row, 0, dx, image))
    return { ...row, kernel: kernels.input, inputs: [dy, inputs[1] as Tensor, where], args: [...args, 1, 0, 0] }
  if (kernel.name === 'conv2dBackwardKernel' && readsGradient(row, 1, dx, image))
    return { ...row, kernel: kernels.kernel, inputs: [inputs[0] as Tensor, dy, where] }
  const [batch, height, width, channels] = image as [number, number, number, number]
  const sum = [0, 1, batch * height * width, channels, dtypes.float32.code]
  if (kernel.name !== 'reduce' || !samePlace(inputs[0] as Tensor, dx) || !summed(channels)) return null
  return sum.every((word, i) => args[i] === word) ? { ...row, kernel: kernels.sum, inputs: [dy, where], args: image } : null
}

export function spreadAtLoad(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const readers = readersOf(rows)
  const result: (RecordedRow | null)[] = [...rows]
  rows.forEach((spread, i) => {
    const [dx] = spread.outputs
    if (spread.kernel.name !== 'maxPool2dBackward' || spread.twin || !dx || !isTemporary(dx.storage)) return
    // Batch, height, width and channels.
    const image = spread.args.slice(0, 4)
    const places = readers.get(dx.storage) ?? []
    if (!poolsByTwo(spread) || places.length === 0) return
    const moved = places.map((at) =>
      changesBetween(rows, i, at, spread.inputs) ? null : readsWindows(rows[at] as RecordedRow, dx, image, spread),
    )
    if (moved.includes(null)) return
    result[i] = null
    for (const [k, at] of places.entries()) result[at] = moved[k] as RecordedRow
  })
  return result.filter((row) => row !== null)
}
