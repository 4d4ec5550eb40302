// Which algorithm computes a float32 convolution. Decided when the operation is encoded, so that rows name their algorithm and its rounding
// does not change with how a program runs them.
import { ValueError, wrongArgument } from '../errors.js'
import { showShape } from '../tensor/shape.js'

/** How float32 convolutions are computed. */
export type ConvAlgorithm = 'auto' | 'direct' | 'winograd'

/** What a window does, each number per axis but `groups`. */
export interface ConvWindow {
  readonly kernelSize: readonly number[]
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly groups: number
}

/** How much there is to compute. */
export interface ConvWork {
  readonly batch: number
  readonly outputs: readonly number[]
  readonly channels: number
  readonly filters: number
  /** Whether gradients are off: then the kernel stays as it is, and programs transform it once for many runs. */
  readonly inference: boolean
}

const fitsWinograd = ({ kernelSize, strides, dilation, groups }: ConvWindow): boolean =>
  kernelSize.every((n) => n === 3) && [...strides, ...dilation, groups].every((n) => n === 1)

/** Throws where the name is unknown or 'winograd' cannot do the shape. */
export function checkAlgorithm(fn: string, algorithm: ConvAlgorithm, window: ConvWindow): void {
  if (!['auto', 'direct', 'winograd'].includes(algorithm))
    throw new ValueError(wrongArgument(fn, 'convAlgorithm', "'auto', 'direct' or 'winograd'", algorithm))
  if (algorithm !== 'winograd' || fitsWinograd(window)) return
  const { kernelSize, strides, dilation, groups } = window
  const shape = `kernel ${showShape(kernelSize)}, strides ${showShape(strides)}, dilation ${showShape(dilation)}, ${groups} group(s)`
  throw new ValueError(
    `${fn}: argument 'convAlgorithm' must be 'auto' or 'direct' unless the kernel is 3×3 with strides, dilation and groups of 1, ` +
      `got 'winograd' for ${shape}`,
  )
}

/**
 * Whether Winograd is faster. Per channel and filter, direct costs 9 multiplications a pixel; Winograd 36 a tile of 4 × 4 pixels, half as
 * much again for its transforms, and those of the kernel, which threads write once and read from each other: they are put at 1440, since
 * up to sixteen whole tiles the direct convolution was measured to be faster. In inference they count as nothing: in a recorded program
 * one to sixteen tiles take 0.4 to 1.05 of the direct convolution's time (8 × 8 × 64 two thirds), though an eager call of few tiles takes up
 * to 2.8 times as long. Below 16 channels or filters the transforms outweigh the products.
 */
function isFasterByWinograd({ batch, outputs, channels, filters, inference }: ConvWork): boolean {
  const [height, width] = outputs as [number, number]
  const tiles = batch * Math.ceil(height / 4) * Math.ceil(width / 4)
  return channels >= 16 && filters >= 16 && 9 * batch * height * width > 54 * tiles + (inference ? 0 : 1440)
}

/** Whether the convolution and its gradients are computed by Winograd; throws as `checkAlgorithm`. */
export function usesWinograd(fn: string, algorithm: ConvAlgorithm, window: ConvWindow, work: ConvWork): boolean {
  checkAlgorithm(fn, algorithm, window)
  return algorithm === 'winograd' || (algorithm === 'auto' && fitsWinograd(window) && isFasterByWinograd(work))
}
