// Every operation of the registry, by one recipe: float32 against the float64 twins, gradients against central differences, float32
// gradients against float64 ones. An operation without samples, or without a gradient or a stated reason, fails.
import { describe, expect, it } from 'vitest'
import '../../lib/index.js'
import { type Op, registry } from '../../lib/ops/op.js'
import {
  checkForward,
  checkGradients,
  checkGradientsInFloat32,
  checkSecondDerivatives,
  isDifferentiable,
  isTwiceDifferentiable,
} from './recipe.js'
import { sampleMaker } from './samples.js'

describe.each([...registry])('%s', (_name, op) => {
  it('has samples, and a gradient or a reason why not', () => {
    expect(op.samples(sampleMaker('float32')).length).toBeGreaterThan(0)
    const { gradient } = op as Partial<Op>
    if ('forward' in op) expect(typeof gradient === 'function' || typeof gradient?.none === 'string').toBe(true)
  })

  it('agrees with its float64 twin', () => checkForward(op))
  it.runIf(isDifferentiable(op))('has the gradient that central differences show', () => checkGradients(op))
  it.runIf(isDifferentiable(op))('has the same gradient in float32', () => checkGradientsInFloat32(op))
  it.runIf(isTwiceDifferentiable(op))('has the second derivative that central differences show', () => checkSecondDerivatives(op))
})
