// Results that take the place of an operand: a row of the interpreter may write over what it reads for the last time, element by element.
// Pure. Invariant: of two storages in one place, the first is read for the last time by the row that first writes the second.
import { PointwiseSource } from '../ops/expression/formula.js'
import { kindPosition, operandKinds } from '../ops/expression/layout.js'
import type { Storage } from '../tensor/storage.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Lifetime } from './plan.js'
import type { RecordedRow } from './recorder.js'

/** Whether the row reads a storage only as whole arrays of the result's type and size. */
function readsWhole({ inputs, args }: RecordedRow, storage: Storage, result: Tensor): boolean {
  return inputs.every(
    (input, k) =>
      input.storage !== storage ||
      (input.dtype === result.dtype &&
        input.size === result.size &&
        input.byteOffset === 0 &&
        args[kindPosition(k)] === operandKinds.full),
  )
}

/** A formula that returns an operand as it is copies it last of all, when other results are written already. */
const readsBeforeWriting = ({ kernel, twin, source }: RecordedRow): boolean =>
  kernel.name === 'pointwise' &&
  !twin &&
  source instanceof PointwiseSource &&
  source.formula.roots.every(({ instruction }) => instruction !== null)

/** For each storage that can lie where another one does, the first storage of that place. */
export function placesInPlace(rows: readonly RecordedRow[], lifetimes: ReadonlyMap<Storage, Lifetime>): Map<Storage, Storage> {
  const places = new Map<Storage, Storage>()
  rows.forEach((row, i) => {
    if (!readsBeforeWriting(row)) return
    const taken = new Set<Storage>()
    for (const result of row.outputs) {
      const { storage } = result
      if (lifetimes.get(storage)?.first !== i || result.byteOffset !== 0) continue
      const operand = row.inputs.find(
        (input) =>
          !taken.has(input.storage) &&
          lifetimes.get(input.storage)?.last === i &&
          lifetimes.get(input.storage)?.first !== i &&
          input.storage.byteLength === storage.byteLength &&
          readsWhole(row, input.storage, result),
      )
      if (!operand) continue
      taken.add(operand.storage)
      places.set(storage, places.get(operand.storage) ?? operand.storage)
    }
  })
  return places
}

/** One slot per place, alive until the last storage in it is read. */
export function joinLifetimes(
  lifetimes: ReadonlyMap<Storage, Lifetime>,
  places: ReadonlyMap<Storage, Storage>,
): Map<Storage, Lifetime> {
  const joined = new Map([...lifetimes].filter(([storage]) => !places.has(storage)))
  for (const [storage, place] of places) {
    const slot = joined.get(place) as Lifetime
    const last = Math.max(slot.last, (lifetimes.get(storage) as Lifetime).last)
    joined.set(place, { ...slot, last })
  }
  return joined
}
