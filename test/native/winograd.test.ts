// A kernel transformed beforehand gives a convolution the bits that it has where it transforms the kernel itself.
import { afterAll, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { convolution } from './cases/conv.js'
import { instructionSets, type KernelCase, runCase } from './harness.js'

const before = native.info()
afterAll(() => native.setInstructionSet(before.instructionSet))

const plain = { twin: false, shift: 0, guard: 0xa5 }
const bytesOf = ({ outputs }: ReturnType<typeof runCase>): Buffer => Buffer.from(outputs[0]!.buffer)

test.each(instructionSets)('winogradKernel changes no bit on %s', (instructionSet) => {
  native.setInstructionSet(instructionSet)
  for (const [C, O] of [
    [3, 5],
    [16, 16],
    [17, 40],
    [40, 70],
  ] as const) {
    const whole = convolution({ N: 2, H: 9, W: 10, C, KH: 3, KW: 3, O, pad: [1, 1, 1, 1], algorithm: 'winograd' })
    const [x, w] = whole.inputs
    const transform: KernelCase = {
      kernel: 'winogradKernel',
      name: 'of the case',
      args: [C, O],
      outputs: [{ dtype: 'float32', length: 36 * C * 16 * Math.ceil(O / 16) }],
      inputs: [w!],
    }
    const data = runCase(transform, plain).outputs[0]!
    const parts: KernelCase = { ...whole, args: [...whole.args.slice(0, 16), 2], inputs: [x!, { dtype: 'float32', data }] }
    expect(bytesOf(runCase(parts, plain)).equals(bytesOf(runCase(whole, plain)))).toBe(true)
  }
})
