// safetensors: files of the Python package are read, ours equal theirs byte for byte, and no damaged file does worse than a typed error.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RandomSource } from '../../lib/data/rng.js'
import { DTypeError, ShapeError, ValueError } from '../../lib/errors.js'
import { loadSafetensors, parseSafetensors, saveSafetensors, serializeSafetensors } from '../../lib/io/safetensors.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const golden = (name: string) => fileURLToPath(new URL(`../golden/io/${name}`, import.meta.url))
const plain = (value: Tensor) => ({ dtype: value.dtype, shape: [...value.shape], data: [...value.dataSync()] })

const ours = {
  weights: tensor(Float32Array.from([0, 0.25, 0.5, 0.75, 1, 1.25]), [2, 3]),
  bias: tensor(Float32Array.from([-1.5, 0, Number.POSITIVE_INFINITY])),
  double: tensor(Float64Array.from([1 / 3]), [1, 1]),
  step: tensor(Int32Array.from([7]), []),
  pixels: tensor(Uint8Array.from([0, 50, 100, 150, 200])),
  mask: tensor(Uint8Array.from([1, 0, 1]), [3], 'bool'),
  empty: tensor(new Float32Array(0), [0, 4]),
}

/** A file of the given header text (or value) and data. */
function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, data])
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steepest-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('files of the Python package', () => {
  test('our dtypes, metadata, empty tensors and scalars', async () => {
    const { tensors, metadata } = await loadSafetensors(golden('ours.safetensors'))
    expect(metadata).toEqual({ format: 'steepest' })
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(ours).sort())
    for (const [name, expected] of Object.entries(ours)) expect(plain(tensors[name])).toEqual(plain(expected))
  })

  test('the same tensors are written to the same bytes', async () => {
    const expected = await readFile(golden('ours.safetensors'))
    expect(Buffer.compare(Buffer.from(serializeSafetensors(ours, { metadata: { format: 'steepest' } })), expected)).toBe(0)
    const path = join(folder, 'ours.safetensors')
    await saveSafetensors(path, ours, { metadata: { format: 'steepest' } })
    expect(Buffer.compare(await readFile(path), expected)).toBe(0)
  })

  test('half floats widen exactly, integers become int32', async () => {
    const { tensors } = parseSafetensors(await readFile(golden('other.safetensors')))
    const half = [0, -0.5, 0.333251953125, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    expect(plain(tensors.half)).toEqual({ dtype: 'float32', shape: [7], data: half })
    expect(plain(tensors.int8)).toEqual({ dtype: 'int32', shape: [2], data: [-128, 127] })
    expect(plain(tensors.int16)).toEqual({ dtype: 'int32', shape: [2], data: [-32768, 32767] })
    expect(plain(tensors.uint16)).toEqual({ dtype: 'int32', shape: [2], data: [0, 65535] })
    expect(plain(tensors.uint32)).toEqual({ dtype: 'int32', shape: [2], data: [0, 2147483647] })
    expect(plain(tensors.int64)).toEqual({ dtype: 'int32', shape: [2], data: [-2147483648, 2147483647] })
    expect(plain(tensors.uint64)).toEqual({ dtype: 'int32', shape: [2], data: [0, 2147483647] })
    const { tensors: brain } = await loadSafetensors(golden('brain.safetensors'))
    expect(plain(brain.brain)).toEqual({ dtype: 'float32', shape: [3], data: [1, -2.5, 3.140625] })
  })
})

describe('round trips', () => {
  test('awkward names', () => {
    const names = ['__proto__', 'constructor', '7', 'a.b/c', 'ümlaut "quoted" \\ \n', '']
    const tensors = Object.fromEntries(names.map((name, index) => [name, tensor(Float32Array.of(index))]))
    const { tensors: read } = parseSafetensors(serializeSafetensors(tensors))
    expect(Object.keys(read).sort()).toEqual([...names].sort())
    for (const [index, name] of names.entries()) expect([...read[name].dataSync()]).toEqual([index])
  })

  test('no tensors at all', () => {
    expect(parseSafetensors(serializeSafetensors({}))).toEqual({ tensors: {}, metadata: {} })
  })

  test('bytes that start at an odd address of their buffer', () => {
    const bytes = serializeSafetensors(ours)
    const shifted = new Uint8Array(bytes.length + 3).subarray(3)
    shifted.set(bytes)
    expect(plain(parseSafetensors(shifted).tensors.double)).toEqual(plain(ours.double))
  })
})

