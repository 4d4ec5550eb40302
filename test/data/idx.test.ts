// IDX files: every element type, gzip, round trips, and each way a file can be wrong.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { idx, parseIdx, serializeIdx } from '../../lib/data/idx.js'
import { ValueError } from '../../lib/errors.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const plain = (value: Tensor) => ({ dtype: value.dtype, shape: [...value.shape], data: [...value.dataSync()] })

/** A file of a type code, sizes and the bytes of its elements. */
const file = (code: number, sizes: readonly number[], ...body: number[]) =>
  Uint8Array.from([
    0,
    0,
    code,
    sizes.length,
    ...sizes.flatMap((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]),
    ...body,
  ])

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steepest-idx-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('well-formed files', () => {
  test.each([
    ['uint8', file(8, [2, 2], 0, 1, 128, 255), 'uint8', [2, 2], [0, 1, 128, 255]],
    ['int8', file(9, [2], 128, 127), 'int32', [2], [-128, 127]],
    ['int16', file(11, [2], 128, 0, 1, 2), 'int32', [2], [-32768, 258]],
    ['int32', file(12, [2], 128, 0, 0, 0, 1, 2, 3, 4), 'int32', [2], [-(2 ** 31), 0x01020304]],
    ['float32', file(13, [2], 0x3f, 0x80, 0, 0, 0xff, 0x80, 0, 0), 'float32', [2], [1, Number.NEGATIVE_INFINITY]],
    ['float64', file(14, [1], 0x3f, 0xd5, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55), 'float64', [1], [1 / 3]],
    ['a scalar', file(8, [], 9), 'uint8', [], [9]],
    ['an empty axis', file(13, [0, 5]), 'float32', [0, 5], []],
  ])('%s', (_, bytes, dtype, shape, data) => {
    expect(plain(parseIdx(bytes))).toEqual({ dtype, shape, data })
    expect(plain(parseIdx(gzipSync(bytes)))).toEqual({ dtype, shape, data })
  })

  test('by path, URL-safe views and ArrayBuffers', async () => {
    const bytes = file(11, [1, 2], 0, 1, 0, 2)
    const expected = { dtype: 'int32', shape: [1, 2], data: [1, 2] }
    const path = join(folder, 'a.idx')
    await writeFile(path, bytes)
    expect(plain(await idx(path))).toEqual(expected)
    expect(plain(await idx(bytes.buffer))).toEqual(expected)
    const shifted = new Uint8Array(bytes.length + 1).subarray(1)
    shifted.set(bytes)
    expect(plain(parseIdx(shifted))).toEqual(expected)
  })

  test('what serializeIdx writes is read back, and the source bytes stay as they were', () => {
    for (const values of [
      tensor(Uint8Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
      tensor(Int32Array.of(-5, 2 ** 30), [2, 1]),
      tensor(Float32Array.of(0.5, -1e30), [1, 2]),
      tensor(Float64Array.of(Math.PI), []),
    ]) {
      const bytes = serializeIdx(values)
      const before = [...bytes]
      expect(plain(parseIdx(bytes))).toEqual(plain(values))
      expect([...bytes]).toEqual(before)
    }
  })
})

describe('malformed files', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /at least 4 bytes, got 0/],
    ['three bytes', new Uint8Array(3), /at least 4 bytes, got 3/],
    ['another magic', Uint8Array.of(0, 1, 8, 1, 0, 0, 0, 0), /begin with two zero bytes, got 0 and 1/],
    ['an unknown type', file(10, [1], 0), /type code must be one of 8, 9, 11, 12, 13, 14, got 10/],
    ['nine axes', file(8, [1, 1, 1, 1, 1, 1, 1, 1, 1], 0), /number of axes must be at most 8, got 9/],
    ['a truncated header', file(8, [1, 2, 3]).subarray(0, 9), /header of 3 axes must have 16 bytes, got 9; it is truncated/],
    ['sizes that overflow', file(14, [0xffffffff, 0xffffffff, 0xffffffff]), /product of at most 2147483648/],
    ['a truncated body', file(12, [3], 0, 0, 0, 1, 0), /shape \[3\] must have 20 bytes, got 13; it is truncated/],
    ['trailing bytes', file(8, [2], 1, 2, 3), /must have 10 bytes, got 11; it is followed by trailing bytes/],
    ['damaged gzip', gzipSync(file(8, [2], 1, 2)).subarray(0, 20), /gzipped data must be valid/],
  ])('%s', async (_, bytes, message) => {
    expect(() => parseIdx(bytes)).toThrow(ValueError)
    expect(() => parseIdx(bytes)).toThrow(message)
    const path = join(folder, 'bad.idx')
    await writeFile(path, bytes)
    await expect(idx(path)).rejects.toThrow(/idx: .*bad\.idx: /)
    await expect(idx(path)).rejects.toThrow(message)
  })

  test('arguments that are no source or no tensor', async () => {
    await expect(idx(join(folder, 'absent'))).rejects.toThrow(/idx: argument 'source' must be a readable file/)
    await expect(idx(null as unknown as string)).rejects.toThrow(ValueError)
    expect(() => parseIdx('x' as unknown as Uint8Array)).toThrow(/got 'x'/)
    expect(() => serializeIdx([1] as unknown as Tensor)).toThrow(/argument 'values' must be a Tensor/)
  })
})
