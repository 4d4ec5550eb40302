// Batch normalization in plain JavaScript, over the last axis. Invariant: x̂ is kept for the backward pass, x is left as it is.
import { type Layer, lazy, slot } from './plain-layers.js'

const epsilon = 0.001

interface Statistics {
  mean: Float64Array
  inverse: Float64Array
}

/** Mean and 1 / √(variance + epsilon) of each channel. */
function statisticsOf(x: Float32Array, channels: number): Statistics {
  const [mean, inverse, rows] = [new Float64Array(channels), new Float64Array(channels), x.length / channels]
  for (let i = 0; i < x.length; ) for (let c = 0; c < channels; c++) mean[c] += (x[i++] as number) / rows
  for (let i = 0; i < x.length; )
    for (let c = 0; c < channels; c++) {
      const d = (x[i++] as number) - (mean[c] as number)
      inverse[c] += (d * d) / rows
    }
  for (let c = 0; c < channels; c++) inverse[c] = 1 / Math.sqrt((inverse[c] as number) + epsilon)
  return { mean, inverse }
}

/** γ·(x − mean) / √(variance + ε) + β of [rows, channels]; statistics of the batch in training, else those given. */
export function batchNorm(rows: number, weights: Float32Array[], training: boolean): Layer {
  const [gamma, beta, mean, variance] = weights as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [g, b, channels] = [slot(gamma), slot(beta), gamma.length]
  const given: Statistics = {
    mean: Float64Array.from(mean),
    inverse: Float64Array.from(variance, (v) => 1 / Math.sqrt(v + epsilon)),
  }
  const [y, hats, dxs] = [new Float32Array(rows * channels), lazy(rows * channels), lazy(rows * channels)]
  let now = given
  return {
    slots: [g, b],
    forward(x) {
      now = training ? statisticsOf(x, channels) : given
      const hat = training ? hats() : y
      for (let i = 0; i < x.length; )
        for (let c = 0; c < channels; c++, i++) {
          hat[i] = ((x[i] as number) - (now.mean[c] as number)) * (now.inverse[c] as number)
          y[i] = (hat[i] as number) * (g.w[c] as number) + (b.w[c] as number)
        }
      return y
    },
    backward(dy) {
      const [hat, dx] = [hats(), dxs()]
      g.g.fill(0)
      b.g.fill(0)
      for (let i = 0; i < dy.length; )
        for (let c = 0; c < channels; c++, i++) {
          g.g[c] += (dy[i] as number) * (hat[i] as number)
          b.g[c] += dy[i] as number
        }
      for (let i = 0; i < dy.length; )
        for (let c = 0; c < channels; c++, i++) {
          const centred = (dy[i] as number) - ((b.g[c] as number) + (hat[i] as number) * (g.g[c] as number)) / rows
          dx[i] = (g.w[c] as number) * (now.inverse[c] as number) * centred
        }
      return dx
    },
  }
}
