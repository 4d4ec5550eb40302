// Statistics of batch normalization are made by the convolution before them where that changes no bit, whatever stores its pixels.
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { channelMoments } from '../../lib/ops/channels.js'
import { bits, classifierStep, operations, withSettings } from './problem.js'

const { conv2d } = st
type Conv2dOptions = Parameters<typeof conv2d>[2]

const image = (...shape: number[]): st.Tensor => new st.Generator(3).normal(shape)
const kernel = (...shape: number[]): st.Tensor => new st.Generator(4).normal(shape)
const moments = (y: st.Tensor, channels = y.shape[y.rank - 1] as number): st.Tensor[] => {
  const { mean, variance } = channelMoments(y.reshape([y.size / channels, channels]))
  return [y, mean, variance]
}

/** The rows that a function records, after its results were found to be those without the pass, to the bit, with 1, 2 and 4 threads. */
function recorded(fn: (x: st.Tensor) => st.Tensor[], x: st.Tensor): string[] {
  const run = (): { values: string[]; rows: string[] } => {
    const program = st.program(fn)
    const values = program.sync(x).map((tensor) => createHash('sha256').update(tensor.dataSync()).digest('hex'))
    return { values, rows: operations(program.toString()) }
  }
  const { threads } = st.info()
  const { values, rows } = withSettings('no-prepare', run)
  try {
    for (const count of [1, 2, 4]) {
      st.setThreads(count)
      for (const switches of ['', 'no-statistics', 'eager']) expect(withSettings(switches, run).values).toEqual(values)
    }
  } finally {
    st.setThreads(threads)
  }
  return rows
}

/** The rows of the statistics of what `after` makes of the convolution. */
function rowsOf(
  kernelShape: number[],
  options: Conv2dOptions,
  imageShape: number[],
  after: (y: st.Tensor) => st.Tensor = (y) => y,
): string[] {
  const w = kernel(...kernelShape)
  return recorded((x) => moments(after(conv2d(x, w, options))), image(...imageShape))
}

const same = { padding: 'same' } as const
const together = ['conv2d, channelMoments']
const apart = ['conv2d', 'channelMoments']

describe('a convolution makes the statistics of what it stores', () => {
  it('directly, with strides, in bands of a large image, in groups and for each channel by itself', () => {
    const direct = { ...same, convAlgorithm: 'direct' } as const
    expect(rowsOf([3, 3, 3, 16], direct, [5, 32, 32, 3])).toEqual(together)
    expect(rowsOf([3, 3, 5, 40], { ...same, strides: 2 }, [7, 31, 30, 5])).toEqual(together)
    expect(rowsOf([1, 1, 8, 33], { strides: 2 }, [6, 33, 32, 8])).toEqual(together)
    expect(rowsOf([3, 3, 24, 20], direct, [1, 90, 91, 24])).toEqual(together)
    expect(rowsOf([3, 3, 4, 48], { ...same, groups: 4 }, [3, 40, 30, 16])).toEqual(together)
    expect(rowsOf([3, 3, 1, 40], { ...same, groups: 40 }, [2, 40, 41, 40])).toEqual(together)
  })

  it('by Winograd, with tiles cut off, several blocks of columns and tiles of channels', () => {
    const sizes = [
      [9, 32, 32, 16, 16],
      [5, 33, 30, 16, 20],
      [7, 9, 11, 4, 65],
      [4, 14, 13, 8, 300],
      [1, 4, 4, 16, 200],
    ] as const
    for (const [n, h, w, depth, filters] of sizes)
      expect(rowsOf([3, 3, depth, filters], { ...same, convAlgorithm: 'winograd' }, [n, h, w, depth])).toEqual(together)
  })

  it('after what was taken in before them', () => {
    const bias = kernel(18)
    const rows = rowsOf([3, 3, 3, 18], {}, [3, 19, 20, 3], (y) => st.relu(y.add(bias)))
    expect(rows).toEqual(['conv2d, add, relu, channelMoments'])
  })

  it('of a whole batch that is cut in slices before them', () => {
    const w = kernel(3, 3, 16, 16)
    const twice = (x: st.Tensor): st.Tensor[] => moments(conv2d(st.relu(conv2d(x, w, same)), w, same)).slice(1)
    const rows = recorded(twice, image(160, 32, 32, 16))
    expect(rows.filter((name) => name.includes('channelMoments'))).toEqual(together)
  })
})

describe('a convolution does not make statistics', () => {
  it('where it is a matrix product, pools, or is not alone', () => {
    expect(rowsOf([1, 1, 5, 18], {}, [2, 9, 9, 5])).toEqual(apart)
    const winograd = { convAlgorithm: 'winograd' } as const
    expect(rowsOf([3, 3, 3, 18], winograd, [2, 12, 12, 3], (y) => st.maxPool2d(y, 2))).toEqual([
      'conv2d, maxPool2d',
      'channelMoments',
    ])
    expect(rowsOf([3, 3, 3, 18], {}, [2, 9, 9, 3], (y) => y.mul(y))).toEqual(['conv2d', 'mul', 'channelMoments'])
  })

  it('of other axes, parts, types, or twice', () => {
    const w = kernel(3, 3, 3, 18)
    const x = image(4, 9, 9, 3)
    expect(recorded((a) => moments(conv2d(a, w), 9), x)).toEqual(apart)
    expect(rowsOf([3, 3, 3, 18], {}, [4, 9, 9, 3], (y) => y.slice([0], [2]))).toEqual(apart)
    const v = w.cast('float64')
    expect(recorded((a) => moments(conv2d(a.cast('float64'), v)), x)).toEqual(['cast', ...apart])
    const twice = (a: st.Tensor): st.Tensor[] => {
      const y = conv2d(a, w)
      return [...moments(y), ...moments(y)]
    }
    expect(recorded(twice, x)).toEqual([...together, 'channelMoments'])
  })
})

describe('training with batch normalization', () => {
  it('gives the same bits with the pass, without it and eagerly', () => {
    const train = (): { losses: number[]; variables: unknown; gathered: number } => {
      st.setSeed(1)
      const model = st.sequential([
        st.layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', useBias: false, inputShape: [16, 16, 3] }),
        st.layers.batchNormalization({ momentum: 0.5 }),
        st.layers.activation({ activation: 'relu' }),
        st.layers.conv2d({ filters: 20, kernelSize: 3, strides: 2, padding: 'same' }),
        st.layers.batchNormalization({ momentum: 0.5 }),
        st.layers.flatten(),
        st.layers.dense({ units: 3 }),
      ])
      const step = classifierStep(model)
      const [x, y] = [image(6, 16, 16, 3), st.tensor([0, 1, 2, 0, 1, 2], [6], 'int32')]
      const losses = Array.from({ length: 4 }, () => step.sync(x, y).item())
      return {
        losses,
        variables: bits(model),
        gathered: operations(step.toString()).filter((name) => name.startsWith('conv2d') && name.includes('channelMoments'))
          .length,
      }
    }
    const [all, without, eager] = ['', 'no-statistics', 'eager'].map((switches) => withSettings(switches, train))
    expect([all, without].map((result) => result?.gathered)).toEqual([2, 0])
    for (const other of [without, eager]) expect({ ...other, gathered: 2 }).toEqual(all)
  })
})
