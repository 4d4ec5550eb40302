// Kernels that read the gradient of what was pooled have the bits of those that read it spread over the pixels.
import { afterAll, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { convolutions, type Geometry, outputShape } from './cases/conv.js'
import { overWindows, pooled } from './cases/pooled.js'
import { expectSameBits, instructionSets, type KernelCase, runCase } from './harness.js'

const before = native.info()
afterAll(() => native.setInstructionSet(before.instructionSet))

const plain = { twin: false, shift: 0, guard: 0xa5 }
const resultsOf = (test: KernelCase) => runCase(test, plain).outputs
const bytes = (data: number[]) => ({ dtype: 'uint8' as const, data })

const shapes: Omit<Geometry, 'KH' | 'KW'>[] = [
  { N: 2, H: 14, W: 15, C: 16, O: 16, pad: [1, 1, 1, 1] },
  { N: 2, H: 14, W: 15, C: 5, O: 40, pad: [0, 0, 1, 2] },
  { N: 1, H: 13, W: 12, C: 17, O: 70, pad: [2, 2, 0, 0] },
  { N: 1, H: 3, W: 9, C: 3, O: 7 },
]

test.each(instructionSets)('reading windows changes no bit of the gradients of a convolution on %s', (instructionSet) => {
  native.setInstructionSet(instructionSet)
  for (const shape of shapes) {
    const whole: Geometry = { ...shape, KH: 3, KW: 3, algorithm: 'winograd' }
    const { N, OH, OW, O } = outputShape(whole)
    const { values, where, pixels } = pooled(N, OH, OW, O, 3)
    for (const spread of convolutions(whole, 1, pixels).slice(1)) {
      const inputs = spread.inputs.map((input) => (input.data === pixels ? { ...input, data: values } : input))
      const direct: KernelCase = { ...overWindows(spread), inputs: [...inputs, bytes(where)] }
      expectSameBits(resultsOf(direct), resultsOf(spread), `${direct.kernel} ${spread.name}`)
    }
  }
})

test.each(instructionSets)('reading windows changes no bit of a sum on %s', (instructionSet) => {
  native.setInstructionSet(instructionSet)
  for (const C of [2, 3, 16, 63, 64, 65, 130]) {
    const [N, H, W] = [5, 30, 31]
    const { values, where, pixels } = pooled(N, H, W, C, C)
    const outputs = [{ dtype: 'float32' as const, length: C }]
    const sum = (kernel: string, args: number[], data: number[], more: KernelCase['inputs'][number][]): KernelCase => ({
      kernel,
      name: `${C} channels`,
      args,
      outputs,
      inputs: [{ dtype: 'float32', data }, ...more],
    })
    const direct = resultsOf(sum('sumPooled', [N, H, W, C], values, [bytes(where)]))
    expectSameBits(direct, resultsOf(sum('reduce', [0, 1, N * H * W, C, 0], pixels, [])), `sumPooled of ${C} channels`)
    expect(direct[0]?.some((value) => value !== 0)).toBe(true)
  }
})
