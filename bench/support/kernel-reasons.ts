// Why shapes are short of what is wanted, as far as it is known. Invariant: a reason that names a figure names one that was measured.
import type { KernelFigure } from './kernel-page.js'

interface Reason {
  /** What the reason is given for. */
  readonly about: string
  readonly fits: (figure: KernelFigure) => boolean
  readonly reason: string
}

const labelled = (pattern: RegExp, kernels: string) => {
  const names = kernels.split(' ')
  return ({ kernel, label }: KernelFigure): boolean => names.includes(kernel) && pattern.test(label)
}

/** In this order; the first that fits a shape is its own. */
const reasons: readonly Reason[] = [
  {
    about: 'formulas over 32x64',
    fits: labelled(/ 32x64$/, 'pointwise'),
    reason: '16 kB take 0.14 µs at the rate of the copy; beside that a row costs about 0.1 µs to be read and started.',
  },
  {
    about: 'sigmoid',
    fits: labelled(/^sigmoid/, 'pointwise'),
    reason:
      'arithmetic, not traffic: on two AVX-512 cores a loop of divisions alone streams 77 GB/s from the first-level cache, and the exponential comes on top.',
  },
  {
    about: 'groups of 4 and 8 channels',
    fits: labelled(/groups (16|8),?/, 'conv2d conv2dBackwardInput conv2dBackwardKernel'),
    reason:
      'two images, which stay in the second-level cache, reach more with one thread than 16 do with both, and a copy of as many bytes takes about as long as the arithmetic: the shared cache is the likely limit. In the gradient to the kernel a vector is permuted between multiply-adds, which shares a port with half of them.',
  },
  {
    about: 'first layers',
    fits: labelled(/ (1->32|3->16|3->64) /, 'conv2d conv2dBackwardInput conv2dBackwardKernel'),
    reason:
      'one or three channels. The gradient to the input adds up the lanes of every sum, about three operations beside nine multiply-adds; that of 1->32 to its kernel has one number of the image for two vectors of filters.',
  },
  {
    about: 'Winograd at 16 channels',
    fits: ({ algorithm, label }) => algorithm === 'Winograd' && / 16->16 /.test(label),
    reason:
      'the transforms are two fifths of the time, against 36 short products of 16 columns; 64 images take a fifth to a third longer per image than 8, which stay in the second-level cache.',
  },
  {
    about: 'products with 9216 rows or columns, and the gradient of a 1x1 convolution',
    fits: labelled(/9216|16384/, 'matmul'),
    reason:
      '5 to 9 MB pass through, of which each operand and result is touched once or twice: which likely leaves a part of the time to the shared cache.',
  },
  {
    about: 'large squares',
    fits: labelled(/^square/, 'matmul'),
    reason: 'OpenBLAS is up to an eighth ahead from 2048 rows and columns on; its larger packed blocks are the likely cause.',
  },
  {
    about: 'attention',
    fits: labelled(/^attention/, 'matmul'),
    reason:
      'an item is 0.26 MFLOP beside 32 kB of operands and results, of which 2,048 numbers are turned first: 128 multiplications and additions for each of them, where 128 rows by 512 columns have 256 for each number of their packed operand.',
  },
  {
    about: 'max-pooling of 8x8',
    fits: labelled(/8x8$/, 'maxPool2d'),
    reason:
      'five operations for each vector that is read (two comparisons, their union, two selections), in a chain of 63 for each block of channels, where the copy has a store.',
  },
  {
    about: 'softmax and cross-entropy',
    fits: ({ kernel }) => kernel === 'softmax' || kernel === 'sparseCrossEntropy',
    reason:
      'an exponential for each number, between a maximum and a sum: two AVX-512 cores make 10.4 of them a nanosecond, which alone is 83 GB/s of softmax and 41 of the cross-entropy, which stores nothing. Of ten classes it is the length of that chain, 11 ns a row.',
  },
  {
    about: 'updates of the small network',
    fits: labelled(/20-64-64-1/, 'pointwiseSegments'),
    reason:
      'a root and a division for each of 5,569 numbers, which one thread computes: 2.6 of both a nanosecond, which is 52 GB/s of RMSprop and 73 of Adam.',
  },
  {
    about: 'random zeros and ones',
    fits: ({ kernel }) => kernel === 'bernoulli',
    reason:
      'ten rounds of Philox are 45 operations for each vector of numbers, ten of them multiplications: with two operations a cycle, 2.8 bytes a cycle and core.',
  },
  {
    about: 'conversions',
    fits: ({ kernel }) => kernel === 'cast',
    reason:
      'to int32 four comparisons and three selections beside the conversion, which saturate and leave out NaN; from uint8 four fifths of the bytes are stored, where the copy stores half.',
  },
  {
    about: 'transposed copies',
    fits: labelled(/^transposed/, 'copy'),
    reason:
      'with AVX-512 a tile of 16x16 is 80 permutations and blends, of which most need the one port for them, beside 16 loads and 16 stores; the stores of a tile go to 16 lines a row apart, which memory has to fetch first and the hardware does not foresee.',
  },
  {
    about: 'sums over 64 columns',
    fits: labelled(/^sum over columns \d+x64$/, 'reduce'),
    reason:
      'with AVX-512 four vectors a row are four loads and four additions; the lanes of sixteen rows are added up together in 15 additions and 40 permutations and blends, nearly as many operations again, and a call of 64 rows takes as long to begin as to add up.',
  },
  {
    about: 'gather of short rows',
    fits: labelled(/^rows 64x32$/, 'gather'),
    reason: 'a call that copies 128 bytes for each row.',
  },
  {
    about: 'gradients of pooling',
    fits: ({ kernel }) => kernel.endsWith('Pool2dBackward'),
    reason:
      'every value is stored four or more times beside zeros, or added up where windows overlap. Max-pooling of 2x2 behind a convolution by Winograd has no such row in a program: the convolution spreads its gradient while it loads it.',
  },
  {
    about: 'formulas with operands per row or per column',
    fits: labelled(/^(bias|normalize)/, 'pointwise'),
    reason:
      'each instruction reads its own operands: for 16 vectors of one result of `normalize rows` 48 numbers besides, which the copy has not; memory is slow enough to hide that, the second-level cache likely is not.',
  },
  {
    about: 'other products',
    fits: labelled(/./, 'matmul'),
    reason:
      'the tile of 14x32 by itself, its operands in the first-level cache, reached 82 to 90 % of the ceiling on the processor of these figures, which issues some 2.6 multiply-adds and loads a cycle together; panels come from the second-level cache on top of that.',
  },
  {
    about: 'other convolutions by Winograd',
    fits: ({ algorithm }) => algorithm === 'Winograd',
    reason:
      'their products are tiles like those of matrix products, with as many loads beside the multiply-adds, between the transforms.',
  },
  {
    about: 'other direct convolutions',
    fits: ({ algorithm }) => algorithm === 'direct',
    reason:
      'their tiles have the loads of those of matrix products beside the multiply-adds; strides and few channels leave fewer pixels or columns to share one.',
  },
]

/** The part of docs/kernels.md that gives reasons for the shapes that are short of what is wanted. */
export function reasonLines(figures: readonly KernelFigure[]): string[] {
  const short = figures.filter(({ rate, wanted }) => wanted !== undefined && rate < wanted)
  const lines = reasons.flatMap(({ about, reason, fits }) => {
    const count = short.filter((figure) => reasons.find((other) => other.fits(figure))?.fits === fits).length
    return count > 0 ? [`- **${about}** (${count}): ${reason}`] : []
  })
  const rest = short.filter((figure) => !reasons.some(({ fits }) => fits(figure)))
  const names = rest.map(({ kernel, label }) => `${kernel} ${label}`).join('; ')
  return [
    '',
    '## Where a shape is short of it',
    '',
    ...lines,
    ...(rest.length > 0 ? [`- no cause was looked for: ${names}.`] : []),
  ]
}
