// Modules: how fields are found, names, modes, freezing, state; layers of one's own; activations by name.
import { describe, expect, it } from 'vitest'
import {
  activations,
  type BatchShape,
  type Config,
  DTypeError,
  Layer,
  type LayerOptions,
  layerFromConfig,
  layers,
  Module,
  optimizers,
  random,
  registerLayer,
  ShapeError,
  StateError,
  serializeLayer,
  setSeed,
  sum,
  type Tensor,
  tensor,
  ValueError,
  variable,
} from '../../lib/index.js'
import { activationNames } from '../../lib/nn/activations.js'

class Block extends Module {
  first = layers.dense({ units: 3, inputShape: [4], activation: 'relu' })
  drop = layers.dropout({ rate: 0.5, seed: 1 })
  forward(x: Tensor): Tensor {
    return this.drop.forward(this.first.forward(x))
  }
}

class Net extends Module {
  scale = variable([2])
  shift = variable([0], { trainable: false })
  blocks = [new Block(), [new Block()]] as const
  norm = layers.batchNormalization({ inputShape: [3] })
  shared: Module = this.norm
  note = 'not a variable'
  nothing = null
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.blocks[0].forward(x)).mul(this.scale).add(this.shift)
  }
}

describe('a module', () => {
  it('finds variables, generators and modules in fields and arrays, each once', () => {
    const net = new Net()
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'blocks.0.first.kernel',
      'blocks.0.first.bias',
      'blocks.1.0.first.kernel',
      'blocks.1.0.first.bias',
      'norm.gamma',
      'norm.beta',
    ])
    expect(
      net
        .variables()
        .map(([name]) => name)
        .filter((name) => !net.namedParameters().some(([known]) => known === name)),
    ).toEqual(['shift', 'blocks.0.drop.generator', 'blocks.1.0.drop.generator', 'norm.movingMean', 'norm.movingVariance'])
    expect(net.children().map(([name]) => name)).toEqual(['blocks.0', 'blocks.1.0', 'norm', 'shared'])
    expect(net.parameters().length).toBe(7)
  })
  it('survives cycles', () => {
    const net = new Net() as Net & { self?: Module }
    net.self = net
    expect(net.variables().length).toBe(12)
    expect(net.regularizationLoss()).toBeNull()
    net.eval()
    net.trainable = false
    expect(net.trainable).toBe(false)
  })
  it('sets the mode everywhere', () => {
    const net = new Net()
    expect(net.training).toBe(true)
    expect(net.eval()).toBe(net)
    expect([net.training, net.blocks[0].drop.training, net.norm.training]).toEqual([false, false, false])
    net.train()
    expect(net.blocks[1][0].drop.training).toBe(true)
  })
  it('is frozen as a whole or in part, and thawed without thawing statistics', () => {
    const net = new Net()
    net.blocks[0].trainable = false
    expect(net.parameters().filter((parameter) => !parameter.trainable).length).toBe(2)
    net.trainable = false
    expect(net.parameters().length).toBe(7)
    expect(net.parameters().some((parameter) => parameter.trainable)).toBe(false)
    net.trainable = true
    expect(net.parameters().every((parameter) => parameter.trainable)).toBe(true)
    expect([net.shift.trainable, net.norm.movingMean.trainable]).toEqual([false, false])
  })
  it('gives its state as copies and takes it back whole', () => {
    setSeed(2)
    const [a, b] = [new Net(), new Net()]
    a.forward(random.normal([5, 4]))
    const state = a.state()
    b.loadState(state)
    const x = random.normal([5, 4])
    expect(b.forward(x).dataSync()).toEqual(a.forward(x).dataSync())
    a.scale.assign(tensor([5]))
    expect(state.scale?.item()).toBe(2)
  })
  it('takes nothing of a state that does not fit', () => {
    const net = new Net()
    const before = net.scale.item()
    const wrong = { ...net.state(), scale: tensor([7]), 'norm.gamma': tensor([1, 2]) }
    expect(() => net.loadState(wrong)).toThrow(ShapeError)
    expect(() => net.loadState({ ...net.state(), scale: tensor([7]), more: tensor(1) })).toThrow(/unknown more/)
    const { shift: _, ...missing } = net.state()
    expect(() => net.loadState({ ...missing, scale: tensor([7]) })).toThrow(/missing shift/)
    const whole = { ...net.state(), scale: tensor([7], [1], 'int32') }
    expect(() => net.loadState(whole)).toThrow(DTypeError)
    expect(() => net.loadState(whole)).toThrow(/dtype float32, got int32/)
    expect(() => net.loadState(null as never)).toThrow(ValueError)
    expect(net.scale.item()).toBe(before)
  })
  it('that is not built yet has no variables to load', () => {
    const dense = layers.dense({ units: 2 })
    expect(() => dense.loadState({ kernel: tensor([[1, 2]]) })).toThrow(StateError)
    expect(dense.parameters()).toEqual([])
  })
  it('trains', () => {
    setSeed(3)
    const net = new Net()
    const optimizer = optimizers.sgd({ learningRate: 0.1 })
    const x = random.normal([20, 4])
    const loss = (): Tensor => net.forward(x).sub(1).square().mean()
    const first = loss().item()
    for (let i = 0; i < 30; i++) {
      loss().backward()
      optimizer.step(net.parameters())
    }
    expect(loss().item()).toBeLessThan(first)
  })
})

