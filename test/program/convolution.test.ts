// What stands behind a convolution is taken into it where that changes nothing, and the bits stay those of the rows by themselves.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { settings } from '../../lib/program/settings.js'
import { bits, classifierStep, operations, threeWays, withSettings } from './problem.js'

const { conv2d, relu, add, maxPool2d } = st

const generator = (seed: number): st.Generator => new st.Generator(seed)
const image = (...shape: number[]): st.Tensor => generator(3).normal(shape)
const kernel = (...shape: number[]): st.Tensor => generator(4).normal(shape)

/** The rows that a function records, after its results were found to be those without the pass, to the bit. */
function recorded(fn: (x: st.Tensor) => st.Tensor | st.Tensor[], x: st.Tensor): string[] {
  const run = (): { values: unknown; rows: string[] } => {
    const program = st.program(fn)
    const result = program.sync(x)
    const values = [result].flat().map((tensor) => Array.from(tensor.dataSync()))
    return { values, rows: operations(program.toString()) }
  }
  // What depends on constants alone is prepared, and then not the concern of this pass.
  const { values, rows } = withSettings('no-prepare', run)
  for (const switches of ['', 'no-convolution', 'eager']) expect(withSettings(switches, run).values).toEqual(values)
  return rows
}

const channels = (seed: number, count = 18): st.Tensor => generator(seed).normal([count])
/** Batch normalization with statistics and factors of its own. */
function norm(seed: number): st.Layer {
  const layer = st.layers.batchNormalization({ inputShape: [1, 1, 18] })
  layer.eval()
  layer.gamma?.assign(channels(seed))
  layer.beta?.assign(channels(seed + 1))
  layer.movingMean.assign(channels(seed + 2))
  return layer
}

describe('a convolution takes in', () => {
  const x = image(2, 9, 10, 3)
  const w = kernel(3, 3, 3, 18)
  const bias = channels(5)

  it('a bias and relu, in either order of the sum', () => {
    expect(recorded((a) => relu(conv2d(a, w).add(bias)), x)).toEqual(['conv2d, add, relu'])
    expect(recorded((a) => relu(add(bias, conv2d(a, w))), x)).toEqual(['conv2d, add, relu'])
    expect(recorded((a) => conv2d(a, w).add(bias), x)).toEqual(['conv2d, add'])
  })

  it('normalization, a residual, relu: a block of a residual network', () => {
    const shape = { padding: 'same' } as const
    const v = kernel(3, 3, 18, 18)
    const [first, second] = [norm(20), norm(30)]
    const block = (a: st.Tensor): st.Tensor => {
      const h = relu(first.forward(conv2d(a, w, shape)))
      return relu(second.forward(conv2d(h, v, shape)).add(h))
    }
    expect(recorded(block, x).filter((name) => name.startsWith('conv'))).toEqual([
      'conv2d, normalize, relu',
      'conv2d, normalize, add, relu',
    ])
  })

  it('the sum with another convolution, once', () => {
    const rows = recorded((a) => relu(conv2d(a, w).add(conv2d(a, w, { convAlgorithm: 'winograd' }).add(bias))), x)
    expect(rows).toEqual(['conv2d, add', 'conv2d, add, relu'])
  })

  it('max-pooling of windows that lie side by side', () => {
    for (const size of [10, 11]) {
      const input = image(2, size, size, 3)
      const winograd = { convAlgorithm: 'winograd' } as const
      const pooled = (a: st.Tensor): st.Tensor => maxPool2d(relu(conv2d(a, w, winograd).add(bias)), 2)
      expect(recorded(pooled, input)).toEqual(['conv2d, add, relu, maxPool2d'])
      expect(recorded((a) => maxPool2d(conv2d(a, w, winograd), 2), input)).toEqual(['conv2d, maxPool2d'])
      expect(recorded((a) => maxPool2d(conv2d(a, w), 2), input)).toEqual(['conv2d', 'maxPool2d'])
    }
  })
})

