// The layers of the benchmark's networks in plain JavaScript over typed arrays, forward and backward.
// Invariant: buffers are made once per layer; a backward writes the gradients of its parameters and returns that of its input.
import { matmul } from './matmul.js'

/** A parameter and its gradient. */
export interface Slot {
  w: Float32Array
  g: Float32Array
}

export interface Layer {
  slots: Slot[]
  forward(x: Float32Array): Float32Array
  backward(dy: Float32Array): Float32Array
}

const slot = (w: Float32Array): Slot => ({ w, g: new Float32Array(w.length) })

function addBias(y: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < y.length; ) for (let j = 0; j < bias.length; j++) y[i++] += bias[j] as number
}

function biasGradient(dy: Float32Array, g: Float32Array): void {
  g.fill(0)
  for (let i = 0; i < dy.length; ) for (let j = 0; j < g.length; j++) g[j] += dy[i++] as number
}

/** x [batch, inputs] · kernel [inputs, units] + bias. */
export function dense(
  batch: number,
  inputs: number,
  units: number,
  kernel: Float32Array,
  bias: Float32Array,
  first = false,
): Layer {
  const [k, b] = [slot(kernel), slot(bias)]
  const y = new Float32Array(batch * units)
  const dx = new Float32Array(first ? 0 : batch * inputs)
  let x: Float32Array = y
  return {
    slots: [k, b],
    forward(input) {
      x = input
      matmul(y, { data: x, row: inputs, column: 1 }, { data: k.w, row: units, column: 1 }, batch, units, inputs)
      addBias(y, b.w)
      return y
    },
    backward(dy) {
      matmul(k.g, { data: x, row: 1, column: inputs }, { data: dy, row: units, column: 1 }, inputs, units, batch)
      biasGradient(dy, b.g)
      if (!first) matmul(dx, { data: dy, row: units, column: 1 }, { data: k.w, row: 1, column: units }, batch, inputs, units)
      return dx
    },
  }
}

/** 3 × 3 convolution, valid, NHWC · HWIO, through the patches of one image at a time (they stay in cache). */
export function conv3x3(
  batch: number,
  size: number,
  channels: number,
  filters: number,
  kernel: Float32Array,
  bias: Float32Array,
  first = false,
): Layer {
  const [k, b, out, depth] = [slot(kernel), slot(bias), size - 2, 9 * channels]
  const [pixels, image] = [out * out, size * size * channels]
  const patches = new Float32Array(pixels * depth)
  const y = new Float32Array(batch * pixels * filters)
  const yImage = new Float32Array(pixels * filters)
  const dx = new Float32Array(first ? 0 : batch * image)
  let x: Float32Array = y
  /** Walks the rows of three pixels each patch consists of: (position in patches, position in the image, length). */
  const rows = (n: number, visit: (patch: number, pixel: number, length: number) => void): void => {
    for (let p = 0; p < pixels; p++) {
      const [i, j] = [Math.floor(p / out), p % out]
      for (let kh = 0; kh < 3; kh++)
        visit(p * depth + kh * 3 * channels, n * image + ((i + kh) * size + j) * channels, 3 * channels)
    }
  }
  const gather = (patch: number, pixel: number, length: number): void => {
    for (let c = 0; c < length; c++) patches[patch + c] = x[pixel + c] as number
  }
  const scatter = (patch: number, pixel: number, length: number): void => {
    for (let c = 0; c < length; c++) dx[pixel + c] += patches[patch + c] as number
  }
  return {
    slots: [k, b],
    forward(input) {
      x = input
      for (let n = 0; n < batch; n++) {
        rows(n, gather)
        matmul(yImage, { data: patches, row: depth, column: 1 }, { data: k.w, row: filters, column: 1 }, pixels, filters, depth)
        y.set(yImage, n * pixels * filters)
      }
      addBias(y, b.w)
      return y
    },
    backward(dy) {
      dx.fill(0)
      for (let n = 0; n < batch; n++) {
        const dyImage = { data: dy, row: filters, column: 1, offset: n * pixels * filters }
        rows(n, gather)
        matmul(k.g, { data: patches, row: 1, column: depth }, dyImage, depth, filters, pixels, n > 0)
        if (first) continue
        matmul(patches, dyImage, { data: k.w, row: 1, column: filters }, pixels, depth, filters)
        rows(n, scatter)
      }
      biasGradient(dy, b.g)
      return dx
    },
  }
}

/** 2 × 2 maxima of [batch, size, size, channels], size even. */
export function maxPool(batch: number, size: number, channels: number): Layer {
  const half = size / 2
  const y = new Float32Array(batch * half * half * channels)
  const where = new Int32Array(y.length)
  const dx = new Float32Array(4 * y.length)
  return {
    slots: [],
    forward(x) {
      for (let o = 0, row = 0; row < batch * half; row++) {
        for (let j = 0; j < half; j++) {
          for (let c = 0; c < channels; c++, o++) {
            const at = (2 * row * size + 2 * j) * channels + c
            let best = at
            for (const next of [at + channels, at + size * channels, at + (size + 1) * channels])
              if ((x[next] as number) > (x[best] as number)) best = next
            where[o] = best
            y[o] = x[best] as number
          }
        }
      }
      return y
    },
    backward(dy) {
      dx.fill(0)
      for (let o = 0; o < dy.length; o++) dx[where[o] as number] = dy[o] as number
      return dx
    },
  }
}

/** max(x, 0), in place. */
export function relu(): Layer {
  let y: Float32Array = new Float32Array(0)
  return {
    slots: [],
    forward(x) {
      y = x
      for (let i = 0; i < x.length; i++) if ((x[i] as number) < 0) x[i] = 0
      return x
    },
    backward(dy) {
      for (let i = 0; i < dy.length; i++) if (y[i] === 0) dy[i] = 0
      return dy
    },
  }
}

/** Drops with probability `rate`, else divides by 1 - rate; in place. */
export function dropout(length: number, rate: number): Layer {
  const mask = new Float32Array(length)
  const times = (x: Float32Array): Float32Array => {
    for (let i = 0; i < length; i++) x[i] *= mask[i] as number
    return x
  }
  return {
    slots: [],
    forward(x) {
      for (let i = 0; i < length; i++) mask[i] = Math.random() < rate ? 0 : 1 / (1 - rate)
      return times(x)
    },
    backward: times,
  }
}
