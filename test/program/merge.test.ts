// Formulas are merged into the one formula that reads them where that changes nothing, and the bits stay those of the rows by themselves.
import { afterAll, describe, expect, it } from 'vitest'
import { RandomSource } from '../../lib/data/rng.js'
import * as st from '../../lib/index.js'
import { native } from '../../lib/native.js'
import { instructionSets } from '../native/harness.js'
import { bits, operations, threeWays, withSettings } from './problem.js'

const before = native.info()
afterAll(() => native.setInstructionSet(before.instructionSet))

const x = new st.Generator(3).normal([40, 32])
const column = new st.Generator(4).normal([32])
const row = new st.Generator(5).normal([40, 1])

type Step = (x: st.Tensor) => st.Tensor | st.Tensor[]

/** The rows that a function records, after its results were found to be those without the pass, to the bit. */
function recorded(fn: Step, input = x): string[] {
  const run = (): { values: unknown; rows: string[] } => {
    const program = st.program(fn)
    const result = program.sync(input)
    const values = [result].flat().map((tensor) => Array.from(tensor.dataSync()))
    return { values, rows: operations(program.toString()) }
  }
  // What depends on constants alone is prepared, and then not the concern of this pass.
  const { values, rows } = withSettings('no-prepare', run)
  for (const switches of ['', 'no-merge', 'eager']) expect(withSettings(switches, run).values).toEqual(values)
  return rows
}

describe('a formula is merged', () => {
  it('into the one that reads it, and with that one further on', () => {
    expect(recorded((a) => a.mul(2).sin().add(1))).toEqual(['mul, sin, add'])
    expect(recorded((a) => a.exp().add(a.tanh()))).toEqual(['exp, tanh, add'])
  })

  it('with operands per column, per row and scalar', () => {
    expect(recorded((a) => a.mul(column).sin())).toEqual(['mul, sin'])
    expect(recorded((a) => a.sin().mul(column))).toEqual(['sin, mul'])
    expect(recorded((a) => a.mul(column).sub(column).relu())).toEqual(['mul, sub, relu'])
    expect(recorded((a) => a.mul(row).add(st.tensor(3)).relu())).toEqual(['mul, add, relu'])
  })

  it('seen in another shape', () => {
    expect(recorded((a) => st.relu(a.mul(column).reshape([5, 8, 32])))).toEqual(['mul, relu'])
    expect(recorded((a) => a.sin().reshape([1280]).add(1))).toEqual(['sin, add'])
  })

  it('of one number into one of many', () => {
    expect(recorded((a) => a.mul(a.mean().add(1).sqrt()))).toEqual(['mean', 'add, sqrt, mul'])
  })

  it('that reads it twice', () => {
    expect(
      recorded((a) => {
        const y = a.add(1)
        return y.mul(y)
      }),
    ).toEqual(['add, mul'])
  })

  it('of truths and of integers', () => {
    expect(recorded((a) => a.greater(0).where(a, 1))).toEqual(['greater, where'])
    const counts = st.tensor([1, 2, 3, 4], [4], 'int32')
    expect(recorded((a) => a.mul(3).add(a), counts)).toEqual(['mul, add'])
  })

  it('with the updates of all parameters, when each has one to bring', () => {
    const run = (text: string): { rows: string[]; values: unknown } =>
      withSettings(text, () => {
        st.setSeed(1)
        const net = st.sequential([
          st.layers.dense({ units: 8, inputShape: [32], activation: 'relu' }),
          st.layers.dense({ units: 1 }),
        ])
        const optimizer = st.optimizers.adam({ globalClipNorm: 0.1 })
        const step = st.program((a: st.Tensor) => {
          net.forward(a).square().mean().backward()
          optimizer.step(net.parameters())
        })
        for (let i = 0; i < 3; i++) step.sync(x)
        return { rows: operations(step.toString()), values: bits(net) }
      })
    const { rows, values } = run('')
    expect(run('no-merge').values).toEqual(values)
    expect(rows.filter((name) => name.includes('adam') && name !== 'adamRate')).toHaveLength(1)
  })
})

