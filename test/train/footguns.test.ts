// What goes wrong around a model in training: batches that do not come out even, a bad label half way, flags that change between calls.
import { describe, expect, it } from 'vitest'
import type * as st from '../../lib/index.js'
import { bits, smallModel, twoClasses } from './problem.js'

const { x, y } = twoClasses()
const options = { verbose: 0, batchSize: 16, shuffle: false } as const

/** The small model, running op by op. */
function eagerModel(): st.Sequential {
  const model = smallModel()
  model.runEagerly = true
  return model
}

describe('fit', () => {
  it.each([40, 95, 1000])('takes batches of %i of 96 samples, the short last one as it is', async (batchSize) => {
    const [recorded, eager] = [smallModel(), eagerModel()]
    const histories = []
    for (const model of [recorded, eager]) {
      const { history } = await model.fit(x, y, { ...options, batchSize, epochs: 3, shuffle: true, seed: 2 })
      histories.push(history)
    }
    expect(bits(recorded)).toEqual(bits(eager))
    expect(histories[0]).toEqual(histories[1])
  })

  it('rejects for a bad label in the middle, with the weights of the batches before it', async () => {
    const [model, other] = [smallModel(), smallModel()]
    const labels = Int32Array.from(y.dataSync())
    labels[70] = 9 // in the fifth batch
    await expect(model.fit(x, labels, options)).rejects.toThrow(/index 9 at position 6 must be in \[0, 2\)/)
    await other.fit(x.slice(0, 64), y.slice(0, 64), options)
    expect(bits(model)).toEqual(bits(other))
  })

  it.each([Number.NaN, 0.5])('rejects for labels that are no class numbers: %d', async (label) => {
    for (const model of [smallModel(), eagerModel()]) {
      const before = bits(model)
      await expect(model.fit(x, new Float32Array(96).fill(label), options)).rejects.toThrow(
        /^sparseCategoricalCrossentropy: the index at position 0 must be a whole number in \[0, 2\)$/,
      )
      if (!model.runEagerly) expect(bits(model)).toEqual(before)
      await expect(model.fit(x, new Float32Array(96).fill(label), { ...options, classWeight: { 0: 1, 1: 2 } })).rejects.toThrow(
        /must be a whole number/,
      )
    }
  })

  it('takes class numbers that are floats', async () => {
    const [model, other] = [smallModel(), smallModel()]
    await model.fit(x, y.cast('float32'), options)
    await other.fit(x, y, options)
    expect(bits(model)).toEqual(bits(other))
  })

  it('updates a layer no more that is frozen between two calls, and again when it is freed', async () => {
    const [recorded, eager] = [smallModel(), eagerModel()]
    for (const model of [recorded, eager]) {
      const [hidden] = model.layers as [st.Layer]
      await model.fit(x, y, options)
      const before = bits(hidden)
      hidden.trainable = false
      await model.fit(x, y, options)
      expect(bits(hidden)).toEqual(before)
      hidden.trainable = true
      await model.fit(x, y, options)
      expect(bits(hidden)).not.toEqual(before)
    }
    expect(bits(recorded)).toEqual(bits(eager))
  })
})
