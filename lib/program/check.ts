// Check mode: runs recorded rows one by one through the eager door, each temporary in fresh memory filled with NaN, and looks at what
// every row wrote. Slow; finds rows that read what nobody wrote, and the operation that made a NaN.
import { call } from '../dispatch.js'
import { ValueError } from '../errors.js'
import { readHeld, writeBytes, writeHeld } from '../tensor/bytes.js'
import { isFloat } from '../tensor/dtype.js'
import { allocate, type Storage } from '../tensor/storage.js'
import { Tensor } from '../tensor/tensor.js'
import type { CompiledRows } from './compile.js'

/** Where a storage that rows name really lies. */
export type Place = { readonly storage: Storage; readonly byteOffset: number }
export type Memory = Map<Storage, Place>

/** An operand that the program holds, readable even when the function has disposed of it since. */
class Held extends Tensor {
  override get address(): number {
    return this.storage.heldAddress + this.byteOffset
  }
  override get addressToWrite(): number {
    return this.address
  }
}

/** Runs the rows; `memory` knows the places of arguments and results. Leaves variables as they were if one fails or makes a NaN. */
export function runChecked(compiled: CompiledRows, memory: Memory): void {
  const before = compiled.written.map((storage) => readHeld(storage, 0, 'uint8', storage.byteLength))
  try {
    runRows(compiled, memory)
  } catch (error) {
    compiled.written.forEach((storage, i) => {
      writeHeld(storage, before[i] as Uint8Array)
    })
    throw error
  }
}

function runRows({ rows, home }: CompiledRows, memory: Memory): void {
  const concrete = (tensor: Tensor): Tensor => {
    const storage = home(tensor.storage)
    if (storage.kind !== 'recorded') return new Held(tensor.dtype, tensor.shape, storage, tensor.byteOffset)
    const own = memory.get(storage) ?? { storage: poisoned(storage.byteLength), byteOffset: 0 }
    memory.set(storage, own)
    return new Tensor(tensor.dtype, tensor.shape, own.storage, own.byteOffset + tensor.byteOffset)
  }
  // Memory that several rows write, as concatenate does, is whole after the last of them.
  const lastWriter = new Map(rows.flatMap((row) => row.outputs.map(({ storage }) => [storage, row] as const)))
  for (const row of rows) {
    const inputs = row.inputs.map(concrete)
    const outputs = row.outputs.map(concrete)
    call(row.kernel, row.twin, outputs, inputs, row.args)
    const bad = outputs.find((output, k) => lastWriter.get((row.outputs[k] as Tensor).storage) === row && hasNaN(output))
    if (bad && !inputs.some(hasNaN))
      throw new ValueError(
        `program: ${row.label} (kernel ${row.kernel.name}) made NaN of inputs without NaN, in a result of shape [${bad.shape.join(', ')}]${row.site ? `, at ${row.site}` : ''}`,
      )
  }
}

function poisoned(bytes: number): Storage {
  const storage = allocate(bytes)
  writeBytes(storage, 0, new Uint8Array(bytes).fill(0xff))
  return storage
}

function hasNaN({ dtype, storage, byteOffset, size }: Tensor): boolean {
  return isFloat(dtype) && (readHeld(storage, byteOffset, dtype, size) as Float32Array).some(Number.isNaN)
}
