// One row for neighbouring rows that apply the same formula to tensors of several sizes: the optimizer's update of all parameters in one
// parallel pass. The same bits: each element is computed as before.
import { kernelNamed } from '../../dispatch.js'
import { PointwiseSource } from '../../ops/expression/formula.js'
import { kindPosition, operandKinds } from '../../ops/expression/layout.js'
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'

const segmentsKernel = kernelNamed('pointwiseSegments')
/** Limits of one row: native/kernel.h, with room to spare. */
const maxBuffers = 1000
const maxWords = 3000

const samePlace = (a: Tensor, b: Tensor): boolean => a.storage === b.storage && a.byteOffset === b.byteOffset

/** Whether an operand of a run is one scalar that all its rows share. */
function isShared(run: readonly RecordedRow[], k: number): boolean {
  const first = run[0]?.inputs[k] as Tensor
  return first.size === 1 && run.every(({ inputs }) => samePlace(inputs[k] as Tensor, first))
}

const sizeOfRow = (row: RecordedRow): number => (row.outputs[0] as Tensor).size

/** Whether every operand of the run is of the size of its row's result, or a shared scalar: what the kernel takes. */
function fits(run: readonly RecordedRow[]): boolean {
  const count = run[0]?.inputs.length ?? 0
  return Array.from({ length: count }, (_, k) => k).every(
    (k) => isShared(run, k) || run.every((row) => (row.inputs[k] as Tensor).size === sizeOfRow(row)),
  )
}

function canJoin(run: readonly RecordedRow[], row: RecordedRow): boolean {
  const [first] = run as [RecordedRow]
  const [a, b] = [first.source, row.source]
  if (!(a instanceof PointwiseSource) || !(b instanceof PointwiseSource) || a.formula !== b.formula) return false
  if (a.type !== b.type || row.twin || run.length * (row.inputs.length + row.outputs.length) > maxBuffers) return false
  if (row.args.length + run.length > maxWords || first.args.length !== row.args.length) return false
  const sameTypes = row.inputs.every(({ dtype }, k) => dtype === first.inputs[k]?.dtype)
  const written = new Set(run.flatMap(({ outputs }) => outputs.map(({ storage }) => storage)))
  const read = new Set(run.flatMap(({ inputs }) => inputs.map(({ storage }) => storage)))
  const apart = [...row.inputs, ...row.outputs].every(({ storage }) => !written.has(storage))
  return sameTypes && apart && row.outputs.every(({ storage }) => !read.has(storage)) && fits([...run, row])
}

/** The row of a run of two or more. */
function joined(run: readonly RecordedRow[]): RecordedRow {
  const [first] = run as [RecordedRow]
  const sizes = run.map(sizeOfRow)
  const args = [...first.args]
  args[1] = run.length
  args[2] = sizes.reduce((a, b) => a + b, 0)
  const shared = first.inputs.map((_, k) => isShared(run, k))
  shared.forEach((scalar, k) => {
    args[kindPosition(k)] = scalar ? operandKinds.scalar : operandKinds.full
  })
  return {
    ...first,
    kernel: segmentsKernel,
    outputs: run.flatMap(({ outputs }) => outputs),
    inputs: [...run.flatMap(({ inputs }) => inputs.filter((_, k) => !shared[k])), ...first.inputs.filter((_, k) => shared[k])],
    args: [...args, ...sizes],
    source: undefined,
  }
}

export function joinSegments(rows: readonly RecordedRow[], _isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const result: RecordedRow[] = []
  let run: RecordedRow[] = []
  const flush = (): void => {
    if (run.length > 1) result.push(joined(run))
    else result.push(...run)
    run = []
  }
  for (const row of rows) {
    if (run.length === 0 || !canJoin(run, row)) flush()
    run.push(row)
  }
  flush()
  return result
}
