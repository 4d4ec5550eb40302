// Bias and activation into the matrix product that they follow: applied in the store, while the tile is in registers. The same bits.
import { kernelNamed } from '../../dispatch.js'
import { Expression } from '../../ops/expression/expression.js'
import { PointwiseSource } from '../../ops/expression/formula.js'
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { changesBetween, readersOf } from './readers.js'

const fusedKernel = kernelNamed('matmulFused')

/** Codes of native/kernels/matmul.cc, by what the activation makes of a sum. */
const activations: readonly ((sum: Expression) => Expression)[] = [
  (sum) => sum,
  (sum) => sum.maximum(0),
  (sum) => sum.sigmoid(),
  (sum) => sum.tanh(),
]
const sum = Expression.input(0).add(Expression.input(1))
// Equal formulas are the same object.
const codes = new Map(activations.map((activation, code) => [activation(sum), code]))

/** The activation's code and the bias, if the row is activation(product + bias) with one bias per column. */
function epilogueOf(
  { source, twin, outputs }: RecordedRow,
  product: Tensor,
  columns: number,
): { code: number; bias: Tensor } | null {
  if (twin || !(source instanceof PointwiseSource) || source.formula.roots.length !== 1 || source.operands.length !== 2)
    return null
  const code = codes.get(source.formula.roots[0] as Expression)
  const [x, bias] = source.operands as [Tensor, Tensor]
  if (code === undefined || x.storage !== product.storage || bias.storage === product.storage) return null
  const perColumn = bias.size === columns && (columns === 1 || bias.shape[bias.rank - 1] === columns)
  return perColumn && bias.dtype === 'float32' && outputs[0]?.size === product.size ? { code, bias } : null
}

/** The last axis of the product must be that of the row's result, or columns would not be columns. */
const sameColumns = (row: RecordedRow, columns: number): boolean => {
  const shape = row.outputs[0]?.shape ?? []
  return columns === 1 || shape[shape.length - 1] === columns
}

export function fuseEpilogues(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const readers = readersOf(rows)
  const result: (RecordedRow | null)[] = [...rows]
  rows.forEach((row, i) => {
    const [product] = row.outputs as [Tensor]
    if (row.kernel.name !== 'matmul' || row.twin || !isTemporary(product.storage)) return
    const [at, ...others] = readers.get(product.storage) ?? []
    const columns = row.args[2] as number
    const next = at === undefined || others.length > 0 ? undefined : (rows[at] as RecordedRow)
    const epilogue = next && sameColumns(next, columns) ? epilogueOf(next, product, columns) : null
    if (!epilogue || at === undefined || !next || changesBetween(rows, i, at, row.inputs)) return
    result[i] = null
    result[at] = {
      ...row,
      kernel: fusedKernel,
      outputs: next.outputs,
      inputs: [...row.inputs, epilogue.bias],
      args: [...row.args, epilogue.code],
      label: `${row.label}, ${next.label}`,
    }
  })
  return result.filter((row) => row !== null)
}
