// Runs kernels through the addon, row by row, and checks everything a kernel promises: fast against twin, every instruction set,
// every thread count to the bit, any alignment, and not one byte written outside its outputs.
// Invariant: a case says what it wants; how rows are built and where buffers lie is decided here alone.
import { expect } from 'vitest'
import { native } from '../../lib/native.js'

export type ElementType = 'float32' | 'int32' | 'uint8' | 'bool' | 'float64'
export type Data = Float32Array | Float64Array | Int32Array | Uint8Array

/** An input. In the twin float32 becomes float64. `written`: the kernel may change it (a generator's state). */
export interface Input {
  dtype: ElementType
  data: ArrayLike<number>
  written?: boolean
}

/** An output. `initial`: what it holds before the call, for kernels that write only parts of it; else guard bytes. */
export interface Output {
  dtype: ElementType
  length: number
  initial?: ArrayLike<number>
}

/** One call of a kernel, and what has to come out of it. */
export interface KernelCase {
  kernel: string
  /** Tells cases of one kernel apart in messages. */
  name: string
  args: readonly number[]
  outputs: readonly Output[]
  inputs: readonly Input[]
  /** How far fast may be from the twin, in float32 epsilons (2^-23) of the larger of |twin| and `floor`; default 0: equal. */
  epsilons?: number
  /** A number, or 'max': the largest |twin| of that output (for sums, whose error goes with the terms, not with the result). */
  floor?: number | 'max'
  /** Independent values of the outputs: the twin has to be within 1e-12 (relative to 1 + |value|). */
  reference?: () => readonly ArrayLike<number>[]
  /** The twin takes the same element types as fast: kernels whose rows name the types of their buffers. */
  sameTypes?: boolean
  /** The call has to be refused with this, and to write nothing. */
  fails?: { position: number; value: number; limit: number }
}

export const instructionSets: readonly string[] = native.info().instructionSets
/** 0, 1, ... 33: every remainder of every vector length, twice. */
export const lengths: readonly number[] = Array.from({ length: 34 }, (_, i) => i)
/** 0, 1, ... 129: the same for vectors of bytes, of which the longest hold 64. */
export const byteLengths: readonly number[] = Array.from({ length: 130 }, (_, i) => i)
/** The lengths to try where elements of these types are loaded and stored. */
export const lengthsOf = (...types: readonly ElementType[]): readonly number[] =>
  types.some((type) => type === 'uint8' || type === 'bool') ? byteLengths : lengths
/** Codes of element types in rows, as in native/kernel.h. */
export const dtypeCode: Readonly<Record<ElementType, number>> = { float32: 0, int32: 1, uint8: 2, bool: 3, float64: 4 }

const row = new Float64Array(4096)
const kernelIds = new Map(native.kernels.map((kernel, id) => [kernel.name, id]))
const guardBytes = 64
const constructors = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array, float64: Float64Array }

/** Numbers in [low, high) from a small seeded generator (mulberry32); float32-representable, so fast and twin see the same. */
export function randomValues(count: number, seed: number, low = -1, high = 1): number[] {
  let state = seed >>> 0
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.fround(low + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low))
  })
}

/** Integers in [low, high), seeded. */
export function randomIntegers(count: number, seed: number, low: number, high: number): number[] {
  return randomValues(count, seed, 0, 1).map((u) => Math.min(high - 1, low + Math.floor(u * (high - low))))
}

/** A buffer between two guards, `offset` bytes off the alignment that V8 gives. */
interface Guarded {
  view: Data
  bytes: Uint8Array
  before: Uint8Array
  address: number
}

function guarded(dtype: ElementType, length: number, offset: number, guard: number): Guarded {
  const View = constructors[dtype]
  const size = length * View.BYTES_PER_ELEMENT
  const memory = new ArrayBuffer(guardBytes + offset + size + guardBytes)
  const bytes = new Uint8Array(memory)
  bytes.fill(guard)
  const start = guardBytes + offset
  const view = new View(memory, start, length)
  return { view, bytes, before: bytes, address: native.address(memory) + start }
}

/** How a case is run. */
export interface Setting {
  twin: boolean
  /** Elements by which every buffer is moved off its alignment. */
  shift: number
  /** What fills the guards and the outputs beforehand. */
  guard: number
}