describe('a convolution leaves alone', () => {
  const x = image(2, 9, 9, 3)
  const w = kernel(3, 3, 3, 9)

  it('what somebody else reads too', () => {
    expect(recorded((a) => relu(conv2d(a, w)).add(conv2d(a, w)), x)).toContain('conv2d, relu')
    const twice = (a: st.Tensor): st.Tensor[] => {
      const y = conv2d(a, w)
      return [relu(y), y.add(1)]
    }
    expect(recorded(twice, x)).toContain('conv2d')
    expect(recorded((a) => [conv2d(a, w), relu(conv2d(a, w))], x)).toEqual(['conv2d', 'conv2d, relu'])
    const doubled = (a: st.Tensor): st.Tensor => {
      const y = conv2d(a, w)
      return y.add(y)
    }
    expect(recorded(doubled, x)).toEqual(['conv2d', 'add'])
  })

  it('steps in another order, other windows, other axes and other types', () => {
    const bias = channels(5, 9)
    expect(recorded((a) => relu(conv2d(a, w)).add(bias), x)).toEqual(['conv2d, relu', 'add'])
    expect(recorded((a) => maxPool2d(conv2d(a, w), 3, { strides: 2 }), x)).toEqual(['conv2d', 'maxPool2d'])
    expect(recorded((a) => maxPool2d(conv2d(a, w, { padding: 'same' }), 2, { padding: 'same' }), x)).toHaveLength(2)
    const perColumn = channels(6, 9).reshape([9, 1])
    expect(recorded((a) => conv2d(a, w).add(perColumn), image(2, 9, 11, 3))).toContain('conv2d')
    expect(recorded((a) => conv2d(a.cast('float64'), w.cast('float64')).add(1), x)).toContain('conv2d')
  })

  it('a variable that is written between the convolution and what follows it', () => {
    const v = st.variable(kernel(3, 3, 3, 9))
    const run = (): number[] => {
      v.assign(w)
      const program = st.program((a: st.Tensor) => {
        const y = conv2d(a, v)
        v.assign(v.mul(2))
        return relu(y)
      })
      return [...program.sync(x).dataSync(), ...program.sync(x).dataSync()]
    }
    expect(withSettings('no-convolution', run)).toEqual(run())
  })
})

describe('a mask behind max-pooling', () => {
  /** Kernels and shapes of the backward pass of relu and pooling, with the same gradients as without the pass. */
  function backward(size: number, strides: number, activation: (y: st.Tensor) => st.Tensor): string[] {
    const run = (): { gradient: number[]; rows: string[] } => {
      const program = st.program((x: st.Tensor) => {
        const squares = (a: st.Tensor): st.Tensor => maxPool2d(activation(a), size, { strides }).square().sum()
        const { value, grads } = st.valueAndGrad(squares)(x)
        return [value, ...grads]
      })
      const [, gradient] = program.sync(image(2, 9, 8, 3))
      const rows = [...program.toString().matchAll(/ (pointwise|maxPool2dBackward) +float32(\[\d+,\d+,\d+,3])/g)]
      return { gradient: Array.from((gradient as st.Tensor).dataSync()), rows: rows.map(([, name, shape]) => `${name}${shape}`) }
    }
    const { gradient, rows } = run()
    for (const switches of ['no-unpool', 'eager']) expect(withSettings(switches, run).gradient).toEqual(gradient)
    return rows.slice(-2)
  }

  it('works on windows, before they are spread', () => {
    expect(backward(2, 2, relu)).toEqual(['pointwise[2,4,4,3]', 'maxPool2dBackward[2,9,8,3]'])
    expect(backward(3, 2, relu)).toEqual(['pointwise[2,4,3,3]', 'maxPool2dBackward[2,9,8,3]'])
    expect(withSettings('no-unpool', () => backward(2, 2, relu))[1]).toBe('pointwise[2,9,8,3]')
  })

  it('stays where it is if it is no mask', () => {
    expect(backward(2, 2, (y) => y.tanh())).toEqual(['maxPool2dBackward[2,9,8,3]', 'pointwise[2,9,8,3]'])
    expect(backward(2, 2, (y) => relu(y).mul(y))[1]).toBe('pointwise[2,9,8,3]')
  })
})

