// The tests of the tests: with any one kernel's output or any one gradient off by a factor of 1.001, the recipe must fail.
import { afterEach, describe, expect, it } from 'vitest'
import { call, instructionCodes, kernelNamed, kernelNames } from '../../lib/dispatch.js'
import { injectFault } from '../../lib/fault.js'
import { arange, full, oneHot, tensor } from '../../lib/index.js'
import { channelGradients, channelMoments } from '../../lib/ops/channels.js'
import { registry } from '../../lib/ops/op.js'
import { emptyTensor, type Tensor } from '../../lib/tensor/tensor.js'
import { randomChecks } from './random-recipe.js'
import { checkForward, checkGradients, checkGradientsInFloat32, isDifferentiable } from './recipe.js'

/** Checks that run a kernel: those of the operations that name it, or its own. */
function checksOf(kernel: string): (() => void)[] {
  const own = randomChecks[kernel]
  const users = [...registry.values()].filter((op) => 'kernels' in op && op.kernels.includes(kernel))
  const checks = users
    .slice(0, 3)
    .flatMap((op) => [() => checkForward(op), () => isDifferentiable(op) && checkGradientsInFloat32(op)])
  return own ? [own, ...checks] : checks
}

/** A convolution of an image of 4 × 4 to 2 × 2 by Winograd. */
const oneWindow = [1, 4, 4, 1, 3, 3, 1, 2, 2, 1, 1, 0, 0, 1, 1, 1, 1]
const lastPixel = (): Tensor => tensor([3], [1], 'uint8')

/** Kernels that run alike for both types, so that only known values show a fault, and those that no operation encodes by itself. */
const knownValues: Record<string, () => void> = {
  fill: () => expect(full([5], 3).array()).toEqual([3, 3, 3, 3, 3]),
  oneHot: () => expect(oneHot([1], 3).array()).toEqual([[0, 1, 0]]),
  matmulFused: () => {
    const out = emptyTensor('float32', [1, 1])
    call(kernelNamed('matmulFused'), false, [out], [full([1, 1], 2), full([1, 1], 3), full([1], 1)], [1, 1, 1, 1, 0, 0, 1, 1, 0])
    expect(out.array()).toEqual([[7]])
  },
  conv2dFused: () => {
    const out = emptyTensor('float32', [1, 1, 1, 1])
    const geometry = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0]
    call(kernelNamed('conv2dFused'), false, [out], [full([1], 2), full([1], 3), full([1], 1)], [...geometry, 1, 0, 0, 0, 0, 0])
    expect(out.array()).toEqual([[[[7]]]])
  },
  // One tap in the middle, times 3; a residual of 1; the second of two images is masked.
  conv2dBackwardInputFused: () => {
    const out = emptyTensor('float32', [2, 1, 1, 1])
    const kernel = tensor([0, 0, 0, 0, 3, 0, 0, 0, 0])
    const geometry = [2, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    const inputs = [full([2], 2), kernel, full([2], 1), tensor([1, -1])]
    call(kernelNamed('conv2dBackwardInputFused'), false, [out], inputs, [...geometry, 0, 1, 1])
    expect(out.dataSync()[0]).toBeCloseTo(7, 5) // Winograd's transforms round
    expect(out.dataSync()[1]).toBe(0)
  },
  // One window over the four pixels of the output, the last of which has its value.
  conv2dBackwardKernelPooled: () => {
    const out = emptyTensor('float32', [3, 3, 1, 1])
    call(kernelNamed('conv2dBackwardKernelPooled'), false, [out], [full([4, 4], 3), full([1], 2), lastPixel()], oneWindow)
    expect(out.dataSync()[8]).toBeCloseTo(6, 4)
  },
  sumPooled: () => {
    const out = emptyTensor('float32', [2])
    call(kernelNamed('sumPooled'), false, [out], [tensor([3, 4]), tensor([3, 0], [2], 'uint8')], [1, 2, 2, 2])
    expect(out.array()).toEqual([3, 4])
  },
  // The first position of a kernel's only channel and filter holds the first tap.
  winogradKernel: () => {
    const out = emptyTensor('float32', [36 * 16])
    call(kernelNamed('winogradKernel'), false, [out], [full([3, 3], 2)], [1, 1])
    expect(out.dataSync()[0]).toBe(2)
  },
  // The first row of a panel is the first of the matrix, with zeros behind it.
  matmulPanels: () => {
    const out = emptyTensor('float32', [32])
    call(kernelNamed('matmulPanels'), false, [out], [full([2, 3], 2)], [2, 3])
    expect(Array.from(out.dataSync().slice(0, 4))).toEqual([2, 2, 2, 0])
  },
  // copy over segments of one and two elements
  pointwiseSegments: () => {
    const [x, y] = [full([1], 3), full([2], 4)]
    const outputs = [emptyTensor('float32', [1]), emptyTensor('float32', [2])]
    const formula = [0, 2, 3, 1, 1, 0, 0, 1, 0, 0, 0, instructionCodes.get('copy') as number, 1, 0, 0, 0]
    call(kernelNamed('pointwiseSegments'), false, outputs, [x, y], [...formula, 1, 2])
    expect(outputs.map((output) => output.array())).toEqual([[3], [4, 4]])
  },
  channelMoments: () => {
    const { mean, variance } = channelMoments(tensor([[1], [3]]))
    expect([mean.array(), variance.array()]).toEqual([[2], [1]])
  },
  channelGradients: () => {
    const [x, dy, mean, rstd] = [tensor([[1], [3]]), tensor([[1], [2]]), tensor([2]), tensor([0.5])]
    const { dGamma, dBeta } = channelGradients(dy, x, mean, rstd)
    expect([dGamma.array(), dBeta.array()]).toEqual([[0.5], [3]])
  },
  arange: () => expect(arange(1, 4).array()).toEqual([1, 2, 3]),
}

afterEach(() => injectFault(undefined))

describe('a fault of 1.001 is noticed', () => {
  it.each(kernelNames)('in kernel %s', (name) => {
    const checks = knownValues[name] ? [knownValues[name] as () => void] : checksOf(name)
    for (const check of checks) check()
    injectFault(`kernel:${name}`)
    expect(() => {
      for (const check of checks) check()
    }).toThrow()
  })

  const differentiable = [...registry].filter(([, op]) => 'forward' in op && isDifferentiable(op))
  it.each(differentiable)('in the gradient of %s', (name, op) => {
    injectFault(`gradient:${name}`)
    expect(() => {
      checkGradients(op)
      checkGradientsInFloat32(op)
    }).toThrow()
  })
})
