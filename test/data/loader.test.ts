// The loader: all samples once per epoch, orders by seed and epoch, exact resumption at every place, transforms, streams.
import { describe, expect, test } from 'vitest'
import { dataset, tensorDataset } from '../../lib/data/dataset.js'
import { type DataLoader, type LoaderOptions, loader } from '../../lib/data/loader.js'
import type { RandomSource } from '../../lib/data/rng.js'
import { compose, normalize, type Transform, toFloat } from '../../lib/data/transforms.js'
import { ShapeError, StateError, ValueError } from '../../lib/errors.js'
import { reshape } from '../../lib/ops/shape-ops.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'
import { tidy } from '../../lib/tensor/tidy.js'

const x = tensor(
  Uint8Array.from({ length: 20 }, (_, i) => i),
  [10, 2],
)
const y = Int32Array.from({ length: 10 }, (_, i) => i)
const stream = () => dataset(Array.from({ length: 10 }, (_, i): [number[], number] => [[2 * i, 2 * i + 1], i]))

async function epoch(batches: DataLoader, stopAfter = Number.POSITIVE_INFINITY): Promise<number[][]> {
  const seen: number[][] = []
  for await (const [inputs, targets] of batches) {
    const labels = Array.from(targets.dataSync())
    expect(Array.from(inputs.dataSync())).toEqual(labels.flatMap((label) => [2 * label, 2 * label + 1]))
    seen.push(labels)
    if (seen.length >= stopAfter) break
  }
  return seen
}