describe('a formula stays by itself', () => {
  it('when somebody else reads it, or it is a result', () => {
    const twice: Step = (a) => {
      const y = a.sin()
      return [y.add(1), y.sum()]
    }
    expect(recorded(twice)).toContain('sin')
    expect(recorded((a) => [a.sin(), a.sin().add(1)])).toEqual(['sin', 'sin, add'])
    const result: Step = (a) => {
      const y = a.sin()
      return [y, y.add(1)]
    }
    expect(recorded(result)).toEqual(['sin', 'add'])
  })

  it('when it is broadcast, or a part of it is read', () => {
    const other = new st.Generator(6).normal([40])
    expect(recorded((a) => a.mul(column.exp()))).toEqual(['exp', 'mul'])
    expect(recorded((a) => a.sub(a.sin().mean(1, true)).relu())).toEqual(['sin', 'mean', 'sub, relu'])
    expect(recorded((a) => a.sin().slice([0, 0], [20, 32]).add(1))).toContain('sin')
    expect(recorded((a) => a.mul(row).reshape([32, 40]).add(other))).toEqual(['mul', 'add'])
  })

  it('in another type', () => {
    const counts = st.tensor([1, 2, 3, 4], [4], 'int32')
    expect(recorded((a) => a.mul(3).mul(0.5), counts)).toEqual(['mul', 'mul'])
    expect(recorded((a) => a.cast('float64').sin().add(1))).toEqual(['cast', 'sin', 'add'])
  })

  it('when a variable that it reads is written before it is used', () => {
    const v = st.variable(x)
    const run = (text: string): number[] =>
      withSettings(text, () => {
        v.assign(x)
        const program = st.program((a: st.Tensor) => {
          const y = v.mul(2)
          v.assign(v.add(a))
          return y.add(1)
        })
        return [...program.sync(x).dataSync(), ...program.sync(x).dataSync()]
      })
    expect(run('')).toEqual(run('no-merge'))
  })
})

describe('sums and products round as they did', () => {
  const [a, b, c] = [1, 2, 3].map((seed) => new st.Generator(seed).normal([500])) as [st.Tensor, st.Tensor, st.Tensor]

  it('a product by itself is rounded before it is added', () => {
    expect(recorded(() => a.mul(b).add(c))).toEqual(['mul, add'])
    const scaled = st.pointwise('scaled', (p, q, r) => p.mul(q).add(r))
    expect(recorded(() => scaled(a, b, c).mul(b).add(a))).toEqual(['scaled, mul, add'])
  })

  it('a product inside a formula is not rounded, also where another formula has the same one', () => {
    const fused = st.pointwise('fused', (p, q, r) => p.mul(q).add(r))
    const shared = st.pointwise('shared', (p, q, r) => p.mul(q).sub(r))
    expect(recorded(() => shared(a, b, fused(a, b, c)))).toEqual(['fused, shared'])
    expect(recorded(() => fused(a, b, shared(a, b, c)))).toEqual(['shared, fused'])
  })
})

/** Thirty random steps, each from earlier values; several of them are results. */
function randomSteps(seed: number): Step {
  return (t) => {
    const rng = new RandomSource(seed)
    const pick = (below: number): number => Math.floor(rng.uniform() * below)
    const values = [t, t.mul(column)]
    const some = (): st.Tensor => values[Math.max(0, values.length - 1 - pick(3))] as st.Tensor
    const steps = [
      () => some().mul(some()).add(some()),
      () => some().mul(column),
      () => some().sub(row),
      () => some().mul(some()),
      () => some().add(some()),
      () => some().maximum(some()),
      () => some().greater(0).where(some(), some()),
      () => some().tanh(),
      () => some().sub(some().mean(1, true)),
      () => some().reshape([32, 40]).mul(0.7).reshape([40, 32]),
      () => some().mul(some().mean().add(0.5)),
    ]
    for (let i = 0; i < 30; i++) values.push((steps[pick(steps.length)] as () => st.Tensor)().mul(0.5))
    return [some().add(some()), some(), some().sum(0)]
  }
}

