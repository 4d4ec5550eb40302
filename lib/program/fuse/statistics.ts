// Statistics of batch normalization into the convolution that makes what they are of: summed up block by block as soon as the last pixel of a
// block is stored, while the block is in cache. The same blocks, and so the same bits. Not where the convolution is one matrix product (1 × 1,
// stride 1), whose store has no order of pixels.
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'
import { convolutionArguments, fusedKernel, statisticsFlag } from './convolution.js'
import { changesBetween, samePlace } from './readers.js'

/** Whether the kernel is 1 × 1 and moves by one pixel, over images without padding. */
function isProduct({ args }: RecordedRow): boolean {
  const [, height, width, , kernelHeight, kernelWidth, , outHeight, outWidth, ...moves] = args
  const [strideHeight, strideWidth] = moves
  return (
    [kernelHeight, kernelWidth, strideHeight, strideWidth].every((n) => n === 1) && height === outHeight && width === outWidth
  )
}

/** Whether a row can make the statistics of x [rows, channels] along with its image. */
function makes(row: RecordedRow | null | undefined, statistics: RecordedRow, x: Tensor): row is RecordedRow {
  if (!row || row.twin || (row.kernel.name !== 'conv2d' && row.kernel !== fusedKernel)) return false
  const [pooling = 0, asked = 0] = row.args.slice(statisticsFlag - 1)
  const perFilter = statistics.args[1] === row.args[6]
  return pooling === 0 && asked === 0 && perFilter && samePlace(row.outputs[0] as Tensor, x) && !isProduct(row)
}

function withStatistics(row: RecordedRow, { outputs, label }: RecordedRow): RecordedRow {
  const flags = Array.from({ length: statisticsFlag - convolutionArguments }, (_, k) => row.args[convolutionArguments + k] ?? 0)
  return {
    ...row,
    kernel: fusedKernel,
    outputs: [...row.outputs, ...outputs],
    args: [...row.args.slice(0, convolutionArguments), ...flags, 1],
    label: `${row.label}, ${label}`,
    source: undefined,
  }
}

export function gatherStatistics(rows: readonly RecordedRow[]): RecordedRow[] {
  const result: (RecordedRow | null)[] = [...rows]
  const writers = new Map<Storage, number>()
  rows.forEach((row, i) => {
    const [x] = row.inputs
    const from = x && row.kernel.name === 'channelMoments' && !row.twin ? writers.get(x.storage) : undefined
    const maker = from === undefined ? null : result[from]
    const fresh = row.outputs.every(({ storage }) => storage.kind === 'recorded' && !writers.has(storage))
    if (x && from !== undefined && fresh && makes(maker, row, x) && !changesBetween(rows, from, i, [x])) {
      result[from] = withStatistics(maker, row)
      result[i] = null
    }
    for (const { storage } of row.outputs) writers.set(storage, i)
  })
  return result.filter((row) => row !== null)
}
