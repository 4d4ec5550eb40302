// Statistics of the columns of x [rows, channels], as batch normalization needs them: one pass over the operands each.
// Invariant: nothing here is recorded for differentiation; whoever calls knows the derivative.
import { call, kernelNamed } from '../dispatch.js'
import { emptyTensor, type Tensor } from '../tensor/tensor.js'
import { isTwin } from './op.js'

const momentsKernel = kernelNamed('channelMoments')
const gradientsKernel = kernelNamed('channelGradients')

/** Mean and biased variance of each column of x [rows, channels], rows ≥ 1. */
export function channelMoments(x: Tensor): { mean: Tensor; variance: Tensor } {
  const [rows, channels] = x.shape as [number, number]
  const mean = emptyTensor(x.dtype, [channels])
  const variance = emptyTensor(x.dtype, [channels])
  call(momentsKernel, isTwin(x.dtype), [mean, variance], [x], [rows, channels])
  return { mean, variance }
}

/** Σ dy·(x − mean)·rstd and Σ dy of each column; all of one dtype, mean and rstd [channels]. */
export function channelGradients(dy: Tensor, x: Tensor, mean: Tensor, rstd: Tensor): { dGamma: Tensor; dBeta: Tensor } {
  const [rows, channels] = x.shape as [number, number]
  const dGamma = emptyTensor(x.dtype, [channels])
  const dBeta = emptyTensor(x.dtype, [channels])
  call(gradientsKernel, isTwin(x.dtype), [dGamma, dBeta], [dy, x, mean, rstd], [rows, channels])
  return { dGamma, dBeta }
}
