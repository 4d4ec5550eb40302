// A large batch in slices: rows that compute each sample by itself run on some samples at a time, all of them before the next samples, so
// that what they hand each other stays in cache. The same bits.
//
// Invariant: a storage of sliced rows is as many equal parts as there are samples, whatever the shapes over it.
import { PointwiseSource } from '../../ops/expression/formula.js'
import { kindPosition, operandKinds } from '../../ops/expression/layout.js'
import { dtypes } from '../../tensor/dtype.js'
import { plannedStorage, type Storage } from '../../tensor/storage.js'
import { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { settings } from '../settings.js'
import { residualFlag, statisticsFlag } from './convolution.js'
import { readersOf } from './readers.js'

/** Which operands of a row have a part per sample. */
interface Samples {
  readonly batch: number
  readonly perSample: readonly boolean[]
}

/** Kernels whose first argument is the batch and whose first operand has it. */
const imageKernels = new Set(['conv2d', 'conv2dFused', 'maxPool2d', 'averagePool2d'])

function samplesOf({ kernel, args, inputs }: RecordedRow): Samples | null {
  // Statistics are those of the whole batch.
  if (!imageKernels.has(kernel.name) || (kernel.name === 'conv2dFused' && args[statisticsFlag] === 1)) return null
  const residual = kernel.name === 'conv2dFused' && args[residualFlag] === 1 ? inputs.length - 1 : 0
  return { batch: args[0] as number, perSample: inputs.map((_, k) => k === 0 || k === residual) }
}

/** A formula over sliced operands: all of its elements belong to some sample. */
function samplesOfFormula({ kernel, args, inputs, source }: RecordedRow, batch: number): Samples | null {
  if (kernel.name !== 'pointwise' || !(source instanceof PointwiseSource)) return null
  const rows = args[1] as number
  const kinds = inputs.map((_, k) => args[kindPosition(k)])
  const divides = rows === 1 ? (args[2] as number) % batch === 0 : rows % batch === 0
  if (!divides || (rows === 1 && kinds.includes(operandKinds.column))) return null
  return { batch, perSample: kinds.map((kind) => kind === operandKinds.full || kind === operandKinds.row) }
}

/** Rows in a row that can be sliced, and those among them that have nothing to do with the batch and can run before. */
class Segment {
  readonly sliced: { readonly row: RecordedRow; readonly samples: Samples }[] = []
  readonly before: RecordedRow[] = []
  private readonly made = new Set<Storage>()
  batch = 0

  constructor(private readonly isTemporary: (storage: Storage) => boolean) {}

  /** Takes the next row, if it can be part of the segment. */
  take(row: RecordedRow): boolean {
    const reads = row.inputs.some(({ storage }) => this.made.has(storage))
    const image = samplesOf(row)
    const samples = image ?? (reads ? samplesOfFormula(row, this.batch) : null)
    if (samples && this.fits(row, samples)) {
      this.batch = samples.batch
      this.sliced.push({ row, samples })
      for (const { storage } of row.outputs) this.made.add(storage)
      return true
    }
    if (reads || image || !row.outputs.every(({ storage }) => this.isTemporary(storage))) return false
    this.before.push(row)
    return true
  }

  private fits(row: RecordedRow, { batch, perSample }: Samples): boolean {
    const whole = row.inputs.filter((_, k) => !perSample[k])
    const sameBatch = batch > 1 && (this.batch === 0 || this.batch === batch)
    const written = row.outputs.every(({ storage, byteOffset }) => storage.kind === 'recorded' && byteOffset === 0)
    return sameBatch && !row.twin && written && whole.every(({ storage }) => !this.made.has(storage))
  }

  /** How many slices keep every row within the limit. */
  get slices(): number {
    const bytes = (tensors: readonly Tensor[]): number =>
      tensors.reduce((sum, { size, dtype }) => sum + size * dtypes[dtype].bytes, 0)
    const most = Math.max(0, ...this.sliced.map(({ row }) => bytes(row.inputs) + bytes(row.outputs)))
    return Math.min(this.batch, Math.ceil(most / settings.sliceBytes))
  }

  /** Storages that need to exist for one slice at a time only. */
  inner(readers: ReadonlyMap<Storage, readonly RecordedRow[]>): Set<Storage> {
    const own = new Set(this.sliced.map(({ row }) => row))
    const isInner = (storage: Storage): boolean =>
      this.isTemporary(storage) && (readers.get(storage) ?? []).every((row) => own.has(row))
    return new Set([...this.made].filter(isInner))
  }
}

/** A tensor's part for samples [first, last) of `batch`; over `storage` if that is given. */
function part(tensor: Tensor, batch: number, first: number, last: number, storage: Storage | undefined): Tensor {
  const perSample = tensor.size / batch
  const [head = 1, ...tail] = tensor.shape
  const rows = (head / batch) * (last - first)
  const shape = Number.isInteger(rows) && tensor.rank > 0 ? [rows, ...tail] : [perSample * (last - first)]
  const bytes = perSample * dtypes[tensor.dtype].bytes
  return storage
    ? new Tensor(tensor.dtype, shape, storage)
    : new Tensor(tensor.dtype, shape, tensor.storage, tensor.byteOffset + first * bytes)
}

/** A row for samples [first, last). */
function sliceOf(
  { row, samples }: Segment['sliced'][number],
  first: number,
  last: number,
  inner: (tensor: Tensor) => Storage | undefined,
): RecordedRow {
  const { batch, perSample } = samples
  const cut = (tensor: Tensor): Tensor => part(tensor, batch, first, last, inner(tensor))
  const outputs = row.outputs.map(cut)
  const inputs = row.inputs.map((input, k) => (perSample[k] ? cut(input) : input))
  const args = [...row.args]
  const { source } = row
  if (!(source instanceof PointwiseSource)) {
    args[0] = last - first
    return { ...row, outputs, inputs, args }
  }
  const axis = args[1] === 1 ? 2 : 1
  args[axis] = ((args[axis] as number) / batch) * (last - first)
  const shape = (outputs[0] as Tensor).shape
  return { ...row, outputs, inputs, args, source: new PointwiseSource(source.formula, inputs, shape, source.type) }
}

/** The rows of a segment, slice by slice; null where that gains nothing. */
function sliced(segment: Segment, readers: ReadonlyMap<Storage, readonly RecordedRow[]>): RecordedRow[] | null {
  const { batch, slices } = segment
  const innerStorages = segment.inner(readers)
  if (slices < 2 || innerStorages.size === 0) return null
  return Array.from({ length: slices }, (_, slice) => {
    const [first, last] = [slice, slice + 1].map((i) => Math.floor((batch * i) / slices)) as [number, number]
    const places = new Map<Storage, Storage>()
    const inner = ({ storage }: Tensor): Storage | undefined => {
      if (!innerStorages.has(storage)) return undefined
      const place = places.get(storage) ?? plannedStorage((storage.byteLength / batch) * (last - first))
      places.set(storage, place)
      return place
    }
    return segment.sliced.map((row) => sliceOf(row, first, last, inner))
  }).flat()
}

export function sliceBatches(rows: readonly RecordedRow[], isTemporary: (storage: Storage) => boolean): RecordedRow[] {
  const readers = new Map([...readersOf(rows)].map(([storage, at]) => [storage, at.map((i) => rows[i] as RecordedRow)]))
  const result: RecordedRow[] = []
  let taken: RecordedRow[] = []
  let segment = new Segment(isTemporary)
  const flush = (): void => {
    const slices = sliced(segment, readers)
    result.push(...(slices ? [...segment.before, ...slices] : taken))
    taken = []
    segment = new Segment(isTemporary)
  }
  for (const row of rows) {
    if (!segment.take(row)) {
      flush()
      if (!segment.take(row)) {
        result.push(row)
        continue
      }
    }
    taken.push(row)
  }
  flush()
  return result
}
