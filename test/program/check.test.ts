// Check mode: what it notices, and that a run that it ends leaves every variable as it was.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, classifier, stepOf, withSettings } from './problem.js'

const checked = (fn: () => void): void => withSettings('check', fn)

describe('check mode reports a NaN', () => {
  it('with the operation that made it and the line that asked for it', () => {
    const run = st.program((x: st.Tensor) => x.log().add(1))
    checked(() => {
      expect(() => run.sync(st.tensor([-1]))).toThrow(
        /log \(kernel pointwise\) made NaN of inputs without NaN.*check\.test\.ts:\d+/,
      )
    })
  })

  it('that a constant made which the function has disposed of', () => {
    const run = st.program((x: st.Tensor) => {
      using minus = st.tensor([-1])
      return minus.mul(x).sqrt()
    })
    checked(() => {
      expect(() => run.sync(st.tensor([4]))).toThrow(/sqrt .*made NaN/)
    })
  })
})

describe('check mode reports no NaN', () => {
  it('in memory that rows have written in part', () => {
    const run = st.program((x: st.Tensor) => st.concatenate([x.mul(2), x, x.add(1)], 0).square())
    checked(() => expect(run.sync(st.tensor([3])).array()).toEqual([36, 9, 16]))
  })
})

/** A function of a number that it should have been given; the number changes between two calls with the same arguments. */
type Frozen = (x: st.Tensor, frozen: number) => unknown
const state = [1, 2, 3].map((value) => st.variable([value]))
const cases: [string, Frozen, RegExp][] = [
  ['the size of a view', (x, n) => x.slice(0, n).add(1), /row 0 was .*float32\[1\].* and is .*float32\[2\]/],
  ['the place of a view', (x, n) => x.slice(n, 1).add(1), /row 0 was .*value 0 from byte 4.* and is .*value 0 from byte 8/],
  ['the place of a result', (x, n) => x.slice(n, 1), /the result was .*from byte 4.* and is .*from byte 8/],
  ['an argument of a kernel', (x, n) => x.mul(n), /row 0 was mul .* and is mul/],
  ['a constant', (x, n) => x.add(st.tensor([n, n, n, n])), /row 0 was .*constant \w+.* and is .*constant \w+/],
  ['which operand is read', (x, n) => [x.exp(), x.log()][n - 1]?.add(x), /row \d was .* and is/],
  ['which variable is read', (x, n) => x.add(state[n] as st.Variable), /row 0 was .*variable 0.* and is .*variable 1/],
  ['a variable made on the way', (x) => x.add(st.variable([1])), /row 0 was .*variable 0.* and is .*variable 1/],
  ['a row more', (x, n) => (n === 1 ? x.sum() : x.sum().exp()), /row 1 was nothing and is exp/],
  ['a plain value that is returned', (x, n) => ({ y: x.exp(), n }), /the result was .*n: 1.* and is .*n: 2/],
]

describe('check mode notices a number that changes between calls:', () => {
  it.each(cases)('%s', (_, frozen, message) => {
    let number = 1
    const run = st.program((x: st.Tensor) => frozen(x, number))
    checked(() => {
      run.sync(st.arange(4))
      number = 2
      expect(() => run.sync(st.arange(4))).toThrow(message)
      expect(() => run.sync(st.arange(4))).toThrow(/recorded twice with the same arguments/)
    })
  })

  it('and nothing where all is in order', () => {
    const { x, y } = classifier()
    const { step } = stepOf('adam')
    const run = st.program((a: st.Tensor, b: st.Tensor) => [step(a, b), a.slice(1, 1), a.add(st.tensor([1]))])
    checked(() => {
      for (let i = 0; i < 3; i++) expect(() => run.sync(x, y)).not.toThrow()
    })
  })
})

describe('a run that fails in check mode leaves every variable as it was:', () => {
  it('for a bad label', () => {
    const { x, y } = classifier()
    const { net, step } = stepOf('adam')
    const run = st.program(step)
    checked(() => {
      run.sync(x, y)
      const before = bits(net)
      expect(() => run.sync(x, y.add(7))).toThrow(/must be in \[0, 2\)/)
      expect(bits(net)).toEqual(before)
      expect(net.output.kernel.grad).toBeNull()
      run.sync(x, y)
      expect(bits(net)).not.toEqual(before)
    })
  })

  it('for a NaN', () => {
    const count = st.variable([0])
    const run = st.program((x: st.Tensor) => {
      count.assign(count.add(1))
      return x.log()
    })
    checked(() => {
      run.sync(st.tensor([1]))
      expect(() => run.sync(st.tensor([-1]))).toThrow(/made NaN/)
      expect(count.array()).toEqual([1])
    })
  })
})
