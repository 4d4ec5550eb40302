// Making, reading and printing tensors; dtypes and promotion; views.
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'

describe('creation', () => {
  it('takes numbers, nested arrays, typed arrays', () => {
    expect(st.tensor(3).shape).toEqual([])
    expect(st.tensor([[1, 2, 3]]).shape).toEqual([1, 3])
    expect(st.tensor([true, false]).dtype).toBe('bool')
    expect(st.tensor(new Int32Array([1, 2])).dtype).toBe('int32')
    expect(st.tensor([1, 2, 3, 4], [2, 2]).array()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(st.tensor([], [0, 3]).array()).toEqual([])
  })

  it('copies what it is given and what it gives', () => {
    const source = new Float32Array([1, 2])
    const x = st.tensor(source)
    source[0] = 9
    const read = x.dataSync()
    read[1] = 9
    expect(x.array()).toEqual([1, 2])
  })

  it('fills and counts', () => {
    expect(st.zeros([2]).array()).toEqual([0, 0])
    expect(st.full([2], 7, 'int32').array()).toEqual([7, 7])
    expect(st.arange(4).array()).toEqual([0, 1, 2, 3])
    expect(st.arange(5, 0, -2).array()).toEqual([5, 3, 1])
    expect(st.linspace(0, 1, 3).array()).toEqual([0, 0.5, 1])
    expect(st.eye(2).array()).toEqual([
      [1, 0],
      [0, 1],
    ])
  })

  it('refuses irregular nesting and values that do not fit', () => {
    expect(() => st.tensor([[1], [2, 3]] as never)).toThrow(st.ShapeError)
    expect(() => st.tensor([1.5], undefined, 'int32')).toThrow(st.ValueError)
    expect(() => st.tensor([256], undefined, 'uint8')).toThrow(st.ValueError)
    expect(() => st.zeros([1e6, 1e6])).toThrow(st.ShapeError)
  })

  it('refuses a detached typed array', () => {
    const array = new Float32Array(4)
    structuredClone(array.buffer, { transfer: [array.buffer] })
    expect(() => st.tensor(array)).toThrow(/detached/)
  })
})

describe('types', () => {
  it('promotes to the wider type; numbers adopt the type beside them', () => {
    const i = st.tensor([1, 2], [2], 'int32')
    expect(i.add(1).dtype).toBe('int32')
    expect(i.add(0.5).dtype).toBe('float32')
    expect(i.div(2).array()).toEqual([0.5, 1])
    expect(i.add(st.tensor([0.5, 0.5])).array()).toEqual([1.5, 2.5])
    expect(st.tensor([1], [1], 'uint8').add(255).array()).toEqual([256])
    expect(st.tensor([true]).mul(3).array()).toEqual([3])
    expect(i.greater(1).dtype).toBe('bool')
    expect(i.cast('float64').mul(st.tensor([2])).dtype).toBe('float64')
  })

  it('computes int32 exactly where float32 could not', () => {
    expect(st.tensor([16777217], [1], 'int32').add(1).item()).toBe(16777218)
  })

  it('casts with saturation and truncation', () => {
    expect(st.tensor([-1.7, 300, Number.NaN]).cast('uint8').array()).toEqual([0, 255, 0])
    expect(st.tensor([-1.7, 1.7]).cast('int32').array()).toEqual([-1, 1])
    expect(st.tensor([0, 0.5]).cast('bool').array()).toEqual([0, 1])
  })
})

describe('shapes', () => {
  it('cannot be changed from outside: sizes are checked once', () => {
    const sizes = [4]
    const x = st.zeros(sizes)
    sizes[0] = 1e6
    expect(x.shape).toEqual([4])
    expect(() => {
      ;(x.shape as number[])[0] = 1e6
    }).toThrow(TypeError)
    const target = [2, 4]
    const wide = x.broadcastTo(target)
    target[0] = 1e6
    expect(wide.add(1).shape).toEqual([2, 4])
    expect(() => {
      ;(x.add(1).shape as number[])[0] = 1e6
    }).toThrow(TypeError)
  })

  it('that are refused leave other tensors alone', () => {
    const before = Array.from({ length: 20 }, (_, i) => st.full([4], i))
    expect(() => st.scatterAdd([[1]], [0], [-500, 1])).toThrow(st.ShapeError)
    const after = Array.from({ length: 20 }, () => st.full([4], 99))
    expect(before.map((t) => t.array())).toEqual(before.map((_, i) => [i, i, i, i]))
    expect(after.length).toBe(20)
  })
})

describe('large tensors', () => {
  it('are copied whole, in pieces by all threads', () => {
    const bytes = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 7919) >> 5)
    const copy = st.tensor(bytes).dataSync()
    expect(Buffer.compare(copy as Uint8Array, bytes)).toBe(0)
  })
})

describe('disposed buffers', () => {
  it('are reused, and old sizes make room for new ones', () => {
    for (let i = 0; i < 600; i++) st.zeros([(i + 100) * 4096]).dispose()
    expect(st.memory().pooledBytes).toBeLessThanOrEqual(512 * 1024 * 1024)
    const before = st.memory().pooledBytes
    st.zeros([699 * 4096])
    expect(st.memory().pooledBytes).toBeLessThan(before)
  })
})

describe('views', () => {
  it('follow the variable they look at', () => {
    const v = st.variable([
      [1, 2],
      [3, 4],
    ])
    const row = v.slice(1, 1)
    const flat = v.flatten()
    v.assign(
      st.tensor([
        [5, 6],
        [7, 8],
      ]),
    )
    expect(row.array()).toEqual([[7, 8]])
    expect(flat.array()).toEqual([5, 6, 7, 8])
  })
})

describe('printing', () => {
  it('aligns, and shortens long tensors', () => {
    expect(
      st
        .tensor([
          [1, -2.5],
          [30, 4],
        ])
        .toString(),
    ).toBe('[[  1., -2.5],\n [ 30.,   4.]]\nfloat32 [2, 2]')
    expect(st.zeros([2000]).toString()).toContain('...')
    expect(st.tensor(1.5).toString()).toBe('1.5\nfloat32 []')
  })
})