it.each(instructionSets)('40 random programs keep their bits and most lose rows on %s', (instructionSet) => {
  native.setInstructionSet(instructionSet)
  const rows = (seed: number, text: string): number =>
    withSettings(text, () => {
      const program = st.program(randomSteps(seed))
      program.sync(x)
      return operations(program.toString()).length
    })
  let fewer = 0
  for (let seed = 0; seed < 40; seed++) {
    recorded(randomSteps(seed))
    if (rows(seed, '') < rows(seed, 'no-merge')) fewer++
  }
  expect(fewer).toBeGreaterThan(30)
  native.setInstructionSet(before.instructionSet)
})

describe('training gives the same bits with each pass, without it and eagerly', () => {
  const labels = st.tensor(
    Array.from({ length: 6 }, (_, i) => i % 3),
    [6],
    'int32',
  )
  const images = new st.Generator(8).normal([6, 8, 8, 2])

  /** Three steps with an optimizer; the weights after them. */
  function trained(make: () => st.Module & { forward(x: st.Tensor): st.Tensor }, name: st.OptimizerName): unknown[] {
    return threeWays(() => {
      st.setSeed(1)
      const model = make()
      const optimizer = st.getOptimizer(name)
      const step = st.program((a: st.Tensor, y: st.Tensor) => {
        const loss = st.losses.sparseCategoricalCrossentropy(y, model.forward(a), { fromLogits: true })
        loss.backward()
        optimizer.step(model.parameters())
        return loss
      })
      return [Array.from({ length: 3 }, () => step.sync(images, labels).item()), bits(model)]
    })
  }

  class Residual extends st.Module {
    first = st.layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', inputShape: [8, 8, 2] })
    second = st.layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', inputShape: [8, 8, 6] })
    norm1 = st.layers.batchNormalization({ inputShape: [8, 8, 6] })
    norm2 = st.layers.batchNormalization({ inputShape: [8, 8, 6] })
    dropout = st.layers.dropout({ rate: 0.25, seed: 3 })
    output = st.layers.dense({ units: 3, inputShape: [384], kernelRegularizer: 'l2' })
    forward(a: st.Tensor): st.Tensor {
      const h = st.relu(this.norm1.forward(this.first.forward(a)))
      const y = st.relu(this.norm2.forward(this.second.forward(h)).add(h))
      return this.output.forward(this.dropout.forward(y.reshape([6, 384])))
    }
  }

  /** An LSTM over the rows of an image. */
  class Recurrent extends st.Module {
    input = st.layers.dense({ units: 20, inputShape: [16] })
    recurrent = st.layers.dense({ units: 20, inputShape: [5], useBias: false })
    output = st.layers.dense({ units: 3, inputShape: [5] })
    forward(a: st.Tensor): st.Tensor {
      let [h, c] = [st.zeros([6, 5]), st.zeros([6, 5])]
      for (let t = 0; t < 4; t++) {
        const input = a.slice([0, t, 0, 0], [6, 1, 8, 2]).reshape([6, 16])
        const gates = this.input.forward(input).add(this.recurrent.forward(h))
        const [i, f, g, o] = st.split(gates, 4, 1) as st.Tensor[]
        c = (f as st.Tensor)
          .sigmoid()
          .mul(c)
          .add((i as st.Tensor).sigmoid().mul((g as st.Tensor).tanh()))
        h = (o as st.Tensor).sigmoid().mul(c.tanh())
      }
      return this.output.forward(h)
    }
  }

  it.each(['sgd', 'adam', 'rmsprop'] as const)('of a residual block with %s', (name) => {
    const results = trained(() => new Residual(), name)
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('of an LSTM', () => {
    const results = trained(() => new Recurrent(), 'adam')
    for (const result of results) expect(result).toEqual(results[0])
  })
})
