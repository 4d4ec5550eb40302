// Rows whose results are the same in every run: all they depend on is state that the program leaves alone. They run again only when that
// was written. The kernel of a convolution by Winograd, which it would transform in every run, is transformed by such a row, and the weights
// of a product are packed by one. The same bits.
import { info, type Kernel, kernelNamed } from '../../dispatch.js'
import { type Shape, sameShape } from '../../tensor/shape.js'
import { plannedStorage, type Storage } from '../../tensor/storage.js'
import { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { convolutionArguments } from './convolution.js'
import { samePlace } from './readers.js'

/** Rows in two parts, of which the first runs before the second, and only if something that it reads was written. */
export interface Division {
  readonly prepared: readonly RecordedRow[]
  readonly rows: readonly RecordedRow[]
}

const [transformKernel, packMatrix] = [kernelNamed('winogradKernel'), kernelNamed('matmulPanels')]
/** Where a convolution says how it is computed, and what it says: native/kernels/conv.h. */
const algorithmAt = convolutionArguments - 1
const [winograd, winogradTransformed] = [1, 2]
/** Where a product says how its second operand lies, and what it says: native/kernels/matmul.h. */
const layoutAt = 5
const [rowMajor, keptPanels] = [0, 2]
/** Numbers of a matrix from which on packing it was faster at every number of rows: 512 KiB. */
const leastPacked = 2 ** 17
/** Whether matrices that are packed beforehand are of use: elsewhere OpenBLAS multiplies large ones. */
const packsOnce = (): boolean => ['avx2', 'avx512'].includes(info().instructionSet)

/**
 * Whether every write of a storage is counted in its version. Those of another thread are not, and a copy of what it shares is not what
 * sharing is for; nor are those of gradients that `backward` adds to.
 */
export function countsWrites({ kind, readOnly, lasting }: Storage): boolean {
  return kind !== 'recorded' && !readOnly && !lasting
}

/** Which rows have the same results in every run until state is written, and which storages the same contents. */
class Unchanging {
  private readonly written: ReadonlySet<Storage>
  /** What is written before every run or in it. */
  private readonly changing: Set<Storage>

  constructor(
    rows: readonly RecordedRow[],
    private readonly isTemporary: (storage: Storage) => boolean,
    learned: ReadonlySet<Storage>,
  ) {
    this.changing = new Set(learned)
    this.written = new Set(rows.flatMap(({ outputs }) => outputs.map(({ storage }) => storage)))
    // Of a storage that several rows write, as concatenate does, the first may look as if it lasted until the last one is seen.
    for (let before = -1; before < this.changing.size; ) {
      before = this.changing.size
      for (const row of rows) if (!this.isMadeOnce(row)) for (const { storage } of row.outputs) this.changing.add(storage)
    }
  }

  isMadeOnce({ outputs, inputs }: RecordedRow): boolean {
    const owned = outputs.every(({ storage }) => this.isTemporary(storage) && !this.changing.has(storage))
    return owned && inputs.every(({ storage }) => this.has(storage))
  }

  has(storage: Storage): boolean {
    if (this.changing.has(storage)) return false
    return this.written.has(storage) ? this.isTemporary(storage) : countsWrites(storage)
  }
}

/** What a row can read in place of its second operand once another row has made it of that operand. */
interface Preparation {
  readonly kernel: Kernel
  readonly label: string
  readonly args: readonly number[]
  readonly shape: Shape
  /** The argument that says in which form the operand comes, and what it says then. */
  readonly form: readonly [place: number, word: number]
}

const sizeToKeep = (columns: number): number => 16 * Math.ceil(columns / 16)

function transformed({ kernel, args }: RecordedRow): Preparation | null {
  if ((kernel.name !== 'conv2d' && kernel.name !== 'conv2dFused') || args[algorithmAt] !== winograd) return null
  const [depth, filters] = [args[3], args[6]] as [number, number]
  const shape = [36, depth, sizeToKeep(filters)]
  return {
    kernel: transformKernel,
    label: 'transform kernel',
    args: [depth, filters],
    shape,
    form: [algorithmAt, winogradTransformed],
  }
}

/**
 * Products of a few rows or columns, and of small matrices, do as well with the matrix where it lies; a larger one, whose rows are far
 * apart, reaches the multipliers up to a third faster when it is packed.
 */
function packed({ kernel, args }: RecordedRow): Preparation | null {
  if (kernel.name !== 'matmul' && kernel.name !== 'matmulFused') return null
  const [batch, rows, columns, depth, , layout] = args as [number, number, number, number, number, number]
  if (batch !== 1 || rows <= 4 || columns <= 16 || depth * columns < leastPacked || layout !== rowMajor || !packsOnce())
    return null
  const shape = [depth, sizeToKeep(columns)]
  return { kernel: packMatrix, label: 'pack matrix', args: [depth, columns], shape, form: [layoutAt, keptPanels] }
}

const preparationOf = (row: RecordedRow): Preparation | null => (row.twin ? null : (transformed(row) ?? packed(row)))

const samePreparation = (a: Preparation, b: Preparation): boolean => a.kernel === b.kernel && sameShape(a.args, b.args)

/** The row that makes it of an operand. */
function makingRow({ kernel, label, args, shape }: Preparation, operand: Tensor, row: RecordedRow): RecordedRow {
  const storage = plannedStorage(4 * shape.reduce((a, b) => a * b, 1))
  return { ...row, kernel, outputs: [new Tensor('float32', shape, storage)], inputs: [operand], args, label, source: undefined }
}

/** The same row, which reads what was made of its second operand. */
function withPrepared(row: RecordedRow, [place, word]: Preparation['form'], made: Tensor): RecordedRow {
  const [first, , ...others] = row.inputs as [Tensor, Tensor, ...Tensor[]]
  return { ...row, inputs: [first, made, ...others], args: row.args.map((argument, i) => (i === place ? word : argument)) }
}

export function prepareRows(
  rows: readonly RecordedRow[],
  isTemporary: (storage: Storage) => boolean,
  learned: ReadonlySet<Storage>,
): Division {
  const unchanging = new Unchanging(rows, isTemporary, learned)
  const prepared = rows.filter((row) => unchanging.isMadeOnce(row))
  const making: { preparation: Preparation; operand: Tensor; row: RecordedRow }[] = []
  const rest = rows
    .filter((row) => !unchanging.isMadeOnce(row))
    .map((row) => {
      const [operand, preparation] = [row.inputs[1], preparationOf(row)]
      if (!preparation || !operand || !unchanging.has(operand.storage)) return row
      const same = making.find((known) => samePreparation(known.preparation, preparation) && samePlace(known.operand, operand))
      const made = same ?? { preparation, operand, row: makingRow(preparation, operand, row) }
      if (!same) making.push(made)
      return withPrepared(row, preparation.form, made.row.outputs[0] as Tensor)
    })
  return { prepared: [...prepared, ...making.map(({ row }) => row)], rows: rest }
}
