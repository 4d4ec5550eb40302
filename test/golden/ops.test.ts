// Operations and their gradients against the goldens of ops.py, in float32 (fast kernels) and float64 (the naive twins).
import { describe, it } from 'vitest'
import * as st from '../../lib/index.js'
import { epsilonOf, expectGolden, type FloatType, floatTypes, fromGolden } from '../nn/golden.js'
import { type GoldenCase, type GoldenTensor, readGolden } from './read.js'

type Inputs = Record<string, st.Tensor>

/** Errors are measured against the greatest expected value, or 1 (inputs and dy are about 1; results may cancel to less). */
function expectOp(actual: st.Tensor, expected: GoldenTensor | undefined, dtype: FloatType, what: string): void {
  const scale = Math.max(1, ...Array.from((expected as GoldenTensor).data, Math.abs))
  expectGolden(actual, expected as GoldenTensor, bound * epsilonOf[dtype], what, scale)
}

/** What each op of the goldens is here; the inputs that get a gradient are those the golden has one for. */
const table: Record<string, (inputs: Inputs, options: Record<string, unknown>) => st.Tensor> = {
  conv2d: ({ x, kernel }, { strides, padding, dilationRate, groups }) =>
    st.conv2d(x, kernel, { strides, padding, dilation: dilationRate, groups } as st.Conv2dOptions),
  maxPool2d: ({ x }, { poolSize, strides, padding }) =>
    st.maxPool2d(x, poolSize as [number, number], { strides, padding } as st.PoolOptions),
  averagePool2d: ({ x }, { poolSize, strides, padding }) =>
    st.averagePool2d(x, poolSize as [number, number], { strides, padding } as st.PoolOptions),
  matMul: ({ a, b }, { transposeA, transposeB }) => st.matMul(a, b, transposeA as boolean, transposeB as boolean),
  gelu: ({ x }) => st.gelu(x),
  silu: ({ x }) => st.silu(x),
  softplus: ({ x }) => st.softplus(x),
  sigmoid: ({ x }) => st.sigmoid(x),
  tanh: ({ x }) => st.tanh(x),
  relu: ({ x }) => st.relu(x),
  selu: ({ x }) => st.selu(x),
  elu: ({ x }, { alpha }) => st.elu(x, alpha as number),
  leakyRelu: ({ x }, { negativeSlope }) => st.leakyRelu(x, negativeSlope as number),
  softmax: ({ x }, { axis }) => st.softmax(x, axis as number),
  logSoftmax: ({ x }, { axis }) => st.logSoftmax(x, axis as number),
  embedding: ({ table, indices }) => st.gather(table, indices),
}

/** A layer: test/nn/layers.test.ts has it. */
const elsewhere = (golden: GoldenCase): boolean => golden.op === 'batchNormalization'

/** Rounding of the sums behind a result: up to 400 terms in the goldens, errors of random sign, a factor for the functions. */
const bound = 64

describe.each(floatTypes)('goldens of operations in %s', (dtype) => {
  it.each(readGolden('ops').filter((golden) => !elsewhere(golden)))('$name', ({ op, options, inputs, outputs, gradients }) => {
    const call = table[op] as (typeof table)[string]
    const wanted = Object.keys(gradients)
    const values = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, fromGolden(value, dtype)]))
    const run = (...tensors: st.Tensor[]): st.Tensor =>
      call({ ...values, ...Object.fromEntries(wanted.map((key, i) => [key, tensors[i] as st.Tensor])) }, options)
    const given = wanted.map((key) => values[key] as st.Tensor)
    expectOp(run(...given), outputs.y, dtype, 'y')
    const dy = values.dy as st.Tensor
    const { grads } = st.valueAndGrad((...tensors: st.Tensor[]) => st.sum(st.mul(run(...tensors), dy)))(...given)
    for (const [i, key] of wanted.entries()) expectOp(grads[i] as st.Tensor, gradients[key], dtype, `d${key}`)
  })
})