describe("a gradient to a convolution's input takes in", () => {
  const [w, v] = [kernel(3, 3, 3, 18), kernel(3, 3, 18, 18)]
  const same = { padding: 'same', convAlgorithm: 'winograd' } as const

  /** Labels of the gradients to inputs in a step of a function, with the same gradient as without the pass. */
  function backward(fn: (x: st.Tensor) => st.Tensor): string[] {
    const run = (): { gradient: number[]; rows: string[] } => {
      const program = st.program((x: st.Tensor) => st.valueAndGrad((a: st.Tensor) => fn(a).square().sum())(x).grads)
      const [gradient] = program.sync(image(2, 9, 8, 3))
      const rows = program
        .toString()
        .split('\n')
        .filter((row) => row.includes(' conv2dBackwardInput'))
      return { gradient: Array.from((gradient as st.Tensor).dataSync()), rows: operations(['', '', ...rows].join('\n')) }
    }
    const { gradient, rows } = run()
    for (const switches of ['no-mask', 'eager']) expect(withSettings(switches, run).gradient).toEqual(gradient)
    expect(withSettings('no-mask', run).rows).toEqual(rows.map(() => 'gradient of conv2d'))
    return rows
  }
  const [gradient, masked] = ['gradient of conv2d', 'gradient of conv2d, gradient of relu']

  it('the mask of relu', () => {
    expect(backward((x) => conv2d(relu(conv2d(x, w, same)), v, same))).toEqual([masked, gradient])
  })

  it('the mask of relu where it reads the gradient of max-pooling', () => {
    expect(backward((x) => maxPool2d(relu(conv2d(relu(conv2d(x, w, same)), v, same)), 2))).toEqual([masked, gradient])
  })

  it('the gradient of a residual and the mask before it', () => {
    const block = (h: st.Tensor): st.Tensor => relu(conv2d(relu(conv2d(h, v, same)), v, same).add(h))
    const added = 'gradient of conv2d, add, gradient of relu'
    expect(backward((x) => block(relu(conv2d(x, w, same))))).toEqual([masked, added, gradient])
  })

  it('no other masks, no gradient that somebody else reads, and nothing where it is computed directly', () => {
    expect(backward((x) => conv2d(conv2d(x, w, same).tanh(), v, same))).toEqual([gradient, gradient])
    expect(backward((x) => conv2d(conv2d(x, w, same).minimum(0), v, same))).toEqual([gradient, gradient])
    const direct = { padding: 'same', convAlgorithm: 'direct' } as const
    expect(backward((x) => conv2d(relu(conv2d(x, w, direct)), v, direct))).toEqual([gradient, gradient])
    const read = st.program((x: st.Tensor) => {
      const { grads } = st.valueAndGrad((a: st.Tensor) => conv2d(a, w, same).square().sum())(x)
      return [...grads, add(grads[0] as st.Tensor, x)]
    })
    read.sync(image(2, 9, 8, 3))
    expect(operations(read.toString())).toContain(gradient)
  })
})

describe('training a network of convolutions', () => {
  it('gives the same bits with each pass, without it and eagerly', () => {
    const results = threeWays(() => {
      st.setSeed(1)
      const model = st.sequential([
        st.layers.conv2d({ filters: 5, kernelSize: 3, activation: 'relu', inputShape: [13, 12, 2] }),
        st.layers.maxPooling2d({ poolSize: 2 }),
        st.layers.conv2d({ filters: 17, kernelSize: 3, padding: 'same' }),
        st.layers.batchNormalization(),
        st.layers.activation({ activation: 'relu' }),
        st.layers.maxPooling2d({ poolSize: 2 }),
        st.layers.flatten(),
        st.layers.dense({ units: 3 }),
      ])
      const step = classifierStep(model)
      const [x, y] = [image(6, 13, 12, 2), st.tensor([0, 1, 2, 0, 1, 2], [6], 'int32')]
      const losses = Array.from({ length: 4 }, () => step.sync(x, y).item())
      const outputs = model.eval() && st.program((a: st.Tensor) => model.forward(a)).sync(x)
      return [losses, bits(model), Array.from(outputs.dataSync())]
    })
    for (const result of results) expect(result).toEqual(results[0])
    expect(settings.without.size).toBe(0)
  })
})
