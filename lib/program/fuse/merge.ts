// A formula into the one formula that reads its results: one pass over memory instead of two, and the values between them never leave
// registers. The same bits: multiply-adds are chosen in each formula as it was alone.
import { Expression, substitute } from '../../ops/expression/expression.js'
import { Formula, PointwiseSource } from '../../ops/expression/formula.js'
import { kindPosition, type Layout, operandKinds } from '../../ops/expression/layout.js'
import type { DType } from '../../tensor/dtype.js'
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import { isState, type RecordedRow } from '../recorder.js'
import { changesBetween, samePlace } from './readers.js'

/** Far below what a row of the interpreter may have: native/kernels/pointwise_formula.h. */
const maxOperands = 32
const maxInstructions = 96

/** The source of a row that can be merged: computed by the fast kernel, every result by an instruction. */
function sourceOf({ kernel, twin, source }: RecordedRow): PointwiseSource | null {
  const merges = kernel.name === 'pointwise' && !twin && source instanceof PointwiseSource
  return merges && source.formula.roots.every(({ instruction }) => instruction !== null) ? source : null
}

function layoutOfRow({ args, inputs }: RecordedRow): Layout {
  return { rows: args[1] as number, columns: args[2] as number, kinds: inputs.map((_, k) => args[kindPosition(k)] as number) }
}

const isFlat = ({ rows, kinds }: Layout): boolean =>
  rows === 1 && kinds.every((kind) => kind === operandKinds.full || kind === operandKinds.scalar)

/** Rows and columns over which both rows run; null if the reader does not read all results of the producer as they lie. */
function commonSpace(producer: RecordedRow, reader: RecordedRow): Omit<Layout, 'kinds'> | null {
  const [p, r] = [layoutOfRow(producer), layoutOfRow(reader)]
  const [made, used] = [p.rows * p.columns, r.rows * r.columns]
  const reads = reader.inputs.every((input, k) => {
    const result = producer.outputs.find(({ storage }) => storage === input.storage)
    if (!result) return true
    return samePlace(result, input) && (made === 1 || r.kinds[k] === operandKinds.full)
  })
  if (!reads || (made !== used && made !== 1)) return null
  if (made === 1 || isFlat(p)) return r
  return isFlat(r) || (p.rows === r.rows && p.columns === r.columns) ? p : null
}

/** A variable that the reader writes may be read by the producer where it is written, element by element, and in no other way. */
function writesApart(producer: RecordedRow, reader: RecordedRow): boolean {
  const { kinds } = layoutOfRow(producer)
  return reader.outputs.every((output) =>
    producer.inputs.every(
      (input, k) => input.storage !== output.storage || (samePlace(input, output) && kinds[k] === operandKinds.full),
    ),
  )
}

/** The operands of the row that two become, each once. */
class Operands {
  readonly tensors: Tensor[] = []
  readonly kinds: number[] = []

  input(tensor: Tensor, kind: number): Expression {
    let at = this.tensors.findIndex((known, k) => samePlace(known, tensor) && this.kinds[k] === kind)
    if (at < 0) {
      at = this.tensors.push(tensor) - 1
      this.kinds.push(kind)
    }
    return Expression.input(at)
  }
}

/** The roots of a row's formula over other operands than its own. */
function over({ formula }: PointwiseSource, type: DType, operands: readonly Expression[]): Expression[] {
  const reads = formula.reads(type)
  return substitute(
    formula.computed(type),
    new Map(operands.map((operand, k) => [Expression.input(reads[k] as number), operand])),
  )
}

const joinedLabel = (a: string, b: string): string => [...new Set([...a.split(', '), ...b.split(', ')])].join(', ')

