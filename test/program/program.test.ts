// Programs: a recorded step gives the same bits as the eager loop, and everything that may go wrong around it is an error that helps.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, classifier, stepOf, threeWays, withSettings } from './problem.js'

describe('a recorded training step', () => {
  it('gives the same bits as the eager loop, by sync, by await and by repeat', async () => {
    const { x, y } = classifier()
    const eager = stepOf('adam')
    const recorded = stepOf('adam')
    const step = st.program(recorded.step)
    const expected: number[] = []
    for (let i = 0; i < 12; i++) expected.push(eager.step(x, y).item())
    const got: number[] = []
    for (let i = 0; i < 4; i++) got.push(step.sync(x, y).item())
    for (let i = 0; i < 4; i++) got.push((await step(x, y)).item())
    const last = (await step.repeat(4, x, y)).item()
    expect(got).toEqual(expected.slice(0, 8))
    expect(last).toBe(expected[11])
    expect(bits(recorded.net)).toEqual(bits(eager.net))
  })

  it('is the same run eagerly, without planner, and in check mode', () => {
    const results = threeWays(() => {
      const { x, y } = classifier()
      const { step, net } = stepOf('rmsprop')
      const run = st.program(step)
      const losses = Array.from({ length: 5 }, () => run.sync(x, y).item())
      return [losses, bits(net)]
    })
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('can be recorded ahead, without running: the call that follows only runs', async () => {
    const { x, y } = classifier()
    const recorded = stepOf('adam')
    let calls = 0
    const step = st.program((a: st.Tensor, b: st.Tensor) => {
      calls++
      return recorded.step(a, b)
    })
    recorded.step(x, y)
    const before = bits(recorded.net)
    await step.prepare(x, y)
    expect([calls, step.arenaBytes > 0]).toEqual([1, true])
    expect(bits(recorded.net)).toEqual(before)
    await step.prepare(x, y)
    await step(x, y)
    expect(calls).toBe(1)
    expect(bits(recorded.net)).not.toEqual(before)
    const waiting = step.prepare(x.slice(0, 3), y.slice(0, 3))
    step.dispose()
    await waiting
    expect(step.arenaBytes).toBe(0)
    await expect(step.prepare(x, y)).rejects.toThrow(st.StateError)
  })

  it('reads, runs and writes for every shape of batch, the short last one too', async () => {
    const { x, y } = classifier()
    const eager = stepOf('sgd')
    const recorded = stepOf('sgd')
    const step = st.program(recorded.step)
    for (const size of [32, 7, 32, 1]) {
      const [a, b] = [x.slice(0, size), y.slice(0, size)]
      expect((await step(a, b)).item()).toBe(eager.step(a, b).item())
    }
  })

  it('keeps the initial weights out of the recording', () => {
    st.setSeed(3)
    const layer = st.layers.dense({ units: 4 })
    const run = st.program((x: st.Tensor) => layer.forward(x))
    const x = st.ones([2, 3])
    expect(run.sync(x).array()).toEqual(run.sync(x).array())
    expect(run.sync(x).array()).toEqual(layer.forward(x).array())
  })
})

describe('arguments and results', () => {
  it('may be nested, and other values are frozen into a recording of their own', () => {
    const run = st.program((given: { a: st.Tensor; list: st.Tensor[] }, factor: number) => ({
      sum: given.list.reduce((left, right) => left.add(right), given.a).mul(factor),
      factor,
    }))
    const a = st.tensor([1, 2])
    expect(run.sync({ a, list: [a, a] }, 2).sum.array()).toEqual([6, 12])
    expect(run.sync({ a, list: [a] }, 3).sum.array()).toEqual([6, 12])
    expect(run.sync({ a, list: [a, a] }, 2).factor).toBe(2)
  })

  it('are bound by value: a result fed back is an argument like any other', async () => {
    const twice = st.program((x: st.Tensor) => x.add(x))
    let x = st.tensor([1, 2, 3])
    for (let i = 0; i < 5; i++) x = await twice(x)
    expect(x.array()).toEqual([32, 64, 96])
    const first = twice.sync(x)
    twice.sync(st.zeros([3]))
    expect(first.array()).toEqual([64, 128, 192])
  })

  it('are read anew by each run, single numbers and what follows from them too', () => {
    const formula = (x: st.Tensor, s: st.Tensor): st.Tensor => x.mul(s.exp().add(s))
    const run = st.program(formula)
    const x = st.tensor([1, 2, 3])
    for (const number of [0, 1, -2]) {
      const s = st.tensor(number)
      expect(run.sync(x, s).array()).toEqual(formula(x, s).array())
    }
  })

  it('may be returned as they came, as views, or as variables', () => {
    const v = st.variable([5, 6])
    const run = st.program((x: st.Tensor) => ({ same: x, view: x.add(1).reshape([2, 1]), v }))
    const x = st.tensor([1, 2])
    const { same, view, v: back } = run.sync(x)
    expect([same.array(), view.array(), back.array()]).toEqual([
      [1, 2],
      [[2], [3]],
      [5, 6],
    ])
    expect(run.sync(st.tensor([7, 8])).same.array()).toEqual([7, 8])
  })

  it('takes a variable as an argument by copying it', () => {
    const v = st.variable([1, 2])
    const run = st.program((x: st.Tensor) => {
      v.assign(x.mul(2))
      return x.add(v)
    })
    expect(run.sync(v).array()).toEqual([3, 6])
    expect(v.array()).toEqual([2, 4])
  })
})

describe('scratch', () => {
  it('is asked for without the addresses of earlier rows', () => {
    // The arguments of a formula leave fractions where the next row has addresses.
    st.ones([3]).mul(0.3).add(0.7)
    const run = st.program((x: st.Tensor) => x.mul(0.3).matMul(x))
    expect(run.sync(st.ones([2, 2])).array()).toEqual([
      [expect.closeTo(0.6, 6), expect.closeTo(0.6, 6)],
      [expect.closeTo(0.6, 6), expect.closeTo(0.6, 6)],
    ])
  })
})

describe('random numbers', () => {
  it('go on from run to run as in the eager loop', () => {
    const draw = (generator: st.Generator) => () => generator.normal([3])
    const eager = draw(new st.Generator(5))
    const recorded = st.program(draw(new st.Generator(5)))
    for (let i = 0; i < 3; i++) expect(recorded.sync().array()).toEqual(eager().array())
  })
})

describe('passes', () => {
  /** Kernels of the recorded step of the classifier, with some switches. */
  function kernels(switches: string): string {
    return withSettings(switches, () => {
      const { x, y } = classifier()
      const step = st.program(stepOf('adam').step)
      step.sync(x, y)
      return step.toString()
    })
  }

  it('put bias and activation into the product, and all updates into one row', () => {
    expect(kernels('')).toMatch(/matMul, bias relu +matmulFused/)
    expect(kernels('').match(/ adam +pointwiseSegments/g)).toHaveLength(1)
    expect(kernels('')).not.toMatch(/ adam +pointwise /)
  })

  it('are left out by their switches', () => {
    expect(kernels('no-epilogue')).not.toMatch(/matmulFused/)
    expect(kernels('no-segments').match(/ adam +pointwise /g)).toHaveLength(4)
  })

  it('drop rows that nobody reads', () => {
    const unused = (x: st.Tensor): st.Tensor => {
      x.exp()
      return x.add(1)
    }
    const listing = (switches: string): string =>
      withSettings(switches, () => {
        const run = st.program(unused)
        run.sync(st.ones([3]))
        return run.toString()
      })
    expect(listing('')).not.toMatch(/exp/)
    expect(listing('no-dead')).toMatch(/exp/)
  })

  it('refuse an unknown switch', () => {
    expect(() => withSettings('fast', () => 0)).toThrow(/unknown switch 'fast'; use eager, unplanned/)
  })
})

describe('listing', () => {
  it('names operations, shapes, sizes and places', () => {
    const run = st.program((x: st.Tensor) => x.matMul(x).relu(), { name: 'square' })
    expect(run.toString()).toBe('square: not recorded yet')
    run.sync(st.ones([4, 4]))
    const text = run.toString()
    expect(text).toMatch(/^square: \d+ rows, arena of \d+ bytes\n/)
    expect(text).toMatch(/matMul +matmul\w* +float32\[4,4\] +float32\[4,4\] float32\[4,4\] +192 +128/)
  })

  it('times every row when profiling, prepared ones included, with the same results', () => {
    const v = st.variable(new st.Generator(4).normal([3, 3, 32, 32]))
    const x = new st.Generator(5).normal([4, 16, 16, 32])
    const convolve = (a: st.Tensor): st.Tensor => st.conv2d(a, v, { padding: 'same', convAlgorithm: 'winograd' }).sum(3)
    const run = st.program(convolve)
    withSettings('profile', () => run.sync(x))
    const [title, header, ...rows] = run.toString().split('\n')
    expect(title).toMatch(/ 3 rows, .* 1 of them prepared/)
    expect(header).toMatch(/ µs$/)
    expect(rows).toHaveLength(3)
    for (const row of rows) expect(Number(/ (\d+\.\d)$/.exec(row)?.[1]), row).toBeGreaterThan(0)
    expect(run.sync(x).array()).toEqual(convolve(x).array())
  })
})

describe('recordings', () => {
  it('are kept for 16 forms: the next takes the place and the memory of the one used longest ago', () => {
    const w = st.variable(st.ones([1000]))
    const x = st.full([1000], 2)
    let recorded = 0
    const run = st.program((a: st.Tensor, number: number) => {
      recorded++
      return a.mul(w.add(number))
    })
    const call = (number: number): void => expect(run.sync(x, number).dataSync()).toEqual(x.mul(w.add(number)).dataSync())
    const kept = (): number => st.memory().variableBytes - run.arenaBytes
    const before = kept()
    call(0)
    const one = kept() - before
    expect(one).toBeGreaterThanOrEqual(4000)
    for (let number = 1; number < 16; number++) call(number)
    for (const [number, recordings] of [
      [0, 16],
      [16, 17],
      [0, 17],
      [1, 18],
      [3, 18],
      [2, 19],
    ] as const) {
      call(number)
      expect([recorded, kept() - before], `after ${number}`).toEqual([recordings, 16 * one])
    }
  })
})
