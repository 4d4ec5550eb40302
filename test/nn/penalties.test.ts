// Regularizers and constraints: figures by hand, gradients, configurations, and how layers use them.
import { describe, expect, it } from 'vitest'
import { constraints, gradcheck, layers, random, regularizers, sum, type Tensor, tensor, variable } from '../../lib/index.js'
import { constraintRegistry, getConstraint } from '../../lib/nn/constraints.js'
import { getRegularizer, regularizerRegistry } from '../../lib/nn/regularizers.js'

describe('regularizers', () => {
  const w = tensor([
    [1, -2],
    [3, 0],
  ])
  it.each([
    ['l1', regularizers.l1({ l1: 0.5 }), 3],
    ['l2', regularizers.l2({ l2: 0.5 }), 7],
    ['l1l2', regularizers.l1l2({ l1: 0.5, l2: 2 }), 31],
    ['l1 by default', regularizers.l1(), 0.06],
    ['l2 by default', regularizers.l2(), 0.14],
    ['l1l2 by default', regularizers.l1l2(), 0],
  ] as const)('%s', (_name, regularizer, expected) => {
    expect(regularizer.apply(w).item()).toBeCloseTo(expected, 6)
    expect(getRegularizer('test', { className: regularizer.className, config: regularizer.getConfig() })?.getConfig()).toEqual(
      regularizer.getConfig(),
    )
    gradcheck((x) => regularizer.apply(x), [random.normal([3, 2])])
  })
  it('of a model add up, children and all, and reach the gradients', () => {
    const dense = layers.dense({
      units: 2,
      inputShape: [2],
      kernelRegularizer: regularizers.l2({ l2: 1 }),
      biasRegularizer: 'l1',
      useBias: true,
    })
    dense.kernel.assign(w)
    const loss = dense.regularizationLoss() as Tensor
    expect(loss.item()).toBe(14)
    loss.backward()
    expect(dense.kernel.grad?.array()).toEqual([
      [2, -4],
      [6, 0],
    ])
  })
  it('a layer without any has none', () => {
    expect(layers.dense({ units: 2, inputShape: [2] }).regularizationLoss()).toBeNull()
  })
  it('refuse negative factors and unknown names', () => {
    expect(() => regularizers.l2({ l2: -1 })).toThrow(/'l2'/)
    expect(() => getRegularizer('dense', 'l3' as never)).toThrow(/unknown regularizer 'l3'; known are l1, l1l2, l2/)
    expect(regularizerRegistry.names).toEqual(['l1', 'l1l2', 'l2'])
  })
})

describe('constraints', () => {
  const w = [
    [3, 0.3],
    [4, -0.4],
  ]
  // Norms of the columns: 5 and 0.5. Keras divides by norm + 1e-7.
  it.each([
    [
      'maxNorm',
      constraints.maxNorm({ maxValue: 2 }),
      [
        [1.2, 0.3],
        [1.6, -0.4],
      ],
    ],
    [
      'maxNorm along rows',
      constraints.maxNorm({ maxValue: 3, axis: 1 }),
      [
        [2.98511, 0.298511],
        [2.98511, -0.298511],
      ],
    ],
    [
      'nonNeg',
      constraints.nonNeg(),
      [
        [3, 0.3],
        [4, 0],
      ],
    ],
    [
      'unitNorm',
      constraints.unitNorm(),
      [
        [0.6, 0.6],
        [0.8, -0.8],
      ],
    ],
    [
      'minMaxNorm',
      constraints.minMaxNorm({ minValue: 1, maxValue: 2 }),
      [
        [1.2, 0.6],
        [1.6, -0.8],
      ],
    ],
    [
      'minMaxNorm halfway',
      constraints.minMaxNorm({ minValue: 1, maxValue: 3, rate: 0.5 }),
      [
        [2.4, 0.45],
        [3.2, -0.6],
      ],
    ],
  ] as const)('%s', (_name, constraint, expected) => {
    const v = variable(w)
    constraint.project(v)
    const found = v.array() as number[][]
    expected.forEach((row, i) => {
      row.forEach((value, j) => {
        expect(found[i]?.[j]).toBeCloseTo(value, 5)
      })
    })
    expect(getConstraint('test', { className: constraint.className, config: constraint.getConfig() })?.getConfig()).toEqual(
      constraint.getConfig(),
    )
  })
  it('refuse what makes no sense', () => {
    expect(() => constraints.maxNorm({ maxValue: -1 })).toThrow(/'maxValue'/)
    expect(() => constraints.unitNorm({ axis: 0.5 })).toThrow(/'axis'/)
    expect(() => getConstraint('dense', 'maxnorms' as never)).toThrow(
      /unknown constraint 'maxnorms'; known are maxNorm, minMaxNorm, nonNeg, unitNorm/,
    )
    expect(constraintRegistry.names.length).toBe(4)
  })
  it('do not disturb a gradient that is taken before the next step', () => {
    const v = variable(w)
    const loss = sum(v.mul(v))
    constraints.nonNeg().project(v)
    expect(() => loss.backward()).toThrow(/written in place/)
  })
})
