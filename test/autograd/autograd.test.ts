// Reverse mode as users meet it: accumulation, freed graphs, overwritten variables, custom functions, nested gradients.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'

describe('backward', () => {
  it('gives the textbook gradients of a linear neuron', () => {
    const w = st.variable([0.5, -0.25])
    const b = st.variable(0.1)
    const x = st.tensor([2, 3])
    const error = w.mul(x).sum().add(b).sub(1)
    error.square().backward()
    const twice = 2 * (0.5 * 2 - 0.25 * 3 + 0.1 - 1)
    expect(w.grad?.array()).toEqual([expect.closeTo(twice * 2, 5), expect.closeTo(twice * 3, 5)])
    expect(b.grad?.item()).toBeCloseTo(twice, 5)
  })

  it('adds to an existing gradient', () => {
    const w = st.variable([1, 2])
    w.sum().backward()
    w.mul(3).sum().backward()
    expect(w.grad?.array()).toEqual([4, 4])
  })

  it('sums over every use of a tensor', () => {
    const w = st.variable(3)
    const y = w.mul(w)
    y.mul(y).add(y).backward()
    expect(w.grad?.item()).toBeCloseTo(4 * 27 + 6, 4)
  })

  it('survives graphs deeper than the call stack', () => {
    const w = st.variable(1)
    let y: st.Tensor = w
    for (let i = 0; i < 20_000; i++) y = y.add(0)
    y.backward()
    expect(w.grad?.item()).toBe(1)
  })

  it('refuses a second pass through a freed graph, unless it was retained', () => {
    const w = st.variable(2)
    const once = w.square()
    once.backward()
    expect(() => once.backward()).toThrow(st.StateError)
    const kept = w.square()
    kept.backward(undefined, { retainGraph: true })
    kept.backward()
    expect(w.grad?.item()).toBe(12)
  })

  it('refuses a saved variable that was overwritten', () => {
    const w = st.variable([1, 2])
    const loss = w.square().sum()
    w.assign(st.tensor([5, 6]))
    expect(() => loss.backward()).toThrow(/written in place/)
  })

  it('refuses what has no gradient, and results of many elements', () => {
    expect(() => st.tensor(1).backward()).toThrow(st.StateError)
    const w = st.variable([1, 2])
    expect(() => w.mul(2).backward()).toThrow(st.ShapeError)
    w.mul(2).backward(st.tensor([1, 10]))
    expect(w.grad?.array()).toEqual([2, 20])
  })

  it('stops at detach and inside noGrad', () => {
    const w = st.variable(2)
    w.detach().mul(5).add(w).backward()
    expect(w.grad?.item()).toBe(1)
    expect(st.noGrad(() => w.mul(2)).requiresGrad).toBe(false)
  })

  it('reaches no frozen variable', () => {
    const w = st.variable(2)
    const frozen = st.variable(3, { trainable: false })
    w.mul(frozen).backward()
    expect(w.grad?.item()).toBe(3)
    expect(frozen.grad).toBeNull()
  })
})

describe('grad', () => {
  it('is a function of a function', () => {
    expect(
      st
        .grad((x) => x.square().sum())([1, 2, 3])
        .array(),
    ).toEqual([2, 4, 6])
    const { value, grads } = st.valueAndGrad((a, b) => a.mul(b).sum())([1, 2], [3, 4])
    expect(value.item()).toBe(11)
    expect(grads.map((g) => g.array())).toEqual([
      [3, 4],
      [1, 2],
    ])
  })

  it('nests', () => {
    const third = st.grad((x) =>
      st
        .grad((y) =>
          st
            .grad((z) => z.pow(4).sum())(y)
            .sum(),
        )(x)
        .sum(),
    )
    expect(third([2]).array()).toEqual([expect.closeTo(48, 3)])
  })

  it('leaves no gradient on variables', () => {
    const w = st.variable(2)
    expect(
      st
        .grad((x) => x.mul(w))(5)
        .item(),
    ).toBe(2)
    expect(w.grad).toBeNull()
  })
})

describe('customFunction', () => {
  it('uses the given gradient', () => {
    const straightThrough = st.customFunction({ forward: (x) => x.round(), backward: (dy) => dy })
    const w = st.variable([0.4, 1.6])
    straightThrough(w).sum().backward()
    expect(w.grad?.array()).toEqual([1, 1])
  })

  it('is caught by gradcheck when the gradient is wrong', () => {
    const wrong = st.customFunction({ forward: (x) => x.square(), backward: (dy, { inputs }) => dy.mul(inputs[0] as st.Tensor) })
    expect(() => st.gradcheck((x) => wrong(x), [[1, 2]])).toThrow(/central differences/)
    const right = st.customFunction({
      forward: (x) => x.square(),
      backward: (dy, { inputs }) => dy.mul(inputs[0] as st.Tensor).mul(2),
    })
    expect(st.gradcheck((x) => right(x), [[1, 2]])).toBe(true)
  })
})

describe('gradients own their memory', () => {
  it('when one buffer would serve several leaves', () => {
    const [a, b] = [st.variable(st.ones([40, 300])), st.variable(st.ones([40, 300]))]
    st.concatenate([a, b])
      .reshape([80, 300])
      .backward(st.ones([80, 300]))
    st.optimizers.sgd({ learningRate: 1 }).step([a])
    expect(b.grad?.sum().item()).toBe(12_000)
    expect(a.sum().item()).toBe(0)
  })

  it('when they would be the tensor that the user passed, or one captured by a custom function', () => {
    const w = st.variable(st.ones([100, 100]))
    const seed = st.ones([100, 100])
    w.clone().backward(seed)
    st.optimizers.sgd().step([w])
    expect(seed.sum().item()).toBe(10_000)
    const captured = st.ones([100, 100])
    st.customFunction({ forward: (x) => x.mul(1), backward: () => captured })(w)
      .sum()
      .backward()
    st.optimizers.sgd().step([w])
    expect(captured.sum().item()).toBe(10_000)
  })
})

describe('memory', () => {
  it('tidy frees what is not returned and keeps gradients', () => {
    const w = st.variable(st.ones([100, 200]))
    let inner: st.Tensor | undefined
    const loss = st.tidy(() => {
      inner = w.mul(2)
      const result = inner.sum()
      result.backward()
      return result
    })
    expect(loss.item()).toBe(40_000)
    expect(() => inner?.dataSync()).toThrow(st.StateError)
    expect(w.grad?.sum().item()).toBe(40_000)
  })

  it('dispose makes later use an error', () => {
    const x = st.ones([3])
    x.dispose()
    expect(x.isDisposed).toBe(true)
    expect(() => x.add(1)).toThrow(/disposed/)
  })
})