describe('batch normalization', () => {
  it('keeps running statistics in training, by Keras’ momentum and the biased variance', () => {
    const layer = layers.batchNormalization({ inputShape: [1], momentum: 0.9 })
    layer.forward(tensor([[1], [3]]))
    expect(layer.movingMean.item()).toBeCloseTo(0.2, 6)
    expect(layer.movingVariance.item()).toBeCloseTo(1, 6)
    expect(layer.forward(tensor([[1], [3]])).dataSync()[0]).toBeCloseTo(-1 / Math.sqrt(1.001), 5)
  })
  it('uses them in inference and when frozen, and leaves them', () => {
    const layer = layers.batchNormalization({ inputShape: [1] })
    layer.movingMean.assign(tensor([2]))
    layer.movingVariance.assign(tensor([3.999]))
    expect(
      layer
        .eval()
        .forward(tensor([[4]]))
        .item(),
    ).toBeCloseTo(1, 5)
    layer.train().trainable = false
    expect(layer.forward(tensor([[4]])).item()).toBeCloseTo(1, 5)
    expect(layer.movingMean.item()).toBe(2)
  })
})

/** Multiplies by a learned factor per feature. */
class Gain extends Layer {
  readonly className = 'testGain'
  declare gain: Tensor
  readonly start: number
  constructor(options: LayerOptions & { start?: number } = {}) {
    super('testGain', options)
    this.start = options.start ?? 1
    this.buildIfKnown()
  }
  override build(shape: BatchShape): void {
    this.gain = variable(new Float32Array(shape[shape.length - 1] as number).fill(this.start))
  }
  computeOutputShape(shape: BatchShape): BatchShape {
    return shape
  }
  call(x: Tensor): Tensor {
    return x.mul(this.gain)
  }
  override getConfig(): Config {
    return { ...super.getConfig(), start: this.start }
  }
}

describe('a layer of one’s own', () => {
  it('cannot be saved before it is registered, and can after', () => {
    const options = { inputShape: [2], start: 3 }
    expect(() => serializeLayer(new Gain(options))).toThrow(/'testGain' is not registered/)
    const gain = registerLayer('testGain', Gain)
    const copy = layerFromConfig(serializeLayer(gain(options)))
    expect(Array.from(copy.forward(tensor([[1, 2]])).dataSync())).toEqual([3, 6])
    expect(() => registerLayer('dense', Gain)).toThrow(/registered already/)
  })
  it('takes tensors only', () => {
    expect(() => layers.dense({ units: 1 }).forward([[1]] as never)).toThrow(/'x' must be a Tensor, got \[\[1\]\]; make one/)
  })
  it('is named and numbered by kind', () => {
    const [a, b] = [layers.reshape({ targetShape: [1] }), layers.reshape({ targetShape: [1] })]
    expect(a.name).toMatch(/^reshape(_\d+)?$/)
    expect(b.name).not.toBe(a.name)
  })
  it('from a file names a registered kind or nothing', () => {
    expect(() => layerFromConfig({ className: 'lambda', config: {} })).toThrow(/unknown layer 'lambda'; known are activation/)
    expect(() => layerFromConfig({ className: '__proto__', config: {} })).toThrow(ValueError)
    expect(() => layerFromConfig({ className: 'dense', config: { units: 2, code: 'x' } })).toThrow(/unknown option 'code'/)
  })
})

describe('activations', () => {
  it.each(activationNames)('%s: the function, the layer and a dense layer agree', (name) => {
    setSeed(4)
    const x = random.normal([3, 5])
    const y = activations[name](x).dataSync()
    expect(layers.activation({ activation: name }).forward(x).dataSync()).toEqual(y)
    const dense = layers.dense({
      units: 5,
      activation: name,
      inputShape: [5],
      kernelInitializer: 'orthogonal',
      biasInitializer: 'randomNormal',
    })
    const plain = layers.dense({ units: 5, inputShape: [5] })
    plain.loadState(dense.state())
    const [fused, separate] = [dense.forward(x).dataSync(), activations[name](plain.forward(x)).dataSync()]
    for (let i = 0; i < fused.length; i++) expect(fused[i]).toBeCloseTo(separate[i] as number, 6)
  })
  it('may be functions, which cannot be saved', () => {
    const dense = layers.dense({ units: 1, inputShape: [1], activation: (x) => x.mul(2), kernelInitializer: 'ones' })
    expect(dense.forward(tensor([[3]])).item()).toBe(6)
    expect(() => serializeLayer(dense)).toThrow(/config.activation is function activation and cannot be saved/)
  })
  it('unknown ones are refused with the known names', () => {
    expect(() => layers.dense({ units: 1, activation: 'rellu' as never })).toThrow(
      /unknown activation 'rellu'; known are elu, gelu/,
    )
    expect(() => layers.activation({} as never)).toThrow(/'activation' must be/)
    expect(() => layers.dense({} as never)).toThrow(/'units' must be a positive integer, got undefined/)
    expect(() => sum(layers.dense({ units: 1, activation: 3 as never }).forward(tensor([[1]])))).toThrow(ValueError)
  })
})
