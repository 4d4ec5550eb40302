// convAlgorithm: the error of Winograd against float64 in all three passes, and what asks for it wrongly.
import { describe, expect, test } from 'vitest'
import * as st from '../../lib/index.js'

type Values = Float32Array | Float64Array

interface Layer {
  batch: number
  size: number
  channels: number
  filters: number
  padding: number
}

const layers: Layer[] = [
  { batch: 4, size: 26, channels: 32, filters: 64, padding: 0 },
  { batch: 4, size: 32, channels: 16, filters: 16, padding: 1 },
  { batch: 4, size: 16, channels: 32, filters: 32, padding: 1 },
  { batch: 8, size: 8, channels: 64, filters: 64, padding: 1 },
]

/** y, dx and dw of one layer, for the same float32 values whatever the type. */
function passes(layer: Layer, dtype: 'float32' | 'float64', convAlgorithm: st.ConvAlgorithm): Values[] {
  const { batch, size, channels, filters, padding } = layer
  const random = new st.Generator(1)
  const output = size + 2 * padding - 2
  const [x, w, dy] = [
    [batch, size, size, channels],
    [3, 3, channels, filters],
    [batch, output, output, filters],
  ].map((shape) => random.normal(shape).cast(dtype)) as [st.Tensor, st.Tensor, st.Tensor]
  const convolve = (image: st.Tensor, kernel: st.Tensor) => st.conv2d(image, kernel, { padding, convAlgorithm })
  const { grads } = st.valueAndGrad((image, kernel) =>
    convolve(image as st.Tensor, kernel as st.Tensor)
      .mul(dy)
      .sum(),
  )(x, w)
  return [convolve(x, w), ...grads].map((tensor) => tensor.dataSync() as Values)
}

function largestError(actual: Values, exact: Values): number {
  let [error, largest] = [0, 0]
  exact.forEach((value, i) => {
    error = Math.max(error, Math.abs((actual[i] as number) - value))
    largest = Math.max(largest, Math.abs(value))
  })
  return error / largest
}

describe('Winograd', () => {
  for (const layer of layers) {
    const { size, channels, filters, padding } = layer
    test(`${channels}->${filters} ${size}x${size} pad ${padding}: errors are below 5e-6 of the largest value`, () => {
      const exact = passes(layer, 'float64', 'auto')
      passes(layer, 'float32', 'winograd').forEach((actual, i) => {
        expect(largestError(actual, exact[i] as Values), ['y', 'dx', 'dw'][i]).toBeLessThan(5e-6)
      })
    })
  }

  test('it is another computation than direct, and is what auto takes for many channels', () => {
    const layer = { batch: 4, size: 16, channels: 32, filters: 32, padding: 1 }
    const [direct, winograd, auto] = (['direct', 'winograd', 'auto'] as const).map((name) => passes(layer, 'float32', name))
    expect(direct).not.toEqual(winograd)
    expect(auto).toEqual(winograd)
  })
})

describe('the layer', () => {
  test('passes its algorithm on and saves it', () => {
    const layer = st.layers.conv2d({ filters: 4, kernelSize: 3, convAlgorithm: 'winograd' })
    expect(layer.getConfig()).toMatchObject({ convAlgorithm: 'winograd' })
    const x = new st.Generator(1).normal([1, 6, 6, 2])
    const y = layer.forward(x)
    expect(y.dataSync()).toEqual(st.conv2d(x, layer.kernel, { convAlgorithm: 'winograd' }).dataSync())
  })
})

describe('an image', () => {
  test.each([
    [4, 16, 64],
    [5, 16, 64],
    [4, 8, 64],
    [5, 1, 64],
    [9, 4, 64],
    [4, 4, 64],
    [5, 1, 16],
    [7, 1, 16],
    [4, 1, 3],
    [9, 1, 1],
  ])('of %i columns in %i groups with %i filters has the same bits alone and in a batch', (width, groups, filters) => {
    const random = new st.Generator(2)
    const images = random.normal([16, 6, width, 64])
    const kernel = random.normal([3, 3, 64 / groups, filters])
    const options = { padding: 'same', groups, convAlgorithm: 'direct' } as const
    const together = st.conv2d(images, kernel, options).dataSync()
    for (let i = 0; i < 16; i++) {
      const alone = st.conv2d(images.slice([i], [1]), kernel, options).dataSync()
      expect(alone).toEqual(together.slice(i * alone.length, (i + 1) * alone.length))
    }
  })
})
