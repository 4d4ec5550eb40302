// Optimizers against Keras: 20-step trajectories, then what a step does to gradients, frozen parameters, state and memory.
import { describe, expect, it } from 'vitest'
import {
  type Config,
  constraints,
  getOptimizer,
  layers,
  memory,
  type Optimizer,
  optimizers,
  random,
  type Serialized,
  StateError,
  schedules,
  setSeed,
  sum,
  type Tensor,
  tensor,
  ValueError,
  type Variable,
  variable,
} from '../../lib/index.js'
import { optimizerRegistry } from '../../lib/optimizers/index.js'
import { type GoldenCase, type GoldenTensor, readGolden } from '../golden/read.js'
import { expectNear } from '../nn/golden.js'

type Factory = (options: object) => Optimizer

/** The optimizer of a case; a schedule is stored with its name among its options. */
function build({ op, options }: GoldenCase): Optimizer {
  const { learningRate } = options as { learningRate?: { schedule: string } & Config }
  if (typeof learningRate !== 'object') return (optimizers[op as 'sgd'] as Factory)(options)
  const { schedule, ...config } = learningRate
  return (optimizers[op as 'sgd'] as Factory)({ ...options, learningRate: { className: schedule, config } })
}

const rows = ({ data, shape }: GoldenTensor, step: number): Float64Array => {
  const size = shape.slice(1).reduce((a, b) => a * b, 1)
  return Float64Array.from(data.slice(step * size, (step + 1) * size))
}

describe('trajectories of Keras', () => {
  const cases = readGolden('optimizers')
  it('cover every optimizer', () => {
    expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(optimizerRegistry.names)
  })
  // Each of 20 steps rounds the parameter once (2⁻²⁴ of it) and the update a few times; small changes of large weights set the scale.
  it.each(cases)('float32: $name', (golden) => {
    const optimizer = build(golden)
    const names = ['a', 'b'] as const
    const parameters = names.map((name) => {
      const { data, shape } = golden.inputs[name] as GoldenTensor
      return variable(tensor(Float32Array.from(data), shape))
    })
    for (let step = 0; step < 20; step++) {
      parameters.forEach((parameter, i) => {
        const gradients = golden.inputs[`${names[i]}Gradients`] as GoldenTensor
        parameter.grad = tensor(rows(gradients, step), parameter.shape, 'float32')
      })
      optimizer.step(parameters)
      parameters.forEach((parameter, i) => {
        expectNear(
          parameter.dataSync(),
          rows(golden.outputs[names[i] as string] as GoldenTensor, step),
          3e-6,
          `${names[i]} at ${step}`,
        )
      })
    }
    expect(optimizer.iterations).toBe(20)
  })
  // float64 parameters: all but the learning rate, a float32 scalar, is exact. Keras rounds the betas of its bias correction to float32,
  // which moves the updates by up to 6e-6 of themselves.
  it.each(cases.filter(({ name }) => !name.includes('chedule')))('float64: $name', (golden) => {
    const optimizer = build(golden)
    const { data, shape } = golden.inputs.b as GoldenTensor
    const { data: other, shape: otherShape } = golden.inputs.a as GoldenTensor
    const [a, b] = [variable(tensor(Float64Array.from(other), otherShape)), variable(tensor(Float64Array.from(data), shape))]
    for (let step = 0; step < 20; step++) {
      a.grad = tensor(rows(golden.inputs.aGradients as GoldenTensor, step), otherShape)
      b.grad = tensor(rows(golden.inputs.bGradients as GoldenTensor, step), shape)
      optimizer.step([a, b])
    }
    expectNear(b.dataSync(), rows(golden.outputs.b as GoldenTensor, 19), 1e-6, 'b')
    expectNear(a.dataSync(), rows(golden.outputs.a as GoldenTensor, 19), 1e-6, 'a')
  })
  it.each(cases.filter(({ options }) => Object.keys(options).length === 0))('defaults: $op', ({ op, extra }) => {
    const config = getOptimizer(op as 'sgd').getConfig()
    for (const [name, value] of Object.entries(extra.hyperparameters as object)) expect(config[name], name).toEqual(value)
  })
})

/** A parameter with a loss of its own that all optimizers lower. */
function problem(): { w: Variable; loss: () => Tensor } {
  const w = variable([3, -2, 0.5])
  return { w, loss: () => sum(w.mul(w)) }
}

