// Formulas: random ones against plain JavaScript, random broadcasts against naive indexing, in-place updates, derivatives kept small.
import { describe, expect, it } from 'vitest'
import { gradcheck, pointwise, type Tensor, tensor, Variable, variable } from '../../lib/index.js'
import { formula } from '../../lib/ops/elementwise.js'
import { differentiate } from '../../lib/ops/expression/differentiate.js'
import { Expression, topological } from '../../lib/ops/expression/expression.js'
import { layoutOf } from '../../lib/ops/expression/layout.js'
import { uniform } from './samples.js'

/** What the instructions used below mean, in JavaScript. */
const meaning: Record<string, (...x: number[]) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
  negate: (a) => -a,
  absolute: Math.abs,
  exp: Math.exp,
  tanh: Math.tanh,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  square: (a) => a * a,
  less: (a, b) => (a < b ? 1 : 0),
  where: (c, a, b) => (c !== 0 ? a : b),
}

function evaluate(root: Expression, inputs: readonly number[]): number {
  const values = new Map<Expression, number>()
  for (const node of topological([root])) {
    const own = node.kind === 'input' ? (inputs[node.value] as number) : node.value
    const computed = node.instruction ? meaning[node.instruction]?.(...node.operands.map((o) => values.get(o) as number)) : own
    values.set(node, computed as number)
  }
  return values.get(root) as number
}

/** A formula of `steps` random instructions over `inputs`; later ones use any earlier value, so parts are shared. */
function randomExpressions(next: () => number, inputs: readonly Expression[], steps: number): Expression[] {
  const pool: Expression[] = [...inputs, Expression.constant(0.5), Expression.constant(-2)]
  const pick = (): Expression => pool[Math.floor(next() * pool.length)] as Expression
  const makers: (() => Expression)[] = [
    () => pick().add(pick()),
    () => pick().sub(pick()),
    () => pick().mul(pick()),
    () => pick().mul(pick()).add(pick()),
    () => pick().maximum(pick()),
    () => pick().minimum(pick()),
    () => pick().neg(),
    () => pick().abs(),
    () => pick().tanh(),
    () => pick().sigmoid(),
    () => pick().tanh().exp(),
    () => pick().div(pick().square().add(1)),
    () => pick().less(pick()).where(pick(), pick()),
  ]
  for (let i = 0; i < steps; i++) pool.push((makers[Math.floor(next() * makers.length)] as () => Expression)().tanh())
  return pool
}

describe('random formulas', () => {
  it('compute what JavaScript computes, with one output or several', () => {
    const next = uniform(7)
    for (let round = 0; round < 150; round++) {
      const outputs = 1 + (round % 3)
      const op = formula('random', 3, (...inputs) => randomExpressions(next, inputs, 3 + (round % 17)).slice(-outputs))
      const data = Array.from({ length: 3 }, () => Float64Array.from({ length: 21 }, () => 4 * next() - 2))
      const results = op.apply(data.map((values) => tensor(values)))
      op.roots.forEach((root, k) => {
        const got = (results[k] as Tensor).dataSync()
        for (let i = 0; i < 21; i++) {
          expect(got[i]).toBeCloseTo(
            evaluate(
              root,
              data.map((values) => values[i] as number),
            ),
            9,
          )
        }
      })
    }
  })

  it('give the same in place', () => {
    const next = uniform(11)
    for (let round = 0; round < 60; round++) {
      const op = formula('random', 2, (...inputs) => randomExpressions(next, inputs, 6).slice(-2))
      const [a, b] = [0, 1].map(() => tensor(Float32Array.from({ length: 1300 }, () => 4 * next() - 2))) as [Tensor, Tensor]
      const wanted = op.apply([a, b]).map((result) => result.dataSync())
      const targets = [new Variable(a), new Variable(b)]
      op.assign(targets, targets)
      expect(targets.map((target) => target.dataSync())).toEqual(wanted)
    }
  })
})

describe('broadcasting', () => {
  it('agrees with naive indexing for random shapes', () => {
    const next = uniform(3)
    for (let round = 0; round < 200; round++) {
      const rank = 1 + Math.floor(next() * 4)
      const full = Array.from({ length: rank }, () => 1 + Math.floor(next() * 4))
      const shapes = [0, 1, 2].map(() => {
        const shape = full.map((size) => (next() < 0.4 ? 1 : size))
        return shape.slice(Math.floor(next() * (rank + 1)))
      })
      const [a, b, c] = shapes.map((shape) =>
        tensor(
          Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => next()),
          shape,
        ),
      ) as [Tensor, Tensor, Tensor]
      const got = a.add(b.mul(2)).sub(c)
      const fused = pointwise('fused', (x, y, z) => x.add(y.mul(2)).sub(z))(a, b, c)
      expect(fused.shape).toEqual(got.shape)
      const at = (t: Tensor, index: number[]): number => {
        let nested: unknown = t.array()
        index.slice(index.length - t.rank).forEach((i, axis) => {
          nested = (nested as unknown[])[t.shape[axis] === 1 ? 0 : i]
        })
        return nested as number
      }
      const out = fused.dataSync()
      for (let flat = 0; flat < out.length; flat++) {
        let rest = flat
        const index = [...fused.shape].reverse().map((size) => {
          const i = rest % size
          rest = Math.floor(rest / size)
          return i
        })
        index.reverse()
        expect(out[flat]).toBeCloseTo(at(a, index) + 2 * at(b, index) - at(c, index), 5)
      }
    }
  })

  it('recognises rows, columns and scalars', () => {
    expect(layoutOf([4, 3], [[4, 3], [3], [4, 1], []])).toEqual({ rows: 4, columns: 3, kinds: [0, 2, 1, 3] })
    expect(layoutOf([2, 5, 3], [[2, 5, 3], [3]])).toEqual({ rows: 10, columns: 3, kinds: [0, 2] })
    expect(
      layoutOf(
        [2, 5, 3],
        [
          [2, 5, 3],
          [5, 1],
        ],
      ),
    ).toBe(1)
  })
})

describe('derivatives', () => {
  it('share what the forward pass computed and stay small', () => {
    const x = Expression.input(0)
    const [gradient] = differentiate([x.sigmoid()], [Expression.input(1)], 1)
    expect(topological([gradient as Expression]).filter((node) => node.instruction).length).toBeLessThanOrEqual(4)
    expect(differentiate([x.greater(0)], [Expression.input(1)], 1)).toEqual([null])
    expect(differentiate([x.mul(3)], [Expression.input(1)], 1)[0]).toBe(Expression.input(1).mul(3))
  })

  it('never make NaN from a branch that was not taken', () => {
    const safeLog = pointwise('safeLog', (x) => x.greater(0).where(x.log(), 0))
    const w = variable([0, 4])
    safeLog(w).sum().backward()
    expect(w.grad?.array()).toEqual([0, 0.25])
  })

  it('are right for formulas of one’s own', () => {
    const mish = pointwise('mish', (x) => x.mul(x.softplus().tanh()))
    expect(gradcheck((x) => mish(x), [[-2, -0.3, 0.2, 3]])).toBe(true)
  })
})
