// What the benchmark concludes from its data: who computes the same, which of our contenders a target counts, what a kernel is to reach,
// and that the core takes the rows it is timed with.
import { describe, expect, it } from 'vitest'
import type { Row } from '../../bench/support/figures.js'
import { type KernelFigure, wantedRate } from '../../bench/support/kernel-page.js'
import { measure } from '../../bench/support/kernel-rows.js'
import { bytesOf, copyOf, kernelShapes, matmul } from '../../bench/support/kernel-shapes.js'
import { disagreements, markdown, type Results } from '../../bench/support/report.js'
import { ratioOf, targets } from '../../bench/support/targets.js'

const figure = (median: number) => ({ median, least: median, most: median })
const rowOf = (contender: string, family: string, ms: number, more: Partial<Row> = {}): Row => ({
  ...{ contender, family, samples: 1, dropped: 0, ms: figure(ms), gflops: 1, faults: 0, facts: {} },
  ...more,
})
const resultsOf = (name: string, rows: Row[]): Results => ({
  machine: {},
  ceilings: { oneThread: 100, allThreads: 200, mixed: 200 },
  rounds: 1,
  secondsPerSample: 1,
  contenders: [],
  workloads: [{ name, about: '', task: 'training', flops: 2e8, bytes: 1e7, rows, absent: {} }],
})

describe('the comparison of losses', () => {
  const compared = (early: number): Results =>
    resultsOf('mlp', [rowOf('peer', 'PyTorch', 1, { differs: { most: 0.5, over: 100, early } })])

  it('lets roundings pass that have grown over a hundred steps', () => {
    expect(disagreements(compared(1e-4))).toEqual([])
    expect(markdown(compared(1e-4))).toContain('Held everywhere: the most is 1.0e-4, peer on mlp.')
  })

  it.each([2e-3, Number.NaN])('names a contender whose first losses differ by %d', (early) => {
    expect(disagreements(compared(early))).toHaveLength(1)
    expect(markdown(compared(early))).toContain('**other mathematics**')
  })
})

describe('targets', () => {
  const rows = (ratio: number) => [rowOf('PyTorch default', 'PyTorch', 3, { ratio: figure(ratio), toRepeated: figure(30) })]

  it('of tiny steps take the faster of ours', () => {
    const [tiny, other] = [true, false].map((repeated) => targets.find((target) => Boolean(target.repeated) === repeated))
    const [row] = rows(18)
    expect(ratioOf(tiny!, row!)).toEqual({ ratio: figure(30), ours: 'steepest repeated' })
    expect(ratioOf(other!, row!)).toEqual({ ratio: figure(18), ours: 'steepest' })
    expect(markdown(resultsOf('small', rows(18)))).toContain('| small (steepest repeated) | PyTorch default | 20 | 30.00 |')
  })

  it('that are not reached have a reason from the data', () => {
    expect(markdown(resultsOf('mlp', rows(2)))).toContain(
      "- mlp beside PyTorch default: 3 would take 100 % of the machine's arithmetic for the whole step",
    )
    expect(markdown(resultsOf('mlp', rows(3)))).not.toContain('3 would take')
  })
})

describe('what is wanted of a kernel', () => {
  const measured: KernelFigure = {
    ...{ kernel: 'matmul', label: '', algorithm: '', rate: 1, unit: 'GFLOP/s', ceiling: 100, peers: {} },
  }

  it('is 75 % of a product, 85 % of those that were seen there, and no less than a peer', () => {
    expect(wantedRate(matmul('', 64, 512, 784), measured)).toBe(75)
    expect(wantedRate(matmul('', 128, 512, 784, 'NT'), measured)).toBe(85)
    expect(wantedRate(matmul('', 128, 512, 784), { ...measured, peers: { OpenBLAS: 90 } })).toBe(90)
    expect(wantedRate(matmul('', 1, 512, 784), measured)).toBeUndefined()
  })
})

describe('rows of kernels', () => {
  const update = kernelShapes.find(({ inPlace }) => inPlace)

  it('in place are held against a copy within as much memory', () => {
    expect(bytesOf(copyOf(update!))).toBeLessThan(bytesOf(update!))
  })

  it('bear names of their own', () => {
    const names = kernelShapes.map(
      ({ kernel, label, args }) => `${kernel} ${label} ${kernel.startsWith('conv2d') ? args.at(-1) : ''}`,
    )
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(
    kernelShapes
      .filter((shape) => bytesOf(shape) < 2 ** 20 && shape.flop < 1e8)
      .map((shape) => [`${shape.kernel} ${shape.label}`, shape] as const),
  )('%s is taken by the core', (_, shape) => {
    expect(measure(shape, 1)[0]).toBeGreaterThan(0)
  })
})
