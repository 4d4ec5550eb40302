// Rows whose results are the same in every run: all they depend on is state that the program leaves alone. They run again only when that
// was written. The kernel of a convolution by Winograd, which it would transform in every run, is transformed by such a row. The same bits.
import { kernelNamed } from '../../dispatch.js'
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

const transformKernel = kernelNamed('winogradKernel')
/** Where a convolution says how it is computed, and what it says: native/kernels/conv.h. */
const algorithmAt = convolutionArguments - 1
const [winograd, winogradTransformed] = [1, 2]

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
  /** What rows write that run every time. */
  private readonly changing = new Set<Storage>()

  constructor(
    rows: readonly RecordedRow[],
    private readonly isTemporary: (storage: Storage) => boolean,
  ) {
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
    return this.written.has(storage) ? this.isTemporary(storage) && !this.changing.has(storage) : countsWrites(storage)
  }
}

/** The row that transforms a kernel [3, 3, depth, filters]. */
function transformOf(kernel: Tensor, row: RecordedRow): RecordedRow {
  const [depth, filters] = [row.args[3], row.args[6]] as [number, number]
  const shape = [36, depth, 16 * Math.ceil(filters / 16)]
  const storage = plannedStorage(4 * shape.reduce((a, b) => a * b, 1))
  const outputs = [new Tensor('float32', shape, storage)]
  return {
    ...row,
    kernel: transformKernel,
    outputs,
    inputs: [kernel],
    args: [depth, filters],
    label: 'transform kernel',
    source: undefined,
  }
}

const readsKernel = ({ kernel, twin, args }: RecordedRow): boolean =>
  (kernel.name === 'conv2d' || kernel.name === 'conv2dFused') && !twin && args[algorithmAt] === winograd

/** The same convolution over a kernel that was transformed. */
function withTransformed(row: RecordedRow, transformed: Tensor): RecordedRow {
  const [x, , ...others] = row.inputs as [Tensor, Tensor, ...Tensor[]]
  const args = row.args.map((word, i) => (i === algorithmAt ? winogradTransformed : word))
  return { ...row, inputs: [x, transformed, ...others], args }
}

export function prepareRows(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): Division {
  const unchanging = new Unchanging(rows, isTemporary)
  const prepared = rows.filter((row) => unchanging.isMadeOnce(row))
  const transforms: { kernel: Tensor; row: RecordedRow }[] = []
  const rest = rows
    .filter((row) => !unchanging.isMadeOnce(row))
    .map((row) => {
      const kernel = row.inputs[1]
      if (!readsKernel(row) || !kernel || !unchanging.has(kernel.storage)) return row
      const same = transforms.find((known) => samePlace(known.kernel, kernel))
      const transform = same ?? { kernel, row: transformOf(kernel, row) }
      if (!same) transforms.push(transform)
      return withTransformed(row, transform.row.outputs[0] as Tensor)
    })
  return { prepared: [...prepared, ...transforms.map(({ row }) => row)], rows: rest }
}