const entry = (shape: unknown, range: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: range })
const data8 = new Uint8Array(8)

describe('malformed files', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /at least 8 bytes, got 0/],
    ['seven bytes', new Uint8Array(7), /at least 8 bytes, got 7/],
    ['a length of 2^64 - 1', new Uint8Array(16).fill(255), /at most 100000000 bytes/],
    [
      'a length beyond the limit',
      Buffer.concat([Buffer.from([1, 225, 245, 5, 0, 0, 0, 0]), data8]),
      /at most 100000000 bytes, got 100000001/,
    ],
    ['a length beyond the file', Buffer.concat([Buffer.from([9, 0, 0, 0, 0, 0, 0, 0]), data8]), /truncated/],
    ['an empty header', file(''), /must begin with '\{'/],
    ['a list', file('[]'), /must begin with '\{'/],
    ['leading space', file(' {}'), /must begin with '\{'/],
    ['no JSON', file('{"a"'), /must be JSON/],
    ['text after the JSON', file('{} {}'), /must be JSON/],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0x7b, 0xff, 0x7d])]),
      /must be JSON/,
    ],
    [
      'a name twice',
      file(`{"a":${JSON.stringify(entry([2], [0, 8]))},"\\u0061":${JSON.stringify(entry([2], [0, 8]))}}`, data8),
      /the name 'a' twice/,
    ],
    [
      'a field twice',
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data8),
      /the name 'dtype' twice/,
    ],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), /'__metadata__' twice/],
    ['metadata that is a list', file({ __metadata__: [] }), /__metadata__ must be an object of strings/],
    ['metadata of numbers', file({ __metadata__: { a: 1 } }), /'a' must be a string, got 1/],
    ['an entry that is a number', file({ a: 3 }), /described by an object, got 3/],
    ['an unknown field', file({ a: { ...entry([2], [0, 8]), extra: 1 } }, data8), /only, got 'extra'/],
    ['no dtype', file({ a: { shape: [2], data_offsets: [0, 8] } }, data8), /dtype must be a string, got undefined/],
    ['no shape', file({ a: { dtype: 'F32', data_offsets: [0, 8] } }, data8), /shape must be a list/],
    ['no range', file({ a: { dtype: 'F32', shape: [2] } }, data8), /data_offsets must be two/],
    ['a negative size', file({ a: entry([-2], [0, 8]) }, data8), /shape must be a list/],
    ['a fractional size', file({ a: entry([0.5, 4], [0, 8]) }, data8), /shape must be a list/],
    ['nine axes', file({ a: entry([1, 1, 1, 1, 1, 1, 1, 1, 2], [0, 8]) }, data8), /at most 8/],
    ['a size that overflows', file({ a: entry([2 ** 31, 2 ** 31, 2 ** 31], [0, 8]) }, data8), /at most 2147483648 elements/],
    [
      'a size beyond exact numbers',
      file(`{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}}`, data8),
      /shape must be a list/,
    ],
    ['a range backwards', file({ a: entry([2], [8, 0]) }, data8), /ascending/],
    ['a negative offset', file({ a: entry([2], [-8, 0]) }, data8), /ascending/],
    ['three offsets', file({ a: entry([2], [0, 8, 8]) }, data8), /two ascending/],
    ['a range of the wrong length', file({ a: entry([2], [0, 4]) }, data8), /must have 8 bytes, got 4/],
    ['a hole at the start', file({ a: entry([1], [4, 8]) }, data8), /must begin at byte 0 of the data, got 4/],
    ['an overlap', file({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, data8), /'b' must begin at byte 8 of the data, got 4/],
    ['trailing bytes', file({ a: entry([1], [0, 4]) }, data8), /cover the data section of 8 bytes exactly, got 4/],
    ['a truncated end', file({ a: entry([2], [0, 8]) }, new Uint8Array(7)), /cover the data section of 7 bytes exactly, got 8/],
    ['a bool of 2', file({ a: entry([1], [0, 1], 'BOOL') }, Uint8Array.of(2)), /0 or 1, got 2 at position 0/],
    [
      'an int64 beyond int32',
      file({ a: entry([1], [0, 8], 'I64') }, new Uint8Array(8).fill(127)),
      /must fit int32 .* got 9187201950435737471 at position 0/,
    ],
  ])('%s', async (_, bytes, message) => {
    expect(() => parseSafetensors(bytes)).toThrow(ValueError)
    expect(() => parseSafetensors(bytes)).toThrow(message)
    const path = join(folder, 'malformed.safetensors')
    await writeFile(path, bytes)
    await expect(loadSafetensors(path)).rejects.toThrow(ValueError)
    await expect(loadSafetensors(path)).rejects.toThrow('malformed.safetensors')
  })

  test('element types without a counterpart are a DTypeError that names them', () => {
    for (const type of ['F8_E4M3', 'C64', 'toString', 'f32']) {
      expect(() => parseSafetensors(file({ a: entry([8], [0, 8], type) }, data8))).toThrow(DTypeError)
      expect(() => parseSafetensors(file({ a: entry([8], [0, 8], type) }, data8))).toThrow(`'${type}'`)
    }
  })

  test('600 random corruptions of a valid file: read, or refused with a typed error', () => {
    const valid = serializeSafetensors(ours, { metadata: { format: 'steepest' } })
    const source = new RandomSource(11)
    const headerBytes = 8 + Number(new DataView(valid.buffer, valid.byteOffset).getBigUint64(0, true))
    let refused = 0
    for (let round = 0; round < 600; round++) {
      let bytes = new Uint8Array(valid)
      const reach = round % 2 ? headerBytes : bytes.length
      for (let hits = source.integer(4) + 1; hits > 0; hits--) bytes[source.integer(reach)] = source.integer(256)
      if (round % 5 === 0) bytes = bytes.slice(0, source.integer(bytes.length))
      if (round % 7 === 0) bytes = new Uint8Array([...bytes, source.integer(256)])
      try {
        parseSafetensors(bytes)
      } catch (error) {
        refused++
        if (!(error instanceof ValueError || error instanceof DTypeError || error instanceof ShapeError)) throw error
      }
    }
    expect(refused).toBeGreaterThan(300)
  })
})

describe('bad arguments', () => {
  test('each is a ValueError that names argument, wanted and given', async () => {
    await expect(loadSafetensors(join(folder, 'absent'))).rejects.toThrow(
      /loadSafetensors: argument 'source' must be a readable file, got '.*absent'/,
    )
    await expect(loadSafetensors(folder)).rejects.toThrow(/must be a readable file, .*not a regular file/)
    await expect(loadSafetensors(7 as unknown as string)).rejects.toThrow(/must be a path, .* got 7/)
    expect(() => parseSafetensors('a.safetensors' as unknown as Uint8Array)).toThrow(
      /must be a Uint8Array or an ArrayBuffer, got 'a.safetensors'/,
    )
    expect(() => serializeSafetensors({ a: [1] as unknown as Tensor })).toThrow(/argument 'tensors\['a'\]' must be a Tensor/)
    expect(() => serializeSafetensors({ __metadata__: ours.bias })).toThrow(/reserved/)
    expect(() => serializeSafetensors({}, { metadata: { a: 1 as unknown as string } })).toThrow(
      /metadata\['a'\]' must be a string, got 1/,
    )
    await expect(saveSafetensors(join(folder, 'no', 'such', 'folder'), ours)).rejects.toThrow(/must be a writable file/)
  })
})
