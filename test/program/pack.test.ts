// Weights of large products are packed once, by whoever leaves them alone, and change no bit.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { native } from '../../lib/native.js'
import { numbers, operations, preparedOf } from './problem.js'

/** Elsewhere OpenBLAS multiplies large matrices, and packs them itself. */
const packs = ['avx2', 'avx512'].includes(native.info().instructionSet)
const normal = (...shape: number[]): st.Tensor => new st.Generator(shape.length + (shape[0] as number)).normal(shape)
const packings = (program: { toString(): string }): number =>
  operations(program.toString()).filter((row) => row === 'pack matrix').length
const whenPacked = packs ? 1 : 0

describe('packed are', () => {
  const w = st.variable(normal(270, 512))
  const [four, ten] = [normal(4, 270), normal(10, 270)]
  const packed = (fn: (x: st.Tensor) => st.Tensor | st.Tensor[], x = ten): number =>
    preparedOf(fn, x).filter((row) => row === 'pack matrix').length

  it('large weights, once for all products that read them in the same shape', () => {
    expect(packed((x) => st.matMul(x, w))).toBe(whenPacked)
    expect(packed((x) => [st.matMul(x, w), st.relu(st.matMul(x.neg(), w).add(st.ones([512])))])).toBe(whenPacked)
    expect(packed((x) => st.matMul(st.matMul(x, w), w.reshape([512, 270])))).toBe(2 * whenPacked)
    expect(packed((x) => st.matMul(x, w.mul(2)))).toBe(whenPacked)
  })

  it('no weights of few products, of less than 512 KiB, turned ones and those of float64', () => {
    expect(packed((x) => st.matMul(x, w), four)).toBe(0)
    expect(packed((x) => st.matMul(x.slice([0, 0], [10, 255]), w.slice([0, 0], [255, 512])))).toBe(0)
    expect(packed((x) => st.matMul(x, w.reshape([512, 270]), false, true))).toBe(0)
    expect(packed((x) => st.matMul(x.cast('float64'), w.cast('float64')))).toBe(0)
  })

  it('no weights whose gradients the program leaves for somebody else', () => {
    const weights = st.variable(normal(270, 512))
    const lossOf = (x: st.Tensor): st.Tensor => st.matMul(x, weights).square().mean()
    const gradients = st.program((x: st.Tensor) => {
      const loss = lossOf(x)
      loss.backward()
      return loss
    })
    const loss = st.program(lossOf)
    for (let i = 0; i < 2; i++) {
      expect(numbers(gradients.sync(ten))).toEqual(numbers(loss.sync(ten)))
      weights.assign(weights.sub(weights.grad ?? 0))
    }
    expect([gradients, loss].map(packings)).toEqual([0, whenPacked])
  })

  it('the weights of a frozen layer while others learn', () => {
    const [frozen, head] = [st.variable(normal(270, 512), { trainable: false }), st.variable(normal(512, 3).mul(0.01))]
    const optimizer = st.optimizers.sgd({ learningRate: 1e-5 })
    const step = st.program((x: st.Tensor) => {
      const loss = st.matMul(st.matMul(x, frozen).relu(), head).square().mean()
      loss.backward()
      optimizer.step([head])
      return loss
    })
    const [first, second] = [step.sync(ten).item(), step.sync(ten).item()]
    expect(second).toBeLessThan(first)
    expect(packings(step)).toBe(whenPacked)
  })
})

describe('packed weights', () => {
  it('give the bits of others, in whatever parts those are summed', () => {
    const shapes = [
      [32, 512, 512],
      [33, 300, 1000],
      [8, 1025, 256],
      [10, 2048, 256],
      [70, 3000, 100],
      [20, 5000, 30],
    ] as const
    for (const [rows, depth, columns] of shapes) {
      const [x, w] = [normal(rows, depth), st.variable(normal(depth, columns))]
      const multiply = st.program((left: st.Tensor) => st.matMul(left, w))
      expect(numbers(multiply.sync(x)), `${[rows, depth, columns]}`).toEqual(numbers(st.matMul(x, w)))
    }
  })

  it('lie in memory once for all recordings of a program, however those take turns', async () => {
    const w = st.variable(normal(270, 512))
    const product = (x: st.Tensor): st.Tensor => st.matMul(x, w)
    const multiply = st.program(product)
    const inputs = [8, 16, 40].map((rows) => normal(rows, 270))
    const before = st.memory().variableBytes
    for (let i = 0; i < 3; i++) {
      for (const x of inputs) expect(numbers(multiply.sync(x))).toEqual(numbers(product(x)))
      const results = await Promise.all([...inputs, ...inputs].map((x) => multiply(x)))
      expect(results.map(numbers)).toEqual([...inputs, ...inputs].map((x) => numbers(product(x))))
      w.assign(w.mul(1.5))
    }
    expect(st.memory().variableBytes).toBe(before + multiply.arenaBytes + whenPacked * 4 * 270 * 512)
    multiply.dispose()
    expect(st.memory().variableBytes).toBe(before)
  })

  it.runIf(packs)('serve every instruction set', () => {
    const [x, w] = [normal(6, 270), st.variable(normal(270, 500))]
    const multiply = st.program((left: st.Tensor) => st.matMul(left, w))
    // Eagerly OpenBLAS multiplies as many rows on vectors of four floats: two sums of 270 products that differ by rounding at most.
    const many = normal(40, 270)
    const rounding = st.matMul(many.abs(), w.abs()).mul(270 * 2 ** -23)
    const before = native.info()
    try {
      for (const name of [...before.instructionSets, before.instructionSet]) {
        native.setInstructionSet(name)
        expect(numbers(multiply.sync(x))).toEqual(numbers(st.matMul(x, w)))
        const difference = multiply.sync(many).sub(st.matMul(many, w)).abs()
        expect(st.lessEqual(difference, rounding).cast('int32').sum().item(), name).toBe(40 * 500)
      }
    } finally {
      native.setInstructionSet(before.instructionSet)
    }
    expect(packings(multiply)).toBe(1)
  })
})