describe.each(optimizerRegistry.names)('%s', (name) => {
  const fresh = (): Optimizer => getOptimizer(name as 'sgd')
  it('lowers a loss', () => {
    const { w, loss } = problem()
    const optimizer = optimizerRegistry.make('test', name, { learningRate: 0.05 })
    const before = loss().item()
    for (let i = 0; i < 30; i++) {
      loss().backward()
      optimizer.step([w])
    }
    expect(loss().item()).toBeLessThan(before)
  })
  it('goes through its configuration', () => {
    const config = fresh().getConfig()
    expect(JSON.parse(JSON.stringify(config))).toEqual(config)
    expect(getOptimizer({ className: name, config }).getConfig()).toEqual(config)
  })
  it('continues exactly from its state', () => {
    const run = (resume: boolean): Float32Array => {
      const { w, loss } = problem()
      let optimizer = optimizerRegistry.make('test', name, { learningRate: 0.03 })
      for (let i = 0; i < 10; i++) {
        if (resume && i === 5) {
          const state = optimizer.state()
          optimizer = optimizerRegistry.make('test', name, {})
          optimizer.loadState(state, [w])
          expect(optimizer.learningRate).toBe(0.03)
        }
        loss().backward()
        optimizer.step([w])
      }
      return w.dataSync() as Float32Array
    }
    expect(run(true)).toEqual(run(false))
  })
  it('refuses a state that does not fit', () => {
    const { w, loss } = problem()
    const optimizer = fresh()
    loss().backward()
    optimizer.step([w])
    expect(() => fresh().loadState({}, [w])).toThrow(/no 'iterations'/)
    expect(() => fresh().loadState({ ...optimizer.state(), '7.momentum': tensor(1) }, [w])).toThrow(ValueError)
    if (Object.keys(optimizer.state()).length > 2)
      expect(() => fresh().loadState(optimizer.state(), [variable([1, 2])])).toThrow(/must be float32/)
  })
  it('updates scalars and empty parameters', () => {
    const [scalar, empty] = [variable(2), variable(tensor([], [0, 3]))]
    scalar.mul(scalar).add(sum(empty)).backward()
    fresh().step([scalar, empty])
    expect(scalar.item()).toBeLessThan(2)
  })
})

describe('a step', () => {
  it('consumes gradients, or keeps them', () => {
    const { w, loss } = problem()
    const optimizer = optimizers.sgd()
    loss().backward()
    optimizer.step([w], { keepGradients: true })
    expect(w.grad).not.toBeNull()
    optimizer.zeroGrad([w])
    expect(w.grad).toBeNull()
    loss().backward()
    optimizer.step([w])
    expect(w.grad).toBeNull()
  })
  it('leaves a gradient that was looked at alone', () => {
    const w = variable(random.normal([200, 200]))
    sum(w.mul(3)).backward()
    const seen = w.grad as Tensor
    optimizers.sgd().step([w])
    expect(seen.isDisposed).toBe(false)
    expect(seen.dataSync().every((value) => value === 3)).toBe(true)
  })
  it('reuses the memory of gradients that nobody saw', () => {
    const w = variable(random.normal([200, 200]))
    const optimizer = optimizers.sgd({ learningRate: 1e-3 })
    const step = (): void => {
      sum(w.mul(w)).backward()
      optimizer.step([w])
    }
    for (let i = 0; i < 5; i++) step()
    const before = memory().pooledBytes
    for (let i = 0; i < 50; i++) step()
    expect(memory().pooledBytes).toBeLessThanOrEqual(before + 200 * 200 * 4 * 4)
  })
  it('leaves gradients of two parameters that share memory intact', () => {
    const [a, b] = [variable([1, 2]), variable([3, 4])]
    sum(a.add(b).mul([2, 3])).backward()
    const seen = b.grad as Tensor
    optimizers.sgd({ learningRate: 1 }).step([a])
    expect(Array.from(seen.dataSync())).toEqual([2, 3])
    optimizers.sgd({ learningRate: 1 }).step([b])
    expect([a.array(), b.array()]).toEqual([
      [-1, -1],
      [1, 1],
    ])
  })
  it('leaves frozen parameters and those without gradient', () => {
    const [a, b, c] = [variable([1]), variable([2]), variable([3])]
    b.trainable = false
    sum(a.mul(5)).backward()
    optimizers.sgd({ learningRate: 1 }).step([a, b, c])
    expect([a.item(), b.item(), c.item()]).toEqual([-4, 2, 3])
  })
  it('without any gradient is a StateError', () => {
    expect(() => optimizers.adam().step([variable([1])])).toThrow(StateError)
    expect(() => optimizers.adam().step([])).toThrow(/call backward\(\)/)
  })
  it('with anything but variables is a ValueError', () => {
    expect(() => optimizers.adam().step(variable([1]) as never)).toThrow(ValueError)
    expect(() => optimizers.adam().step([tensor([1])] as never)).toThrow(ValueError)
  })
  it('clips parameters of both types by their joint norm', () => {
    const [a, b] = [variable([0]), variable(tensor([0], [1], 'float64'))]
    sum(a.mul(3))
      .add(sum(b.mul(4)))
      .backward()
    optimizers.sgd({ learningRate: 1, globalClipNorm: 1 }).step([a, b])
    expectNear([a.item(), b.item()], [-0.6, -0.8], 1e-6)
  })
  it('with a gradient that is not finite shows under joint clipping', () => {
    const [a, b] = [variable([1]), variable([1])]
    sum(a.mul(Number.POSITIVE_INFINITY)).add(sum(b)).backward()
    optimizers.sgd({ globalClipNorm: 1 }).step([a, b])
    expect([a.item(), b.item()]).toEqual([Number.NaN, Number.NaN])
  })
  it('projects constrained parameters', () => {
    const dense = layers.dense({ units: 3, inputShape: [4], kernelConstraint: constraints.maxNorm({ maxValue: 0.5 }) })
    sum(dense.forward(random.normal([5, 4])).mul(10)).backward()
    optimizers.sgd({ learningRate: 1 }).step(dense.parameters())
    const norms = dense.kernel.square().sum(0).sqrt().dataSync()
    for (const norm of norms) expect(norm).toBeLessThanOrEqual(0.5 + 1e-6)
  })
})

