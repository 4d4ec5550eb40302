// Datasets: every method on small streams, that sources are closed and buffers bounded, and how samples become batches.
import { describe, expect, test } from 'vitest'
import { collate } from '../../lib/data/collate.js'
import { type Dataset, dataset, TensorDataset, tensorDataset } from '../../lib/data/dataset.js'
import { ShapeError, StateError, ValueError } from '../../lib/errors.js'
import { tensor } from '../../lib/tensor/creation.js'
import { Tensor } from '../../lib/tensor/tensor.js'

const plain = (x: Tensor) => ({ shape: [...x.shape], dtype: x.dtype, data: [...x.dataSync()] })
const upTo = (n: number) => dataset(Array.from({ length: n }, (_, i) => i))

describe('streams', () => {
  test('map, filter, take, skip, repeat, with sizes where they are known', async () => {
    expect(
      await upTo(4)
        .map((i) => i * 10)
        .toArray(),
    ).toEqual([0, 10, 20, 30])
    expect(
      await upTo(3)
        .map(async (i) => `${i}`)
        .toArray(),
    ).toEqual(['0', '1', '2'])
    expect(
      await upTo(6)
        .filter((i) => i % 2 === 1)
        .toArray(),
    ).toEqual([1, 3, 5])
    expect(
      await upTo(6)
        .filter(async (i) => i > 3)
        .toArray(),
    ).toEqual([4, 5])
    expect(await upTo(6).take(2).toArray()).toEqual([0, 1])
    expect(await upTo(2).take(0).toArray()).toEqual([])
    expect(await upTo(6).skip(4).toArray()).toEqual([4, 5])
    expect(await upTo(2).repeat(3).toArray()).toEqual([0, 1, 0, 1, 0, 1])
    expect(await upTo(2).repeat().take(5).toArray()).toEqual([0, 1, 0, 1, 0])
    expect([upTo(6).size, upTo(6).map(String).size, upTo(6).take(9).size, upTo(6).skip(2).size]).toEqual([6, 6, 6, 4])
    expect([upTo(6).repeat(2).size, upTo(6).repeat().size, upTo(6).filter(Boolean).size]).toEqual([12, undefined, undefined])
    expect([upTo(7).batch(3).size, upTo(7).batch(3, { dropLast: true }).size]).toEqual([3, 2])
  })

  test('a dataset can be read many times, also at once', async () => {
    const squares = upTo(3).map((i) => i * i)
    expect(await Promise.all([squares.toArray(), squares.toArray()])).toEqual([
      [0, 1, 4],
      [0, 1, 4],
    ])
    const generated = dataset(function* () {
      yield 'a'
      yield 'b'
    })
    expect([await generated.toArray(), await generated.toArray()]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('a source that can be read once says so the second time', async () => {
    async function* once() {
      yield 1
    }
    const stream = dataset(once())
    expect(await stream.toArray()).toEqual([1])
    await expect(stream.toArray()).rejects.toThrow(StateError)
    expect(
      await dataset(new Set([1, 2]))
        .repeat(2)
        .toArray(),
    ).toEqual([1, 2, 1, 2])
  })

  test('shuffle: all items once, within the reach of the buffer, new order each time, reproducible', async () => {
    const shuffled = upTo(100).shuffle(10, { seed: 1 })
    const [first, second] = [await shuffled.toArray(), await shuffled.toArray()]
    expect([...first].sort((a, b) => a - b)).toEqual([...Array(100).keys()])
    expect(first).not.toEqual(second)
    for (const [place, item] of first.entries()) expect(item).toBeLessThan(place + 10)
    const again = upTo(100).shuffle(10, { seed: 1 })
    expect([await again.toArray(), await again.toArray()]).toEqual([first, second])
    const fixed = upTo(100).shuffle(10, { seed: 1, reshuffleEachIteration: false })
    expect([await fixed.toArray(), await fixed.toArray()]).toEqual([first, first])
    expect(await upTo(5).shuffle(1).toArray()).toEqual([0, 1, 2, 3, 4])
  })

  test('a full buffer makes every order equally likely', async () => {
    const counts = new Map<string, number>()
    const shuffled = upTo(3).shuffle(3, { seed: 2 })
    for (let reading = 0; reading < 1200; reading++) {
      const order = (await shuffled.toArray()).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0)
    expect(counts.size).toBe(6)
    expect(chiSquare).toBeLessThan(20.5) // 5 degrees of freedom, p = 0.001
  })

  test('prefetch asks ahead as far as told, keeps the order and reports failures in turn', async () => {
    let asked = 0
    const slow = dataset(async function* () {
      for (let i = 0; i < 6; i++) {
        asked++
        if (i === 5) throw new Error('the sixth')
        yield i
      }
    }).prefetch(3)
    const seen: number[] = []
    await expect(
      (async () => {
        for await (const item of slow) {
          seen.push(item)
          await new Promise(setImmediate)
          expect(asked).toBeLessThanOrEqual(item + 1 + 3)
          if (item === 0) expect(asked).toBe(4)
        }
      })(),
    ).rejects.toThrow('the sixth')
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  test('leaving early closes the source', async () => {
    let closed = 0
    const source = dataset(async function* () {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed++
      }
    })
    const pipelines: Dataset<unknown>[] = [
      source,
      source.map(String),
      source.filter(() => true),
      source.batch(2),
      source.shuffle(4),
      source.prefetch(2),
      source.skip(1),
      source.repeat(2),
    ]
    for (const pipeline of pipelines) for await (const _ of pipeline) break
    await source.take(2).toArray()
    expect(closed).toBe(pipelines.length + 1)
  })

  test('bad arguments', async () => {
    expect(() => dataset(7 as unknown as number[])).toThrow(/argument 'source' must be an iterable or a function/)
    expect(() => upTo(1).map('x' as unknown as () => void)).toThrow(ValueError)
    expect(() => upTo(1).batch(0)).toThrow(/'batchSize' must be an integer of at least 1, got 0/)
    expect(() => upTo(1).batch(1, { drop: true } as object)).toThrow(/got 'drop'/)
    expect(() => upTo(1).shuffle(Number.NaN)).toThrow(ValueError)
    expect(() => upTo(1).take(-1)).toThrow(ValueError)
    expect(() => upTo(1).prefetch(0.5)).toThrow(ValueError)
  })
})

describe('batches', () => {
  test('numbers, arrays, typed arrays, tensors, tuples, objects', () => {
    expect(plain(collate('f', [1, 2]))).toEqual({ shape: [2], dtype: 'float32', data: [1, 2] })
    expect(
      plain(
        collate('f', [
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toEqual({ shape: [2, 2], dtype: 'float32', data: [1, 2, 3, 4] })
    expect(plain(collate('f', [[[1], [2]]])).shape).toEqual([1, 2, 1])
    expect(plain(collate('f', [Uint8Array.of(1), Uint8Array.of(2)]))).toEqual({ shape: [2, 1], dtype: 'uint8', data: [1, 2] })
    expect(plain(collate('f', [tensor(Int32Array.of(5, 6))]))).toEqual({ shape: [1, 2], dtype: 'int32', data: [5, 6] })
    const [x, y] = collate('f', [
      [[1, 2], 0],
      [[3, 4], 1],
    ] as [number[], number][])
    expect([x.shape, y.shape]).toEqual([[2, 2], [2]])
    const { image, label } = collate('f', [{ image: Float32Array.of(1), label: 3 }])
    expect([image.shape, label.shape]).toEqual([[1, 1], [1]])
  })

  test.each<[readonly unknown[], new (message: string) => Error]>([
    [[[1, 2], [1]], ShapeError],
    [[tensor([1]), 'a'], ValueError],
    [['a'], ValueError],
    [[undefined], ValueError],
    [[{ a: 1 }, { b: 1 }], ValueError],
    [[{ a: 1 }, { a: 1, b: 1 }], ValueError],
    [[[tensor([1]), 1], [tensor([1])]], ValueError],
    [[{ a: 1 }, null], ValueError],
  ])('refuses %o', (samples, error) => {
    expect(() => collate('f', samples)).toThrow(error)
  })

  test('a dataset of pairs in batches, the last one shorter or dropped', async () => {
    const pairs = upTo(5).map((i): [Tensor, number] => [tensor([i, -i]), i])
    const batches = await pairs.batch(2).toArray()
    expect(batches.map(([x, y]) => [x.shape, [...y.dataSync()]])).toEqual([
      [
        [2, 2],
        [0, 1],
      ],
      [
        [2, 2],
        [2, 3],
      ],
      [[1, 2], [4]],
    ])
    expect((await pairs.batch(2, { dropLast: true }).toArray()).length).toBe(2)
  })
})

describe('tensors in memory', () => {
  test('samples are views of rows', async () => {
    const set = tensorDataset(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      Int32Array.of(7, 8, 9),
    )
    expect(set).toBeInstanceOf(TensorDataset)
    expect(set.size).toBe(3)
    const samples = await set.toArray()
    expect(samples.map(([x, y]) => [[...x.dataSync()], y.shape, y.item()])).toEqual([
      [[1, 2], [], 7],
      [[3, 4], [], 8],
      [[5, 6], [], 9],
    ])
    expect([...(set.at(1)[0] as Tensor).dataSync()]).toEqual([3, 4])
    expect(() => set.at(3)).toThrow(/integer from 0 to 2, got 3/)
    expect((await set.skip(1).batch(2).toArray()).map(([x]) => x.shape)).toEqual([[2, 2]])
    expect(() => tensorDataset([1, 2], [1])).toThrow(/equally many samples, got 2 and 1/)
    expect(() => tensorDataset(3, [1])).toThrow(ValueError)
    expect(() => tensorDataset(tensor(3), [1])).toThrow(ShapeError)
    expect(samples[0]?.[0]).toBeInstanceOf(Tensor)
  })
})
