// One set of checks for every kind of layer: building, shapes, names and counts of parameters, configuration, state, gradients in float64,
// modes, a step of training, and wrong input.
import { expect, it } from 'vitest'
import {
  gradcheck,
  isGradEnabled,
  type Layer,
  layerFromConfig,
  losses,
  noGrad,
  optimizers,
  random,
  ShapeError,
  serializeLayer,
  setSeed,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js'
import { castTo } from '../../lib/ops/cast.js'
import { expectNear } from './golden.js'

/** What a kind of layer is expected to be. */
export interface LayerExpectation {
  /** Paths and shapes of the parameters. */
  parameters: Record<string, readonly number[]>
  /** Paths of the other state. */
  statistics?: readonly string[]
  /** Shape of the output for a batch of 3. */
  output: readonly number[]
  /** Input shapes that must be refused, batch axis included. */
  wrong: readonly (readonly number[])[]
  /** Makes an input (default: normal). */
  input?: (shape: readonly number[]) => Tensor
  /** Whether training mode is random: then it is checked in inference mode. */
  random?: boolean
}

type Factory = (options: never) => Layer
const batch = 3

/** Central differences of a loss with respect to a float64 variable of a layer, against its gradient. */
function checkParameterGradients(layer: Layer, x: Tensor): void {
  if (layer.parameters().length === 0) return
  const weights = tensor(
    Float64Array.from({ length: layer.forward(x).size }, (_, i) => Math.sin(i * 2.4 + 1) + 0.3),
    layer.forward(x).shape,
  )
  const loss = (): Tensor => sum(layer.forward(x).mul(weights))
  loss().backward()
  for (const [name, parameter] of layer.namedParameters()) {
    const found = Float64Array.from(parameter.grad?.dataSync() as ArrayLike<number>)
    const values = Float64Array.from(parameter.dataSync())
    const at = (i: number, value: number): number => {
      const moved = values.slice()
      moved[i] = value
      parameter.assign(tensor(moved, parameter.shape))
      return noGrad(() => loss().item())
    }
    const numeric = values.map((value, i) => (at(i, value + 1e-6) - at(i, value - 1e-6)) / 2e-6)
    parameter.assign(tensor(values, parameter.shape))
    parameter.grad = null
    expectNear(found, numeric, 1e-6, name, 1)
  }
}

/** Declares the tests of one kind of layer with one set of options. `shape` is that of one sample. */
export function runLayerTest(factory: Factory, options: object, shape: readonly number[], expected: LayerExpectation): void {
  const make = (more: object = {}): Layer => factory({ ...options, ...more } as never)
  const makeInput = (n = batch): Tensor => (expected.input ?? ((s) => random.normal(s)))([n, ...shape])
  const steady = (layer: Layer): Layer => (expected.random ? layer.eval() : layer)
  const wide = (x: Tensor): Tensor => (x.dtype === 'float32' ? castTo(x, 'float64') : x)

  it('is built by inputShape, or by its first input', () => {
    const [early, late] = [make({ inputShape: shape }), make()]
    expect(early.built).toBe(true)
    late.forward(makeInput())
    expect(late.built).toBe(true)
    const named = (layer: Layer): [string, readonly number[]][] =>
      layer.namedParameters().map(([name, { shape: s }]) => [name, s])
    expect(named(early)).toEqual(Object.entries(expected.parameters))
    expect(named(late)).toEqual(named(early))
    expect(early.parameters().every((parameter) => parameter.trainable && parameter.dtype === 'float32')).toBe(true)
  })

  it('has the output shape that it says, for any batch', () => {
    const layer = make({ inputShape: shape })
    expect(layer.computeOutputShape([null, ...shape])).toEqual([null, ...expected.output])
    for (const n of [batch, 1]) {
      const y = layer.forward(makeInput(n))
      expect(y.shape).toEqual([n, ...expected.output])
      expect(layer.computeOutputShape([n, ...shape])).toEqual(y.shape)
      expect(y.dtype).toBe('float32')
    }
  })

  it('takes an empty batch', () => {
    expect(make().forward(expected.input ? zeros([0, ...shape], 'int32') : zeros([0, ...shape])).shape).toEqual([
      0,
      ...expected.output,
    ])
  })

  it('goes through its saved form', () => {
    const layer = make({ inputShape: shape, name: 'some_name' })
    const saved = serializeLayer(layer)
    expect(JSON.parse(JSON.stringify(saved))).toEqual(saved)
    const copy = layerFromConfig(saved)
    expect(serializeLayer(copy)).toEqual(saved)
    expect(copy.constructor).toBe(layer.constructor)
  })

  it('goes through its state', () => {
    setSeed(11)
    const [layer, copy] = [make({ inputShape: shape }), make({ inputShape: shape })]
    expect(Object.keys(layer.state())).toEqual([...Object.keys(expected.parameters), ...(expected.statistics ?? [])])
    layer.train().forward(makeInput())
    copy.loadState(layer.state())
    const x = makeInput()
    expect(copy.forward(x).dataSync()).toEqual(layer.forward(x).dataSync())
    expect(() => copy.loadState({ nonsense: tensor(1) })).toThrow(/unknown nonsense/)
  })

  it('is frozen by trainable, before and after it is built', () => {
    const frozen = make({ trainable: false })
    frozen.forward(makeInput())
    expect(frozen.parameters().some((parameter) => parameter.trainable)).toBe(false)
    frozen.trainable = true
    expect(frozen.parameters().every((parameter) => parameter.trainable)).toBe(true)
    expect(frozen.parameters().length).toBe(Object.keys(expected.parameters).length)
  })

  it('has correct gradients', () => {
    const layer = steady(make({ dtype: 'float64' }))
    const x = wide(makeInput())
    layer.forward(x)
    checkParameterGradients(layer, x)
    if (!expected.input) gradcheck((input) => layer.forward(input), [x])
    expect(isGradEnabled()).toBe(true)
  })

  it('computes the same in float32 as in float64', () => {
    const [narrow, broad] = [steady(make({ inputShape: shape })), steady(make({ inputShape: shape, dtype: 'float64' }))]
    narrow.variables().forEach(([, variable], i) => {
      const other = (broad.variables()[i] as [string, typeof variable])[1]
      other.assign(other.dtype === 'float64' ? castTo(variable.detach(), 'float64') : variable.detach())
    })
    const x = makeInput()
    expectNear(narrow.forward(x).dataSync(), broad.forward(wide(x)).dataSync(), 1e-5)
  })

  it('inference is deterministic', () => {
    const layer = make().eval()
    const x = makeInput()
    expect(layer.training).toBe(false)
    expect(layer.forward(x).dataSync()).toEqual(layer.forward(x).dataSync())
  })

  if (Object.keys(expected.parameters).length > 0)
    it('learns', () => {
      const layer = make()
      const x = makeInput(8)
      const target = random.uniform([8, ...expected.output])
      const optimizer = optimizers.adam({ learningRate: 0.01 })
      const loss = (): Tensor => losses.meanSquaredError(target, layer.forward(x))
      const before = loss().item()
      for (let i = 0; i < 10; i++) {
        loss().backward()
        optimizer.step(layer.parameters())
      }
      expect(loss().item()).toBeLessThan(before)
    })

  it('refuses inputs that do not fit, and options it does not know', () => {
    const layer = make({ inputShape: shape, name: 'checked' })
    for (const wrong of expected.wrong) {
      expect(() => layer.forward(zeros(wrong)), `[${wrong}]`).toThrow(ShapeError)
      expect(() => layer.forward(zeros(wrong)), `[${wrong}]`).toThrow(/checked/)
    }
    expect(() => make({ unitz: 3 })).toThrow(/unknown option 'unitz'; it takes .*name/)
    expect(() => make({ name: '' })).toThrow(/'name'/)
    expect(() => make({ inputShape: [-1] })).toThrow(ShapeError)
    expect(() => make({ dtype: 'int32' })).toThrow(/'dtype'/)
    expect(() => make({ trainable: 1 })).toThrow(/'trainable'/)
  })
}