export interface Outcome {
  status: number
  outputs: Data[]
  failure: { position: number; value: number; limit: number }
}

/** Runs the row [kernel, mode, buffers, arguments] of any addresses; words 0..2 of the row come back in `failure`. */
export function runRow(kernel: string | number, twin: boolean, addresses: readonly number[], args: readonly number[]): Outcome {
  const id = typeof kernel === 'number' ? kernel : (kernelIds.get(kernel) ?? -1)
  native.bind(row)
  row.set([id, twin ? 1 : 0, addresses.length, args.length, ...addresses, ...args])
  const status = native.run()
  return { status, outputs: [], failure: { position: row[0]!, value: row[1]!, limit: row[2]! } }
}

/** Scratch bytes of a row. */
export function scratchOf(kernel: string, twin: boolean, bufferCount: number, args: readonly number[]): number {
  native.bind(row)
  row.set([
    kernelIds.get(kernel) ?? -1,
    twin ? 1 : 0,
    bufferCount,
    args.length,
    ...new Array<number>(bufferCount).fill(0),
    ...args,
  ])
  return native.scratchBytes()
}

/** Runs one case in one setting; checks guards and that inputs are untouched. */
export function runCase(test: KernelCase, setting: Setting): Outcome {
  const label = `${test.kernel}: ${test.name}`
  const type = (dtype: ElementType): ElementType => (setting.twin && dtype === 'float32' && !test.sameTypes ? 'float64' : dtype)
  const make = (dtype: ElementType, length: number) => {
    const size = constructors[type(dtype)].BYTES_PER_ELEMENT
    return guarded(type(dtype), length, setting.shift * size, setting.guard)
  }
  const outputs = test.outputs.map(({ dtype, length, initial }) => {
    const buffer = make(dtype, length)
    if (initial) buffer.view.set(initial)
    return buffer
  })
  const inputs = test.inputs.map(({ dtype, data }) => {
    const buffer = make(dtype, data.length)
    buffer.view.set(dtype === 'float32' && !(data instanceof Float32Array) ? Float32Array.from(data) : data)
    return buffer
  })
  const buffers = [...outputs, ...inputs]
  const hasScratch = native.kernels[kernelIds.get(test.kernel) ?? -1]?.scratch
  const scratch: Guarded[] = []
  const addresses = buffers.map((buffer) => buffer.address)
  if (hasScratch) {
    const bytes = scratchOf(test.kernel, setting.twin, buffers.length + 1, test.args)
    const slack = guarded('uint8', bytes + 64, 0, setting.guard)
    const misalignment = (64 - (slack.address % 64)) % 64
    addresses.push(slack.address + misalignment)
    slack.view = new Uint8Array(slack.bytes.buffer, guardBytes + misalignment, bytes)
    scratch.push(slack)
  }
  const written = (index: number) => index < outputs.length || test.inputs[index - outputs.length]!.written === true
  const all = [...buffers, ...scratch]
  for (const buffer of all) buffer.before = buffer.bytes.slice()
  const outcome = runRow(test.kernel, setting.twin, addresses, test.args)
  all.forEach((buffer, index) => {
    const mayChange = !test.fails && (index >= buffers.length || written(index))
    expectUntouched(buffer, mayChange, `${label}, buffer ${index}`)
  })
  outcome.outputs = [...outputs, ...inputs.filter((_, i) => test.inputs[i]!.written)].map(({ view }) => view.slice())
  return outcome
}

function expectUntouched({ view, bytes, before }: Guarded, mayChange: boolean, label: string): void {
  const [from, to] = mayChange ? [view.byteOffset, view.byteOffset + view.byteLength] : [0, 0]
  if (sameBytes(bytes.subarray(0, from), before.subarray(0, from)) && sameBytes(bytes.subarray(to), before.subarray(to))) return
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === before[i]) continue
    if (i < from || i >= to) expect.fail(`${label}: byte ${i - view.byteOffset} of ${view.byteLength} was written`)
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Fails unless the two are equal to the bit. */
export function expectSameBits(actual: readonly Data[], wanted: readonly Data[], label: string): void {
  actual.forEach((data, output) => {
    const a = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const b = new Uint8Array(wanted[output]!.buffer, wanted[output]!.byteOffset, wanted[output]!.byteLength)
    if (sameBytes(a, b)) return
    const at = a.findIndex((byte, i) => byte !== b[i])
    const i = Math.floor(at / data.BYTES_PER_ELEMENT)
    expect.fail(`${label}: output ${output}[${i}] is ${data[i]}, wanted ${wanted[output]![i]} to the bit`)
  })
}