describe('the learning rate', () => {
  it('can be read and set, exactly', () => {
    const optimizer = optimizers.sgd({ learningRate: 0.1 })
    expect(optimizer.learningRate).toBe(0.1)
    optimizer.learningRate = 0.5
    const w = variable([1])
    sum(w).backward()
    optimizer.step([w])
    expect(w.item()).toBe(0.5)
  })
  it('follows a schedule', () => {
    const optimizer = optimizers.sgd({
      learningRate: schedules.piecewiseConstantDecay({ boundaries: [1], values: [1, 0.25] }),
    })
    const w = variable([0])
    for (let i = 0; i < 3; i++) {
      sum(w).backward()
      optimizer.step([w])
    }
    expect(w.item()).toBe(-2.25)
    expect(optimizer.learningRate).toBe(0.25)
    expect(() => {
      optimizer.learningRate = 1
    }).toThrow(StateError)
    const copy = getOptimizer({ className: 'sgd', config: optimizer.getConfig() } as Serialized)
    expect(copy.getConfig()).toEqual(optimizer.getConfig())
  })
})

describe('options', () => {
  setSeed(1)
  it.each([
    ['a rate below 0', () => optimizers.sgd({ learningRate: -1 }), /'learningRate' must be .* got -1/],
    ['a rate that is no number', () => optimizers.sgd({ learningRate: '0.1' as never }), ValueError],
    ['a momentum above 1', () => optimizers.sgd({ momentum: 1.5 }), /'momentum'/],
    ['two kinds of clipping', () => optimizers.sgd({ clipNorm: 1, clipValue: 1 }), /at most one of/],
    ['a beta of 1', () => optimizers.adam({ beta1: 1 }), /'beta1'/],
    ['an unknown option', () => optimizers.adam({ lr: 1 } as never), /unknown option 'lr'; it takes .*learningRate/],
    [
      'an unknown name',
      () => getOptimizer('sdg' as never),
      /unknown optimizer 'sdg'; known are adagrad, adam, adamW, rmsprop, sgd/,
    ],
    ['no optimizer', () => getOptimizer(3 as never), ValueError],
  ] as const)('refuse %s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
  it('names in Keras capitals are understood', () => {
    expect(getOptimizer('RMSprop' as never).className).toBe('rmsprop')
  })
})