/** The one row that two become, if they can. */
function merged(producer: RecordedRow, reader: RecordedRow): RecordedRow | null {
  const [p, r] = [sourceOf(producer), sourceOf(reader)]
  const space = p && r && p.type === r.type ? commonSpace(producer, reader) : null
  if (!p || !r || !space || !writesApart(producer, reader)) return null
  const operands = new Operands()
  const [made, read] = [layoutOfRow(producer).kinds, layoutOfRow(reader).kinds]
  const results = over(
    p,
    p.type,
    producer.inputs.map((input, k) => operands.input(input, made[k] as number)),
  )
  const roots = over(
    r,
    r.type,
    reader.inputs.map((input, k) => {
      const result = producer.outputs.findIndex(({ storage }) => storage === input.storage)
      return result < 0 ? operands.input(input, read[k] as number) : (results[result] as Expression)
    }),
  )
  const formula = Formula.composed(joinedLabel(p.formula.name, r.formula.name), operands.tensors.length, roots)
  const reads = formula.reads(r.type)
  const inputs = reads.map((k) => operands.tensors[k] as Tensor)
  const args = formula.argumentsAt(
    { ...space, kinds: reads.map((k) => operands.kinds[k] as number) },
    reader.outputs,
    inputs,
    r.type,
  )
  if (inputs.length + reader.outputs.length > maxOperands || (args[7] as number) > maxInstructions) return null
  const source = new PointwiseSource(formula, inputs, r.shape, r.type)
  return { ...reader, inputs, args, source, label: joinedLabel(producer.label, reader.label) }
}

class Merger {
  readonly rows: (RecordedRow | null)[]
  /** The rows that read a storage, and the one that writes a temporary. */
  private readonly readers = new Map<Storage, Set<number>>()
  private readonly writers = new Map<Storage, number>()

  constructor(
    rows: readonly RecordedRow[],
    private readonly isTemporary: (storage: Storage) => boolean,
  ) {
    this.rows = [...rows]
    rows.forEach(({ inputs, outputs }, i) => {
      for (const { storage } of inputs) this.readers.set(storage, (this.readers.get(storage) ?? new Set()).add(i))
      // Whoever is written twice has no place here.
      for (const { storage } of outputs) this.writers.set(storage, this.writers.has(storage) ? -1 : i)
    })
  }

  /** The row at `at` with the producers that nobody else needs, and which those are. */
  extended(at: number): { row: RecordedRow; taken: number[] } {
    let row = this.rows[at] as RecordedRow
    const taken: number[] = []
    for (;;) {
      const found = this.firstOf(row, at, taken)
      if (!found) return { row, taken }
      row = found.row
      taken.push(found.from)
    }
  }

  private firstOf(row: RecordedRow, at: number, taken: readonly number[]): { row: RecordedRow; from: number } | null {
    const writers = new Set(row.inputs.map(({ storage }) => this.writers.get(storage) ?? -1))
    for (const from of [...writers].sort((a, b) => b - a)) {
      const producer = this.rows[from]
      const fits = producer && from < at && this.isOnlyFor(producer, at, taken)
      const result = fits && !changesBetween(this.rows, from, at, producer.inputs) ? merged(producer, row) : null
      if (result) return { row: result, from }
    }
    return null
  }

  private isOnlyFor({ outputs }: RecordedRow, at: number, taken: readonly number[]): boolean {
    return outputs.every(
      ({ storage }) =>
        this.isTemporary(storage) && [...(this.readers.get(storage) ?? [])].every((i) => i === at || taken.includes(i)),
    )
  }

  replace(at: number, { row, taken }: { row: RecordedRow; taken: readonly number[] }): void {
    for (const from of taken) {
      for (const { storage } of this.rows[from]?.inputs ?? []) {
        this.readers.get(storage)?.delete(from)
        this.readers.get(storage)?.add(at)
      }
      this.rows[from] = null
    }
    this.rows[at] = row
  }
}

/** Where a run of rows ends that apply one formula to variables, which the pass over segments makes one row of. */
function endOfRun(rows: readonly RecordedRow[], start: number): number {
  const formula = (row: RecordedRow | undefined): Formula | null =>
    row?.outputs.every(({ storage }) => isState(storage)) && row.source instanceof PointwiseSource ? row.source.formula : null
  const first = formula(rows[start])
  let end = start + 1
  while (first && formula(rows[end]) === first) end++
  return end
}

export function mergeFormulas(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const merger = new Merger(rows, isTemporary)
  for (let start = 0, end: number; start < rows.length; start = end) {
    end = endOfRun(rows, start)
    const run = Array.from({ length: end - start }, (_, k) => merger.extended(start + k))
    const formulas = new Set(run.map(({ row }) => (row.source instanceof PointwiseSource ? row.source.formula : row)))
    // A run whose rows would differ from each other is worth more as it is.
    if (formulas.size === 1 || run.length === 1) run.forEach((result, k) => void merger.replace(start + k, result))
  }
  return merger.rows.filter((row) => row !== null)
}
