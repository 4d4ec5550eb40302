// Convolution in plain JavaScript: NHWC · HWIO through the patches of one image at a time (they stay in cache), forward and backward.
// Invariant: patches of pixels outside the image are zeros, written once and never again.
import { type ConvSpec, outputSize, padBefore } from '../support/network.js'
import { matmul } from './matmul.js'
import { addBias, biasGradient, type Layer, lazy, type Slot, slot } from './plain-layers.js'

type Visit = (patch: number, pixel: number, length: number) => void

/** Walks the rows of pixels each patch consists of: (position in patches, position in the image, length), padding left out. */
function rowsOf(spec: ConvSpec, size: number): (visit: Visit) => void {
  const { kernel, channels, stride } = spec
  const [out, before, depth] = [outputSize(spec, size), padBefore(spec, size), kernel * kernel * channels]
  return (visit) => {
    for (let p = 0; p < out * out; p++) {
      const [top, left] = [Math.floor(p / out) * stride - before, (p % out) * stride - before]
      const [skip, width] = [Math.max(0, -left), Math.min(kernel, size - left)]
      for (let k = Math.max(0, -top); k < Math.min(kernel, size - top); k++) {
        const patch = p * depth + (k * kernel + skip) * channels
        visit(patch, ((top + k) * size + left + skip) * channels, (width - skip) * channels)
      }
    }
  }
}

/** A convolution of [batch, size, size, channels]; `first`: the gradient of its input is not needed. */
export function convolution(
  batch: number,
  size: number,
  spec: ConvSpec,
  kernel: Float32Array,
  bias: Float32Array | null,
  first: boolean,
): Layer {
  const { filters, channels } = spec
  const [pixels, depth, image] = [outputSize(spec, size) ** 2, spec.kernel ** 2 * channels, size * size * channels]
  const k = slot(kernel)
  const b = bias ? slot(bias) : undefined
  const [patches, gradients] = [new Float32Array(pixels * depth), lazy(pixels * depth)]
  const [y, yImage] = [new Float32Array(batch * pixels * filters), new Float32Array(pixels * filters)]
  const dxs = lazy(first ? 0 : batch * image)
  const rows = rowsOf(spec, size)
  let x: Float32Array = y
  const gather = (n: number): void =>
    rows((patch, pixel, length) => {
      for (let c = 0; c < length; c++) patches[patch + c] = x[n * image + pixel + c] as number
    })
  const scatter = (n: number, from: Float32Array, dx: Float32Array): void =>
    rows((patch, pixel, length) => {
      for (let c = 0; c < length; c++) dx[n * image + pixel + c] += from[patch + c] as number
    })
  return {
    slots: [k, b].filter((s): s is Slot => s !== undefined),
    forward(input) {
      x = input
      for (let n = 0; n < batch; n++) {
        gather(n)
        matmul(yImage, { data: patches, row: depth, column: 1 }, { data: k.w, row: filters, column: 1 }, pixels, filters, depth)
        y.set(yImage, n * pixels * filters)
      }
      if (b) addBias(y, b.w)
      return y
    },
    backward(dy) {
      const [dx, dPatches] = [dxs(), gradients()]
      dx.fill(0)
      for (let n = 0; n < batch; n++) {
        const dyImage = { data: dy, row: filters, column: 1, offset: n * pixels * filters }
        gather(n)
        matmul(k.g, { data: patches, row: 1, column: depth }, dyImage, depth, filters, pixels, n > 0)
        if (first) continue
        matmul(dPatches, dyImage, { data: k.w, row: 1, column: filters }, pixels, depth, filters)
        scatter(n, dPatches, dx)
      }
      if (b) biasGradient(dy, b.g)
      return dx
    },
  }
}
