// Who reads what among recorded rows: the questions that passes ask before they move a row to where its result is used.
import type { Storage } from '../../tensor/storage.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'

/** Whether two tensors are the same elements: storages can hold several, side by side. */
export const samePlace = (a: Tensor, b: Tensor): boolean =>
  a.storage === b.storage && a.byteOffset === b.byteOffset && a.size === b.size && a.dtype === b.dtype

/** Positions of the rows that read each storage. */
export function readersOf(rows: readonly RecordedRow[]): Map<Storage, number[]> {
  const readers = new Map<Storage, number[]>()
  rows.forEach(({ inputs }, i) => {
    for (const storage of new Set(inputs.map((input) => input.storage)))
      readers.set(storage, [...(readers.get(storage) ?? []), i])
  })
  return readers
}

/** Whether a row between two others writes what the first one reads. */
export function changesBetween(
  rows: readonly (RecordedRow | null)[],
  first: number,
  last: number,
  inputs: readonly Tensor[],
): boolean {
  const read = new Set(inputs.map(({ storage }) => storage))
  return rows.slice(first + 1, last).some((row) => row?.outputs.some(({ storage }) => read.has(storage)))
}
