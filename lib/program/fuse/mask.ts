// The gradient to a convolution's input with what is done to it next: the gradient of a residual added, then the mask of relu, of which the
// image is the result. Done while the tiles of Winograd's algorithm are in registers. The same bits.
import { kernelNamed } from '../../dispatch.js'
import { Expression } from '../../ops/expression/expression.js'
import { PointwiseSource } from '../../ops/expression/formula.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { convolutionArguments, isTiled } from './convolution.js'
import { type Grown, type Growth, grow } from './grow.js'
import type { Pass } from './index.js'
import { masked } from './masked.js'
import { samePlace } from './readers.js'

const fusedKernel = kernelNamed('conv2dBackwardInputFused')

const sum = Expression.input(0).add(Expression.input(1))

/** A gradient with the steps taken in so far, which are done in the order of the fields. */
interface Fused extends Grown {
  readonly residual?: Tensor
  readonly mask?: Tensor
}

/** What a row adds to the gradient: another whole gradient of the same image. */
function addedTo(gradient: Tensor, { source }: RecordedRow): Tensor | null {
  if (!(source instanceof PointwiseSource) || source.formula.roots.length !== 1 || source.formula.roots[0] !== sum) return null
  const others = source.operands.filter((operand) => !samePlace(operand, gradient))
  return others.length === 1 ? (others[0] as Tensor) : null
}

/** The gradient with the next row, if the kernel can take it in. */
function absorb(fused: Fused, next: RecordedRow): Fused | null {
  const gradient = fused.outputs[0] as Tensor
  if (next.twin || fused.mask) return null
  const fits = (other: Tensor): boolean =>
    other.storage !== gradient.storage &&
    [other, ...next.outputs].every(({ dtype, size }) => dtype === 'float32' && size === gradient.size)
  const grown = { ...fused, outputs: next.outputs, labels: [...fused.labels, next.label] }
  const mask = masked(next)
  if (mask) return mask.ofRelu && samePlace(mask.gradient, gradient) && fits(mask.value) ? { ...grown, mask: mask.value } : null
  const residual = fused.residual ? null : addedTo(gradient, next)
  return residual && fits(residual) ? { ...grown, residual } : null
}

const operandsOf = ({ residual, mask }: Fused): Tensor[] => [...(residual ? [residual] : []), ...(mask ? [mask] : [])]

/** Whether the pass before has it read the gradient of what was pooled. */
const atWindows = ({ kernel }: RecordedRow): boolean => kernel === fusedKernel

function rowOf(fused: Fused): RecordedRow {
  const { row, outputs, residual, mask, labels } = fused
  return {
    ...row,
    kernel: fusedKernel,
    outputs,
    inputs: [...row.inputs, ...operandsOf(fused)],
    args: [
      ...row.args.slice(0, convolutionArguments),
      Number(atWindows(row)),
      Number(residual !== undefined),
      Number(mask !== undefined),
    ],
    label: labels.join(', '),
    source: undefined,
  }
}

const growth: Growth<Fused> = {
  begin: (row) =>
    (row.kernel.name === 'conv2dBackwardInput' || row.kernel === fusedKernel) && !row.twin && isTiled(row)
      ? { row, outputs: row.outputs, labels: [row.label] }
      : null,
  absorb,
  operands: operandsOf,
  finish: rowOf,
}

export const maskInputGradients: Pass = (rows, isTemporary) => grow(rows, isTemporary, growth)
