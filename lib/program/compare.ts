// Compares two recordings of one function for the same arguments. Where they differ, something was frozen that changes from call to call.
// Invariant: what is compared does not depend on when a recording was made: placeholders and temporaries count by the order in which they
// turn up, variables by identity, constants by their bytes.
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { StateError } from '../errors.js'
import { readHeld } from '../tensor/bytes.js'
import type { Storage } from '../tensor/storage.js'
import type { Tensor } from '../tensor/tensor.js'
import { isState, type RecordedRow } from './recorder.js'
import { mapTensors } from './values.js'

/** What a recording says: its arguments' placeholders, its rows, and what the function returned. */
export interface Recorded {
  readonly inputs: readonly Tensor[]
  readonly rows: readonly RecordedRow[]
  readonly returned: unknown
}

/** Throws when two recordings of the same function for the same arguments differ: something that it depends on is not in the key. */
export function compareRecordings(name: string, before: Recorded, now: Recorded): void {
  const variables = new Map<Storage, number>()
  const [old, fresh] = [describe(before, variables), describe(now, variables)]
  for (let i = 0; i < Math.max(old.rows.length, fresh.rows.length); i++)
    refuseChange(name, `row ${i}`, old.rows[i] ?? 'nothing', fresh.rows[i] ?? 'nothing')
  refuseChange(name, 'the result', old.returned, fresh.returned)
}

function refuseChange(name: string, what: string, old: string, fresh: string): void {
  if (old !== fresh)
    throw new StateError(
      `${name}: recorded twice with the same arguments, ${what} was ${old} and is ${fresh}; pass what changes as an argument or keep it in a variable`,
    )
}

/** A recording in words that are equal for equal recordings. `variables` numbers them across both. */
function describe({ inputs, rows, returned }: Recorded, variables: Map<Storage, number>): { rows: string[]; returned: string } {
  const values = new Map<Storage, number>()
  const place = (tensor: Tensor): string => {
    const { storage, byteOffset } = tensor
    if (storage.kind !== 'recorded' && !isState(storage)) return `constant ${digest(tensor)}`
    const name = isState(storage) ? `variable ${numberOf(variables, storage)}` : `value ${numberOf(values, storage)}`
    return byteOffset > 0 ? `${name} from byte ${byteOffset}` : name
  }
  const operand = (tensor: Tensor): string => `${tensor.dtype}[${tensor.shape}] ${place(tensor)}`
  inputs.forEach(place)
  return {
    rows: rows.map((row) => {
      const operands = [...row.outputs, ...row.inputs].map(operand).join(', ')
      return `${row.label} (kernel ${row.kernel.name}: ${operands}; ${row.args})`
    }),
    returned: inspect(mapTensors(returned, operand), { depth: Infinity, maxArrayLength: null, maxStringLength: null }),
  }
}

function numberOf(known: Map<Storage, number>, storage: Storage): number {
  const number = known.get(storage) ?? known.size
  known.set(storage, number)
  return number
}

/** Short, and the same for the same bytes. */
function digest({ storage, byteOffset, dtype, size }: Tensor): string {
  return createHash('sha256')
    .update(readHeld(storage, byteOffset, dtype, size))
    .digest('hex')
    .slice(0, 12)
}
