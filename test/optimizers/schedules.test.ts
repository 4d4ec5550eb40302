// Schedules against Keras, by `at` and as an optimizer follows them, and their configurations.
import { describe, expect, it } from 'vitest'
import { type LearningRateSchedule, optimizers, schedules, sum, tensor, ValueError, variable } from '../../lib/index.js'
import { scheduleRegistry } from '../../lib/optimizers/schedules.js'
import { type GoldenTensor, readGolden } from '../golden/read.js'
import { expectNear } from '../nn/golden.js'

const cases = readGolden('schedules')
const build = (op: string, options: object): LearningRateSchedule =>
  (schedules as never as Record<string, (o: object) => LearningRateSchedule>)[op]!(options)

it('goldens cover every schedule', () => {
  expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(scheduleRegistry.names)
})

describe.each(cases)('$name', ({ op, options, inputs, outputs }) => {
  const schedule = build(op, options)
  const steps = Array.from((inputs.steps as GoldenTensor).data)
  const rates = (outputs.learningRate as GoldenTensor).data
  const highest = Math.max(...rates)
  it('at', () => {
    // Keras keeps the options in float32.
    expectNear(
      steps.map((step) => schedule.at(step)),
      rates,
      2e-7,
      op,
      highest,
    )
  })
  it('in an optimizer', () => {
    const optimizer = optimizers.sgd({ learningRate: schedule })
    const w = variable(0)
    const found: number[] = []
    for (let step = 0; step <= 50; step++) {
      w.assign(tensor(0))
      sum(w).backward()
      optimizer.step([w])
      if (steps.includes(step)) found.push(-w.item())
    }
    expectNear(found, rates.slice(0, found.length), 2e-7, op, highest)
  })
  it('through its configuration', () => {
    expect(scheduleRegistry.make('test', op, JSON.parse(JSON.stringify(schedule.getConfig()))).getConfig()).toEqual(
      schedule.getConfig(),
    )
  })
})

describe('refused options', () => {
  it.each([
    [
      'no decay steps',
      () => schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 0, decayRate: 0.5 }),
      /'decaySteps'/,
    ],
    [
      'boundaries that do not increase',
      () => schedules.piecewiseConstantDecay({ boundaries: [2, 1], values: [1, 2, 3] }),
      /increasing/,
    ],
    ['too few values', () => schedules.piecewiseConstantDecay({ boundaries: [2, 3], values: [1, 2] }), /an array of 3 rates/],
    [
      'an unknown option',
      () => schedules.cosineDecay({ initialLearningRate: 1, decaySteps: 2, warmup: 3 } as never),
      /unknown option 'warmup'/,
    ],
    ['a missing option', () => schedules.polynomialDecay({ decaySteps: 2 } as never), ValueError],
  ] as const)('%s', (_name, run, error) => {
    expect(run).toThrow(error)
  })
})
