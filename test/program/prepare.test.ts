// What depends on state alone is computed once, and again after whatever wrote that state, however it was written and whoever waits.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { native } from '../../lib/native.js'
import { numbers, operations, preparedOf, preparedRows, withSettings } from './problem.js'

const generator = (seed: number): st.Generator => new st.Generator(seed)
const image = (...shape: number[]): st.Tensor => generator(3).normal(shape)
const winograd = { padding: 'same', convAlgorithm: 'winograd' } as const
const x = image(2, 9, 10, 3)

/** A convolution by Winograd, batch normalization and a head: kernels, factors and statistics that inference leaves alone. */
class Net extends st.Module {
  first = st.layers.conv2d({ filters: 18, kernelSize: 3, ...winograd, inputShape: [9, 10, 3] })
  norm = st.layers.batchNormalization({ inputShape: [9, 10, 18] })
  second = st.layers.conv2d({ filters: 5, kernelSize: 3, ...winograd, inputShape: [9, 10, 18] })
  forward(a: st.Tensor): st.Tensor {
    return this.second.forward(st.relu(this.norm.forward(this.first.forward(a))))
  }
}

function networks(): { net: Net; predict: st.Program<[st.Tensor], st.Tensor> } {
  st.setSeed(1)
  const net = new Net()
  net.eval()
  return { net, predict: st.program((a: st.Tensor) => st.noGrad(() => net.forward(a))) }
}

const prepared = (fn: (a: st.Tensor) => st.Tensor | st.Tensor[]): string[] => preparedOf(fn, x)

describe('prepared are', () => {
  const v = st.variable(generator(4).normal([3, 3, 3, 18]))
  const statistics = st.variable(generator(5).uniform([3]))

  it('kernels that Winograd transforms, once for all that read them', () => {
    expect(prepared((a) => st.conv2d(a, v, winograd))).toEqual(['transform kernel'])
    expect(prepared((a) => [st.conv2d(a, v, winograd), st.relu(st.conv2d(a.mul(2), v, winograd))])).toEqual(['transform kernel'])
    expect(prepared((a) => st.conv2d(a, v, { padding: 'same', convAlgorithm: 'direct' }))).toEqual([])
    const double = (a: st.Tensor): st.Tensor => st.conv2d(a.cast('float64'), v.cast('float64'), { padding: 'same' })
    expect(prepared(double)).toEqual(['cast'])
  })

  it('kernels of two shapes in the same memory, each for itself', () => {
    const kernels = st.variable(generator(4).normal([3, 3, 3, 5]))
    const both = (a: st.Tensor): st.Tensor[] => {
      const wide = st.concatenate([a, a], 3).slice([0, 0, 0, 0], [2, 9, 10, 5])
      return [st.conv2d(a, kernels, winograd), st.conv2d(wide, kernels.reshape([3, 3, 5, 3]), winograd)]
    }
    expect(prepared(both)).toEqual(['transform kernel', 'transform kernel'])
  })

  it('formulas and copies of state and constants, and what depends on them alone', () => {
    expect(prepared((a) => a.mul(statistics.add(1).rsqrt()))).toEqual(['add', 'rsqrt'])
    expect(
      prepared((a) =>
        a.add(
          st
            .concatenate([statistics, st.ones([3])])
            .reshape([2, 3])
            .sum(0),
        ),
      ),
    ).toContain('concatenate')
    expect(prepared((a) => st.conv2d(a, v.mul(2), winograd))).toEqual(['mul', 'transform kernel'])
  })

  it('all rows of a network in inference that do not see its input', () => {
    const { net, predict } = networks()
    expect(numbers(predict.sync(x))).toEqual(numbers(net.forward(x)))
    expect(operations(predict.toString())).toEqual([
      'add',
      'rsqrt',
      'mul',
      'transform kernel',
      'transform kernel',
      'conv2d, add, normalize, relu',
      'conv2d, add',
    ])
  })
})

describe('small images in inference', () => {
  it('go by Winograd, whose transforms of the kernel a program has prepared, with the same bits eagerly', () => {
    const v = st.variable(generator(4).normal([3, 3, 64, 64]))
    const small = image(1, 8, 8, 64)
    const program = st.program((a: st.Tensor) => st.conv2d(a, v, { padding: 'same' }))
    const wanted = st.noGrad(() => numbers(st.conv2d(small, v, { padding: 'same' })))
    expect(numbers(st.noGrad(() => program.sync(small)))).toEqual(wanted)
    expect(program.toString()).toMatch(/transform kernel/)
    expect(numbers(program.sync(small))).toEqual(numbers(st.conv2d(small, v, { padding: 'same' })))
    expect(program.toString()).not.toMatch(/transform kernel/)
  })
})

describe('prepared is nothing', () => {
  it('that the program writes, or that depends on its arguments', () => {
    const v = st.variable(generator(4).normal([3, 3, 3, 18]))
    const training = (a: st.Tensor): st.Tensor => {
      const y = st.conv2d(a, v, winograd)
      v.assign(v.mul(0.5))
      return y
    }
    const start = v.clone()
    const run = (): number[][] => {
      v.assign(start)
      const program = st.program(training)
      const results = [1, 2, 3].map(() => numbers(program.sync(x)))
      if (program.toString() !== 'training: not recorded yet') expect(preparedRows(program.toString())).toBe(0)
      return results
    }
    expect(run()).toEqual(withSettings('eager', run))
    expect(prepared((a) => st.conv2d(a, a.mean([0, 1, 2]).add(st.ones([3, 3, 3, 3])), winograd))).toEqual([])
  })

  it('that is returned, or written by a row that runs every time', () => {
    const v = st.variable([1, 2, 3])
    expect(prepared(() => v.mul(2))).toEqual([])
    expect(prepared((a) => st.concatenate([v.mul(2).reshape([1, 3]), a.sum([0, 1]).slice(0, 1)]))).toEqual(['mul'])
  })

  it('of weights that another thread may write', () => {
    const { net } = networks()
    const reader = new Net().useShared(net.share())
    reader.eval()
    const predict = st.program((a: st.Tensor) => st.noGrad(() => reader.forward(a)))
    for (let i = 0; i < 3; i++) {
      expect(numbers(predict.sync(x))).toEqual(numbers(net.forward(x)))
      net.first.kernel.assign(net.first.kernel.mul(1.5))
      net.norm.movingVariance.assign(net.norm.movingVariance.mul(1.5))
    }
    expect(predict.toString()).not.toMatch(/transform kernel/)
  })
})

