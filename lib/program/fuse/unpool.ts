// The mask of an activation before the gradient is spread over the windows of a max-pooling: on as many elements as there are windows.
// What spreads is zero but where the maximum was, and there the pooled value is the value that the mask asks for. The same bits.
import { PointwiseSource } from '../../ops/expression/formula.js'
import { operandKinds } from '../../ops/expression/layout.js'
import { plannedStorage, type Storage } from '../../tensor/storage.js'
import { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { masked } from './masked.js'
import { changesBetween, readersOf, samePlace } from './readers.js'

/** The two rows in the other order: the mask over windows, then the gradient spread. */
function swapped(spread: RecordedRow, mask: RecordedRow, pooled: Tensor, gradient: Tensor): [RecordedRow, RecordedRow] {
  const [dy, where] = spread.inputs as [Tensor, Tensor]
  const source = mask.source as PointwiseSource
  const small = new Tensor(dy.dtype, dy.shape, plannedStorage(dy.size * 4))
  const operands = source.operands.map((operand) => (operand === gradient ? dy : pooled))
  const layout = { rows: 1, columns: dy.size, kinds: operands.map(() => operandKinds.full) }
  const args = source.formula.argumentsAt(layout, [small], operands, source.type)
  const moved = new PointwiseSource(source.formula, operands, dy.shape, source.type)
  return [
    { ...mask, outputs: [small], inputs: operands, args, source: moved },
    { ...spread, outputs: mask.outputs, inputs: [small, where] },
  ]
}

export function maskBeforeUnpooling(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const readers = readersOf(rows)
  const poolings = new Map(rows.filter(({ kernel }) => kernel.name === 'maxPool2d').map((row) => [row.outputs[1]?.storage, row]))
  const result = [...rows]
  rows.forEach((spread, i) => {
    const where = spread.inputs[1]
    const pooling = poolings.get(where?.storage)
    const [dx] = spread.outputs
    if (spread.kernel.name !== 'maxPool2dBackward' || spread.twin || !where || !pooling || !dx || !isTemporary(dx.storage)) return
    if (!samePlace(pooling.outputs[1] as Tensor, where)) return
    const [at, ...others] = readers.get(dx.storage) ?? []
    const mask = at === undefined || others.length > 0 ? null : masked(rows[at] as RecordedRow)
    if (at === undefined || !mask || !samePlace(mask.gradient, dx)) return
    const [pooled, image] = [pooling.outputs[0] as Tensor, pooling.inputs[0] as Tensor]
    if (!samePlace(mask.value, image) || changesBetween(rows, i, at, spread.inputs)) return
    const [first, second] = swapped(spread, rows[at] as RecordedRow, pooled, mask.gradient)
    result[i] = first
    result[at] = second
  })
  return result
}