function largest(values: Data): number {
  let maximum = 0
  for (const value of values) if (Number.isFinite(value)) maximum = Math.max(maximum, Math.abs(value))
  return maximum
}

/** Fails where fast is further from the twin than the case allows. A denormal counts as zero: fast kernels flush them. */
export function expectClose(test: KernelCase, actual: readonly Data[], twin: readonly Data[], label: string): void {
  const smallestNormal = 2 ** -126
  actual.forEach((data, output) => {
    const wanted = twin[output]!
    const floor = test.floor === 'max' ? largest(wanted) : (test.floor ?? 0)
    for (let i = 0; i < wanted.length; i++) {
      const [a, b] = [data[i]!, wanted[i]!]
      if (Object.is(a, b) || a === b || a === Math.fround(b) || (Number.isNaN(a) && Number.isNaN(b))) continue
      const allowed = (test.epsilons ?? 0) * 2 ** -23 * Math.max(Math.abs(b), floor) + smallestNormal
      if (!(Math.abs(a - b) <= allowed))
        expect.fail(`${label}: output ${output}[${i}] is ${a}, twin ${b}, allowed difference ${allowed}`)
    }
  })
}

function expectReference(test: KernelCase, twin: readonly Data[]): void {
  test.reference?.().forEach((wanted, output) => {
    const actual = twin[output]!
    expect(actual.length, `${test.kernel}: ${test.name}: length of output ${output}`).toBe(wanted.length)
    for (let i = 0; i < wanted.length; i++) {
      const [a, b] = [actual[i]!, wanted[i]!]
      if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) continue
      if (!(Math.abs(a - b) <= 1e-12 * (1 + Math.abs(b)))) {
        expect.fail(`${test.kernel}: ${test.name}: twin's output ${output}[${i}] is ${a}, reference ${b}`)
      }
    }
  })
}

const plain: Setting = { twin: false, shift: 0, guard: 0xa5 }

/** Everything a kernel promises, over all its cases. */
export function checkCases(cases: readonly KernelCase[]): void {
  const twins = cases.map((test) => {
    const { status, outputs, failure } = runCase(test, { ...plain, twin: true })
    if (test.fails) expect({ status, ...failure }, `${test.kernel}: ${test.name}: twin`).toEqual({ status: 1, ...test.fails })
    else expect(status, `${test.kernel}: ${test.name}: status of the twin`).toBe(0)
    if (!test.fails) expectReference(test, outputs)
    return outputs
  })
  const before = native.info()
  try {
    for (const instructionSet of instructionSets) {
      native.setInstructionSet(instructionSet)
      checkInstructionSet(cases, twins, instructionSet)
    }
  } finally {
    native.setThreads(before.threads)
    native.setInstructionSet(before.instructionSet)
  }
}

function checkInstructionSet(cases: readonly KernelCase[], twins: readonly Data[][], instructionSet: string): void {
  native.setThreads(1)
  const serial = cases.map((test, index) => {
    const label = `${test.kernel}: ${test.name} on ${instructionSet}`
    const { status, outputs, failure } = runCase(test, plain)
    if (test.fails) expect({ status, ...failure }, label).toEqual({ status: 1, ...test.fails })
    else expect(status, `${label}: status`).toBe(0)
    if (test.fails) return outputs
    expectClose(test, outputs, twins[index]!, label)
    for (const [shift, guard] of [
      [1, 0xff],
      [2, 0],
      [3, 0x7f],
    ] as const) {
      expectSameBits(runCase(test, { ...plain, shift, guard }).outputs, outputs, `${label}, ${shift} elements off alignment`)
    }
    return outputs
  })
  for (const threads of [2, 4]) {
    native.setThreads(threads)
    cases.forEach((test, index) => {
      if (test.fails) return
      expectSameBits(
        runCase(test, plain).outputs,
        serial[index]!,
        `${test.kernel}: ${test.name} on ${instructionSet}, ${threads} threads`,
      )
    })
  }
}
