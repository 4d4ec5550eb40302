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

export const slot = (w: Float32Array): Slot => ({ w, g: new Float32Array(w.length) })

/** A buffer made at its first use (inference needs no gradients). */
export function lazy(length: number): () => Float32Array {
  let buffer: Float32Array | undefined
  return () => {
    buffer ??= new Float32Array(length)
    return buffer
  }
}

export function addBias(y: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < y.length; ) for (let j = 0; j < bias.length; j++) y[i++] += bias[j] as number
}

export function biasGradient(dy: Float32Array, g: Float32Array): void {
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
  const dxs = lazy(first ? 0 : batch * inputs)
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
      const dx = dxs()
      if (!first) matmul(dx, { data: dy, row: units, column: 1 }, { data: k.w, row: 1, column: units }, batch, inputs, units)
      return dx
    },
  }
}

/** 2 × 2 maxima of [batch, size, size, channels], size even. */
export function maxPool(batch: number, size: number, channels: number): Layer {
  const half = size / 2
  const y = new Float32Array(batch * half * half * channels)
  const where = new Int32Array(y.length)
  const dxs = lazy(4 * y.length)
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
      const dx = dxs()
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

/** Means over the pixels of [batch, pixels, channels]. */
export function globalPool(batch: number, pixels: number, channels: number): Layer {
  const y = new Float32Array(batch * channels)
  const dxs = lazy(batch * pixels * channels)
  return {
    slots: [],
    forward(x) {
      y.fill(0)
      for (let n = 0, i = 0; n < batch; n++)
        for (let p = 0; p < pixels; p++) for (let c = 0; c < channels; c++) y[n * channels + c] += (x[i++] as number) / pixels
      return y
    },
    backward(dy) {
      const dx = dxs()
      for (let n = 0, i = 0; n < batch; n++)
        for (let p = 0; p < pixels; p++) for (let c = 0; c < channels; c++) dx[i++] = (dy[n * channels + c] as number) / pixels
      return dx
    },
  }
}

/** body(x) + shortcut(x); an empty shortcut is x itself. Layers of the body leave x as it is. */
export function residual(body: Layer[], shortcut: Layer[]): Layer {
  const sum = (into: Float32Array, other: Float32Array): Float32Array => {
    for (let i = 0; i < into.length; i++) into[i] += other[i] as number
    return into
  }
  const forward = (layers: Layer[], x: Float32Array): Float32Array => layers.reduce((h, layer) => layer.forward(h), x)
  const backward = (layers: Layer[], dy: Float32Array): Float32Array => layers.reduceRight((d, layer) => layer.backward(d), dy)
  return {
    slots: [...body, ...shortcut].flatMap(({ slots }) => slots),
    forward: (x) => sum(forward(body, x), forward(shortcut, x)),
    backward: (dy) => sum(backward(body, dy), backward(shortcut, dy)),
  }
}