describe('prepared rows', () => {
  it('do not run again while nothing is written', () => {
    const { net, predict } = networks()
    const { kernel } = net.first
    const before = numbers(predict.sync(x))
    kernel.assign(kernel.mul(2))
    kernel.storage.version--
    expect(numbers(predict.sync(x))).toEqual(before)
    kernel.storage.version++
    expect(numbers(predict.sync(x))).toEqual(numbers(net.forward(x)))
  })

  it('run after every kind of write', () => {
    const { net, predict } = networks()
    const optimizer = st.optimizers.sgd({ learningRate: 0.1, momentum: 0.9 })
    const step = (): void => {
      net.train()
      net.forward(x).square().mean().backward()
      optimizer.step(net.parameters())
      net.eval()
    }
    const train = st.program((a: st.Tensor) => {
      net.forward(a).square().mean().backward()
      optimizer.step(net.parameters())
    })
    const { state } = { state: net.state() }
    const writes: Record<string, () => unknown> = {
      assign: () => net.second.kernel.assign(net.second.kernel.neg()),
      'an eager step': step,
      'a recorded step': () => {
        net.train()
        train.sync(x)
        net.eval()
      },
      loadState: () => net.loadState(state),
      'moving statistics': () => net.norm.movingMean.assign(st.ones([18])),
    }
    let last = numbers(predict.sync(x))
    for (const [name, write] of Object.entries(writes)) {
      write()
      const now = numbers(predict.sync(x))
      expect(now, name).toEqual(numbers(net.forward(x)))
      expect(now, name).not.toEqual(last)
      last = now
    }
  })

  it('run in the order of the calls, whatever waits in between', async () => {
    const run = async (): Promise<number[][]> => {
      const { net, predict } = networks()
      const double = st.program(() => void net.first.kernel.assign(net.first.kernel.mul(1.25)))
      const results = [predict(x), predict(x), double(), predict(x), double.repeat(3), predict.repeat(2, x), predict(x)]
      const tensors = (await Promise.all(results)).filter((result) => result !== undefined)
      return [...tensors, predict.sync(x), net.forward(x)].map(numbers)
    }
    const results = await run()
    expect(results[0]).toEqual(results[1])
    expect(results[2]).not.toEqual(results[1])
    expect(results[3]).not.toEqual(results[2])
    for (const result of results.slice(4)) expect(result).toEqual(results[3])
  })

  it('run in the next run if one failed or was aborted', async () => {
    const v = st.variable(generator(4).normal([3, 3, 3, 18]))
    const controller = new AbortController()
    const pick = st.program((a: st.Tensor, i: st.Tensor) => st.gather(st.conv2d(a, v, winograd).reshape([180, 18]), i), {
      signal: controller.signal,
    })
    const wanted = (i: st.Tensor): number[] => numbers(st.gather(st.conv2d(x, v, winograd).reshape([180, 18]), i))
    const [good, bad] = [st.tensor([3, 7], [2], 'int32'), st.tensor([3, 700], [2], 'int32')]
    expect(numbers(pick.sync(x, good))).toEqual(wanted(good))
    v.assign(v.mul(3))
    expect(() => pick.sync(x, bad)).toThrow(/index 700/)
    expect(numbers(pick.sync(x, good))).toEqual(wanted(good))
    v.assign(v.mul(0.5))
    const [failed, next] = [pick(x, bad), pick(x, good)]
    await expect(failed).rejects.toThrow(/index 700/)
    expect(numbers(await next)).toEqual(wanted(good))
    const forever = st.program(() => v.sum())
    const first = forever.repeat(50)
    const waiting = pick(x, good)
    controller.abort()
    await expect(waiting).rejects.toThrow(/abort/)
    await first
  })

  it('serve every instruction set', () => {
    const { net, predict } = networks()
    const before = native.info()
    try {
      for (const name of [...before.instructionSets, before.instructionSet]) {
        native.setInstructionSet(name)
        expect(numbers(predict.sync(x))).toEqual(numbers(net.forward(x)))
      }
    } finally {
      native.setInstructionSet(before.instructionSet)
    }
  })

  it('keep their results until the program is disposed, a run in flight included', async () => {
    const { predict } = networks()
    const before = st.memory().variableBytes
    const [wanted] = [numbers(predict.sync(x))]
    const kept = Number(/and (\d+) bytes kept/.exec(predict.toString())?.[1])
    expect(kept).toBeGreaterThan(4 * 36 * (3 * 32 + 18 * 16))
    expect(st.memory().variableBytes).toBe(before + predict.arenaBytes + kept)
    const run = predict.repeat(5, x)
    predict.dispose()
    expect(numbers(await run)).toEqual(wanted)
    expect(st.memory().variableBytes).toBe(before)
  })
})
