// npy and npz: NumPy's own files, equal bytes when written, and damaged headers and archives refused with typed errors.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { npy, parseNpy, saveNpy, serializeNpy } from '../../lib/data/npy.js'
import { npz, parseNpz, saveNpz, serializeNpz } from '../../lib/data/npz.js'
import { RandomSource } from '../../lib/data/rng.js'
import { DTypeError, ShapeError, ValueError } from '../../lib/errors.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const golden = (name: string) => fileURLToPath(new URL(`../golden/io/${name}`, import.meta.url))
const plain = (value: Tensor) => ({ dtype: value.dtype, shape: [...value.shape], data: [...value.dataSync()] })
const weights = tensor(Float32Array.from([0, 0.25, 0.5, 0.75, 1, 1.25]), [2, 3])

/** A version 1 file with this header text. */
function file(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = Buffer.from(header, 'latin1')
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([text.length & 255, text.length >> 8]),
    text,
    body,
  ])
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steepest-npy-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('npy', () => {
  test.each(['float32.npy', 'version2.npy', 'version3.npy'])('%s', async (name) => {
    expect(plain(await npy(golden(name)))).toEqual(plain(weights))
  })

  test('column order, big-endian, 64-bit integers, bool, scalar, half', async () => {
    const fortran = await npy(golden('fortran.npy'))
    expect(plain(fortran)).toEqual({ dtype: 'float64', shape: [2, 3, 4], data: Array.from({ length: 24 }, (_, i) => i) })
    expect(plain(await npy(golden('big_endian.npy')))).toEqual({ dtype: 'int32', shape: [3], data: [1, -2, 300000] })
    expect(plain(await npy(golden('int64.npy')))).toEqual({ dtype: 'int32', shape: [2, 2], data: [1, -2, 3, 2147483647] })
    expect(plain(await npy(golden('bool.npy')))).toEqual({ dtype: 'bool', shape: [3], data: [1, 0, 1] })
    expect(plain(await npy(golden('scalar.npy')))).toEqual({ dtype: 'float32', shape: [], data: [2.5] })
    expect([...(await npy(golden('half.npy'))).dataSync()].slice(0, 4)).toEqual([0, -0.5, 0.333251953125, 65504])
  })

  test('conversion on request', async () => {
    expect((await npy(golden('fortran.npy'), { dtype: 'float32' })).dtype).toBe('float32')
    await expect(npy(golden('fortran.npy'), { dtype: 'float16' as 'float32' })).rejects.toThrow(DTypeError)
  })

  test('objects and structures are a DTypeError, never unpickled', async () => {
    await expect(npy(golden('objects.npy'))).rejects.toThrow(/must be one of .*, got '\|O'/)
    await expect(npy(golden('structured.npy'))).rejects.toThrow(DTypeError)
    expect(() => parseNpy(file(header("'<c8'", '(1,)'), new Uint8Array(8)))).toThrow(DTypeError)
  })

  test('NumPy writes the same bytes', async () => {
    expect(Buffer.from(serializeNpy(weights)).equals(await readFile(golden('float32.npy')))).toBe(true)
    expect(
      Buffer.from(serializeNpy(tensor(Uint8Array.of(1, 0, 1), [3], 'bool'))).equals(await readFile(golden('bool.npy'))),
    ).toBe(true)
    expect(Buffer.from(serializeNpy(tensor(Float32Array.of(2.5), []))).equals(await readFile(golden('scalar.npy')))).toBe(true)
    const path = join(folder, 'a.npy')
    await saveNpy(path, weights)
    expect(plain(await npy(path))).toEqual(plain(weights))
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /must begin with/],
    ['another magic', Buffer.from('NUMPY\x93\x01\x00aaaaaaaa'), /must begin with/],
    ['version 4', Buffer.from('\x93NUMPY\x04\x00aaaaaaaa', 'latin1'), /must be 1, 2 or 3, got 4.0/],
    ['a header longer than the file', Buffer.from('\x93NUMPY\x01\x00\xff\x00{}', 'latin1'), /must have 255 bytes, got 2/],
    ['a version 2 header of 4 GiB', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'), /at most 65536 bytes/],
    ['no dictionary', file('hello\n'), /must be a dictionary/],
    ['a call', file("{'descr': open('x'), 'fortran_order': False, 'shape': ()}"), /must be a dictionary/],
    ['an unknown field', file("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}"), /must be a dictionary/],
    ['a field twice', file("{'descr': '<f4', 'descr': '<f4', 'shape': ()}"), /must be a dictionary/],
    ['a field missing', file("{'descr': '<f4', 'shape': (1,)}"), /must have descr, fortran_order and shape/],
    ['an empty dictionary', file('{}'), /must be a dictionary/],
    ['a list for the order', file(header("'<f4'", '()', '[1]')), /fortran_order must be True or False/],
    ['text for the shape', file(header("'<f4'", "'()'")), /shape must be/],
    ['a negative size', file(header("'<f4'", '(-1,)')), /shape must be/],
    ['a missing size', file(header("'<f4'", '(1,,2)')), /shape must be/],
    ['a size in words', file(header("'<f4'", `(${'9'.repeat(400)},)`)), /shape must be/],
    ['nine axes', file(header("'<f4'", '(1,1,1,1,1,1,1,1,1)')), /at most 8/],
    ['a size that overflows', file(header("'<f8'", '(99999999, 99999999, 99999999)')), /at most 2147483648 elements/],
    ['a truncated body', file(header("'<f4'", '(2,)'), new Uint8Array(7)), /must have 8 bytes, got 7/],
    ['trailing bytes', file(header("'<f4'", '(2,)'), new Uint8Array(9)), /must have 8 bytes, got 9/],
    ['an integer beyond int32', file(header("'<u4'", '(1,)'), Uint8Array.of(0, 0, 0, 128)), /must fit int32 .* got 2147483648/],
  ])('malformed: %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(ValueError)
    expect(() => parseNpy(bytes)).toThrow(message)
  })

  test('a hostile header is refused quickly', () => {
    const start = performance.now()
    expect(() => parseNpy(file(`{'descr': '<f4', 'shape': (${'1'.repeat(30000)}`))).toThrow(ValueError)
    expect(() => parseNpy(file(`{${"'descr': [".repeat(3000)}`))).toThrow(ValueError)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('npz', () => {
  test.each(['stored.npz', 'deflated.npz'])('%s', async (name) => {
    const arrays = await npz(golden(name))
    expect(Object.keys(arrays)).toEqual(['x', 'y'])
    expect(plain(arrays.y)).toEqual({ dtype: 'int32', shape: [3], data: [1, 2, 3] })
    expect(arrays.x.shape).toEqual(name === 'stored.npz' ? [2, 3] : [100, 100])
  })

  test.each([false, true])('round trip, compressed %s', async (compressed) => {
    const arrays = { weights, ünicode: tensor(Int32Array.of(1), []), __proto__x: tensor(new Float32Array(0), [0]) }
    const path = join(folder, 'a.npz')
    await saveNpz(path, arrays, { compressed })
    const read = await npz(path)
    for (const [name, values] of Object.entries(arrays)) expect(plain(read[name])).toEqual(plain(values))
    expect(parseNpz(serializeNpz({}, { compressed }))).toEqual({})
  })

  test('archives that lie about sizes, methods, checksums and places', () => {
    const small = Buffer.from(serializeNpz({ weights }, { compressed: true }))
    const directory = small.length - 22 - 46 - 'weights.npy'.length
    const changed = (at: number, ...values: number[]) => {
      const copy = Buffer.from(small)
      copy.set(values, at)
      return copy
    }
    const cases: [Buffer, RegExp][] = [
      [small.subarray(0, small.length - 1), /must end with a directory/],
      [changed(small.length - 12, 2, 0), /must have 2 entries, got 1/],
      [changed(directory + 8, 1), /must not be encrypted/],
      [changed(directory + 10, 9), /method 0 or 8\), got method 9/],
      [changed(directory + 16, 1, 2, 3, 4), /must have checksum/],
      [changed(directory + 24, 0, 0, 0, 16), /must not claim to unpack/],
      [changed(directory + 24, 0, 0, 0, 144), /must unpack to at most 2147483648 bytes/],
      [changed(directory + 24, 10, 0, 0, 0), /must unpack to 10 bytes/],
      [changed(directory + 42, 255, 255, 255, 0), /must have a local header/],
      [changed(directory + 28, 255, 255), /must end by byte/],
    ]
    for (const [bytes, message] of cases) {
      expect(() => parseNpz(bytes)).toThrow(ValueError)
      expect(() => parseNpz(bytes)).toThrow(message)
    }
    expect(() => parseNpz(small, { maxBytes: 100 })).toThrow(/at most 100 bytes/)
  })

  test('400 random corruptions: read, or refused with a typed error', () => {
    const source = new RandomSource(12)
    const valid = serializeNpz({ weights, more: weights }, { compressed: true })
    let refused = 0
    for (let round = 0; round < 400; round++) {
      let bytes = new Uint8Array(valid)
      for (let hits = source.integer(4) + 1; hits > 0; hits--) bytes[source.integer(bytes.length)] = source.integer(256)
      if (round % 5 === 0) bytes = bytes.slice(0, source.integer(bytes.length))
      try {
        parseNpz(bytes)
      } catch (error) {
        refused++
        if (!(error instanceof ValueError || error instanceof DTypeError || error instanceof ShapeError)) throw error
      }
    }
    expect(refused).toBeGreaterThan(250)
  })

  test('bad arguments', () => {
    expect(() => serializeNpz(null as unknown as Record<string, Tensor>)).toThrow(
      /argument 'arrays' must be an object of tensors/,
    )
    expect(() => serializeNpz({ a: 1 as unknown as Tensor })).toThrow(/argument 'arrays\['a'\]' must be a Tensor, got 1/)
    expect(() => serializeNpz({}, { compress: true } as object)).toThrow(/options must be among compressed, got 'compress'/)
  })
})
