// What stands behind a convolution into the convolution: bias, batch normalization with given statistics, a residual, relu and max-pooling
// of 2 × 2, applied while its tiles are in registers or cache. The same bits.
import { kernelNamed } from '../../dispatch.js'
import { Expression } from '../../ops/expression/expression.js'
import { PointwiseSource } from '../../ops/expression/formula.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { type Grown, type Growth, grow } from './grow.js'
import type { Pass } from './index.js'

export const fusedKernel = kernelNamed('conv2dFused')
export const convolutionArguments = 17
/** Where a row of the fused kernel says whether a residual, its last operand, is added. */
export const residualFlag = convolutionArguments + 2
/** Where it says that it makes the mean and the variance of its channels as well. */
export const statisticsFlag = convolutionArguments + 5

const [x, a, b, c] = [0, 1, 2, 3].map(Expression.input) as [Expression, Expression, Expression, Expression]
/** The formulas that the kernel can take in, by what they are made of. */
const formulas = {
  sum: x.add(a),
  sumRelu: x.add(a).maximum(0),
  normalized: x.sub(a).mul(b).add(c),
  relu: x.maximum(0),
}

/** A convolution with the steps taken in so far; steps are done in the order of the fields, so that a later one excludes earlier ones. */
interface Fused extends Grown {
  readonly bias?: Tensor
  readonly normalization?: readonly Tensor[]
  readonly residual?: Tensor
  readonly relu?: boolean
  readonly pooling?: 0 | 1 | 2
}

const filtersOf = ({ args }: RecordedRow): number => args[6] as number

/** Whether a tensor has one float32 number per filter. */
function perFilter(tensor: Tensor | undefined, row: RecordedRow): boolean {
  const filters = filtersOf(row)
  return tensor?.dtype === 'float32' && tensor.size === filters && (filters === 1 || tensor.shape[tensor.rank - 1] === filters)
}

/** A sum: of the convolution and a bias, or a residual of its size. */
function withSum(fused: Fused, other: Tensor, result: Tensor, relu: boolean): Fused | null {
  if (fused.relu) return null
  const flag = relu ? { relu } : {}
  const bare = !fused.bias && !fused.normalization && !fused.residual
  if (bare && perFilter(other, fused.row)) return { ...fused, bias: other, ...flag }
  const whole = other.dtype === 'float32' && other.size === result.size && !fused.residual
  return whole ? { ...fused, residual: other, ...flag } : null
}

/** The convolution with the formula of the next row, if the kernel can take it in. */
function withFormula(fused: Fused, source: PointwiseSource, result: Tensor): Fused | null {
  const [root, ...others] = source.formula.roots
  const operands = source.operands
  const at = operands.findIndex(({ storage }) => storage === fused.outputs[0]?.storage)
  const rest = operands.filter((_, k) => k !== at)
  if (others.length > 0 || rest.some(({ storage }) => storage === fused.outputs[0]?.storage)) return null
  if (root === formulas.relu) return fused.relu ? null : { ...fused, relu: true }
  if (root === formulas.sum || root === formulas.sumRelu)
    return withSum(fused, rest[0] as Tensor, result, root === formulas.sumRelu)
  if (root !== formulas.normalized || at !== 0 || fused.normalization || fused.residual || fused.relu) return null
  return rest.every((operand) => perFilter(operand, fused.row)) ? { ...fused, normalization: rest } : null
}

/** Whether the windows of a max-pooling, or of its gradient, are 2 × 2, side by side, and left out where they do not fit. */
export function poolsByTwo({ args }: RecordedRow): boolean {
  const [, height, width, , kernelHeight, kernelWidth, rows, columns, ...moves] = args as [number, number, number, ...number[]]
  const tiling = kernelHeight === 2 && kernelWidth === 2 && [2, 2, 0, 0].every((step, i) => moves[i] === step)
  return tiling && rows === Math.floor(height / 2) && columns === Math.floor(width / 2)
}

/** The convolution with max-pooling of windows of 2 × 2 side by side; where the maxima were is only kept if somebody reads it. */
function withPooling(fused: Fused, pooling: RecordedRow, keepsTaps: boolean): Fused | null {
  const { outputs } = pooling
  if (!poolsByTwo(pooling) || fused.residual || !isTiled(fused.row)) return null
  return { ...fused, pooling: keepsTaps ? 2 : 1, outputs: keepsTaps ? outputs : outputs.slice(0, 1) }
}

/** Whether it is computed by Winograd, whose tiles hold whole windows: for others the pooling would be a pass of its own. */
export function isTiled({ args }: RecordedRow): boolean {
  return args[convolutionArguments - 1] === 1
}

/** The convolution with the next row, if it can be taken in. */
function absorb(fused: Fused, next: RecordedRow, isRead: (tensor: Tensor) => boolean): Fused | null {
  const [y, result] = [fused.outputs[0] as Tensor, next.outputs[0] as Tensor]
  if (next.twin || fused.pooling) return null
  const labels = [...fused.labels, next.label]
  if (next.kernel.name === 'maxPool2d') {
    const pooled = withPooling(fused, next, isRead(next.outputs[1] as Tensor))
    return pooled && { ...pooled, labels }
  }
  const { source } = next
  const whole = source instanceof PointwiseSource && result.dtype === 'float32' && result.size === y.size
  if (!whole || !keepsFilters(result, fused.row)) return null
  const taken = withFormula(fused, source, result)
  return taken && { ...taken, outputs: next.outputs, labels }
}

/** The last axis of a result must be the filters, or what has one number per filter would be broadcast along another axis. */
function keepsFilters(result: Tensor, row: RecordedRow): boolean {
  return result.shape[result.rank - 1] === filtersOf(row)
}

const operandsOf = ({ bias, normalization = [], residual }: Fused): Tensor[] => [
  ...(bias ? [bias] : []),
  ...normalization,
  ...(residual ? [residual] : []),
]

function rowOf(fused: Fused): RecordedRow {
  const { row, outputs, bias, normalization, residual, relu, pooling = 0, labels } = fused
  const flags = [bias, normalization, residual, relu].map((step) => (step ? 1 : 0))
  return {
    ...row,
    kernel: fusedKernel,
    outputs,
    inputs: [...row.inputs, ...operandsOf(fused)],
    args: [...row.args.slice(0, convolutionArguments), ...flags, pooling, 0],
    label: labels.join(', '),
    source: undefined,
  }
}

const growth: Growth<Fused> = {
  begin: (row) => (row.kernel.name === 'conv2d' && !row.twin ? { row, outputs: row.outputs, labels: [row.label] } : null),
  absorb,
  operands: operandsOf,
  finish: rowOf,
}

export const fuseConvolutions: Pass = (rows, isTemporary) => grow(rows, isTemporary, growth)
