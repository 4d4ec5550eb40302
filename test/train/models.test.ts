// Sequential and wrapped models: paths, summary, when they are built, what they are fed with.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { smallModel, twoClasses } from './problem.js'

const quiet = { verbose: 0 as const }
const { x, y } = twoClasses()

describe('models', () => {
  it('wrap any module, with its own paths', async () => {
    class Net extends st.Module {
      hidden = st.layers.dense({ units: 4, activation: 'tanh' })
      out = st.layers.dense({ units: 1, activation: 'sigmoid' })
      forward(input: st.Tensor): st.Tensor {
        return this.out.forward(this.hidden.forward(input))
      }
    }
    const net = new Net()
    const model = st.model(net)
    model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const { history } = await model.fit(x, y, { ...quiet, epochs: 40 })
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0])
    expect(model.namedParameters().map(([name]) => name)).toEqual(['hidden.kernel', 'hidden.bias', 'out.kernel', 'out.bias'])
    expect(st.model(model)).toBe(model)
  })

  it('print an aligned summary', () => {
    const lines: string[] = []
    smallModel().summary({ print: (line) => lines.push(line) })
    expect(lines).toEqual([
      'Layer                       Output shape   Parameters',
      '─────────────────────────────────────────────────────',
      'hidden (Dense)              [batch, 8]             24',
      'norm (BatchNormalization)   [batch, 8]             32',
      'drop (Dropout)              [batch, 8]              0',
      'output (Dense)              [batch, 2]             18',
      '─────────────────────────────────────────────────────',
      'Total parameters        74 (296 B)',
      'Trainable               58 (232 B)',
      'Not trainable           16 (64 B)',
    ])
  })

  it('build at the first input where no shape is given, and grow layer by layer', async () => {
    const model = st.sequential()
    model.add(st.layers.dense({ units: 3 }))
    expect(model.built).toBe(false)
    model.compile({ loss: 'meanSquaredError' })
    await model.predict(x)
    model.add(st.layers.dense({ units: 1 }))
    expect(model.outputShape).toEqual([null, 1])
    expect(() => model.add(model.layers[0])).toThrow(st.ValueError)
  })

  it('keep int32 for an embedding', async () => {
    const model = st.sequential([
      st.layers.embedding({ inputDim: 5, outputDim: 3 }),
      st.layers.flatten(),
      st.layers.dense({ units: 1 }),
    ])
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
    const tokens = st.tensor(
      Int32Array.from({ length: 16 }, (_, i) => i % 5),
      [8, 2],
    )
    await model.fit(tokens, st.zeros([8, 1]), quiet)
    expect((await model.predict(tokens)).shape).toEqual([8, 1])
  })
})