describe.each([
  ['in memory', (options?: LoaderOptions) => loader([x, y], options)],
  ['streamed', (options?: LoaderOptions) => loader(stream(), options)],
])('%s', (kind, make) => {
  test('in order, the last batch shorter or dropped', async () => {
    const batches = make({ batchSize: 4 })
    expect([batches.size, batches.length]).toEqual([10, 3])
    expect(await epoch(batches)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
    expect(await epoch(batches)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
    const whole = make({ batchSize: 4, dropLast: true })
    expect(whole.length).toBe(2)
    expect(await epoch(whole)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ])
    expect((await epoch(make()))[0]?.length).toBe(10)
  })

  test('shuffled: every sample once, another order each epoch, the same for the same seed', async () => {
    const [a, b] = [make({ batchSize: 3, shuffle: true, seed: 5 }), make({ batchSize: 3, shuffle: true, seed: 5 })]
    const epochs = [await epoch(a), await epoch(a), await epoch(a)]
    for (const batches of epochs) expect(batches.flat().sort((p, q) => p - q)).toEqual([...y])
    expect(new Set(epochs.map((batches) => batches.flat().join())).size).toBe(3)
    expect([await epoch(b), await epoch(b), await epoch(b)]).toEqual(epochs)
    expect(await epoch(make({ batchSize: 3, shuffle: true, seed: 6 }))).not.toEqual(epochs[0])
  })

  test('resumes with the very next batch from every place of two epochs', async () => {
    const options = { batchSize: 3, shuffle: true, seed: 9 }
    const whole = make(options)
    const sequence = [...(await epoch(whole)), ...(await epoch(whole))]
    for (let stop = 1; stop <= 8; stop++) {
      const first = make(options)
      const seen = await epoch(first, Math.min(stop, 4))
      if (stop > 4) seen.push(...(await epoch(first, stop - 4)))
      const state = JSON.parse(JSON.stringify(first.state()))
      const resumed = make({ ...options, seed: 1 }).loadState(state)
      seen.push(...(await epoch(resumed)))
      if (stop <= 4) seen.push(...(await epoch(resumed)))
      expect(seen).toEqual(sequence)
    }
  })

  test('leaving a loop early ends its epoch; state says where one is', async () => {
    const batches = make({ batchSize: 4, shuffle: true, seed: 3 })
    expect(batches.state()).toEqual({ seed: 3, epoch: 0, batch: 0 })
    await epoch(batches, 1)
    expect(batches.state()).toEqual({ seed: 3, epoch: 0, batch: 1 })
    const second = await epoch(batches)
    expect(batches.state()).toEqual({ seed: 3, epoch: 2, batch: 0 })
    const fresh = make({ batchSize: 4, shuffle: true, seed: 3 })
    await epoch(fresh)
    expect(await epoch(fresh)).toEqual(second)
  })

  test('transforms get the batch and randomness that depends on seed, epoch and batch only', async () => {
    const draws: number[] = []
    const transform = (value: typeof x, random: RandomSource) => {
      draws.push(random.uint32())
      return value
    }
    const batches = make({ batchSize: 5, seed: 4, transform })
    await epoch(batches)
    await epoch(batches)
    expect(new Set(draws).size).toBe(4)
    const resumed = make({ batchSize: 5, seed: 4, transform }).loadState({ seed: 4, epoch: 1, batch: 1 })
    await epoch(resumed)
    expect(draws[4]).toBe(draws[3])
    await expect(epoch(make({ transform: () => 3 as never }))).rejects.toThrow(
      /'transform' must be a function that returns a tensor, got 3/,
    )
  })

  test('the batch that a transform was given is freed, unless the result is or views it', async () => {
    const given: Tensor[] = []
    const keep = (change: Transform): Transform => {
      return (value, random) => {
        given.push(value)
        return change(value, random)
      }
    }
    const options = { batchSize: 10, seed: 1 }
    await make({ ...options, transform: keep(toFloat()) })
      [Symbol.asyncIterator]()
      .next()
    await make({ ...options, transform: keep((value) => value) })
      [Symbol.asyncIterator]()
      .next()
    await make({ ...options, transform: keep((value) => reshape(value, [2, 10])) })
      [Symbol.asyncIterator]()
      .next()
    await make({ ...options, transform: compose(toFloat(), keep(normalize(0, 1))) })
      [Symbol.asyncIterator]()
      .next()
    expect(given.map((value) => value.isDisposed)).toEqual([kind === 'in memory', false, false, true])
  })

  test('the event loop turns between batches', async () => {
    let turns = 0
    let running = true
    const spin = () => {
      turns++
      if (running) setImmediate(spin)
    }
    setImmediate(spin)
    await epoch(make({ batchSize: 1 }))
    running = false
    expect(turns).toBeGreaterThanOrEqual(9)
  })
})

describe('sources and arguments', () => {
  test("plain for, order, dtypes, memory of one's own", () => {
    const batches = loader(tensorDataset(x, y), { batchSize: 4, shuffle: true, seed: 2 })
    const order = batches.order(0) as Int32Array
    const seen: number[] = []
    for (const [inputs, targets] of batches) {
      expect([inputs.dtype, targets.dtype]).toEqual(['uint8', 'int32'])
      seen.push(...targets.dataSync())
      inputs.dispose()
    }
    expect(seen).toEqual([...order])
    for (const [inputs] of loader([x, y])) inputs.dispose()
    expect(x.dataSync()[3]).toBe(3)
    expect(loader([x, y]).order(0)).toBeUndefined()
    tidy(() => {
      for (const _ of loader([x, y], { shuffle: true }));
    })
    expect([...loader([new Float32Array(0), new Float32Array(0)])]).toEqual([])
  })

  test('refusals', async () => {
    expect(() => loader([x, new Int32Array(9)])).toThrow(ShapeError)
    expect(() => loader([x] as never)).toThrow(/'source' must be a dataset or a pair \[x, y\]/)
    expect(() => loader([x, y], { batchSize: 0 })).toThrow(/'batchSize' must be an integer of at least 1, got 0/)
    expect(() => loader([x, y], { shuffle: 1 as never })).toThrow(/'shuffle' must be true or false, got 1/)
    expect(() => loader([x, y], { seed: 0.5 })).toThrow(ValueError)
    expect(() => loader([x, y], { transform: 'x' as never })).toThrow(/'transform' must be a function/)
    expect(() => loader([x, y], { batch_size: 3 } as object)).toThrow(/got 'batch_size'/)
    expect(() => loader([x, y]).loadState({ seed: 1, epoch: -1, batch: 0 })).toThrow(/'epoch'/)
    expect(() => loader([x, y]).loadState({ seed: 1, epoch: 0, batch: 2 })).toThrow(
      /'batch' must be an integer from 0 to 1, got 2/,
    )
    expect(() => loader([x, y]).loadState(undefined as never)).toThrow(ValueError)
    expect(() => [...loader(stream())]).toThrow(StateError)
    expect(() => loader(dataset(function* () {} as () => Generator<[number, number]>)).order(0)).toThrow(StateError)
    await expect(epoch(loader(dataset([1, 2]) as never))).rejects.toThrow(/must be pairs \[x, y\], got 1/)
  })
})
