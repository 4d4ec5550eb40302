// The two tables of figures in README.md. Invariant: they stand between marks and hold nothing but medians of the data.
import { withMarked } from './marked.js'
import type { Results, WorkloadResult } from './report.js'

interface Table {
  head: string
  /** Contenders by name, with the head of their column. */
  columns: [contender: string, head: string][]
  /** Workloads by name, with the head of their line. */
  lines: [workload: string, head: string][]
}

const tables: Table[] = [
  {
    head: 'training step',
    columns: [
      ['steepest', 'Steepest'],
      ['PyTorch default', 'PyTorch default'],
      ['PyTorch tuned', 'PyTorch tuned'],
      ['tfjs wasm', 'tfjs wasm'],
      ['plain JavaScript', 'plain JavaScript'],
    ],
    lines: [
      ['mlp-adam', 'MLP 784-512-10, Adam, batch 128'],
      ['small', '20-64-64-1, Adam, batch 32'],
      ['cnn', 'MNIST CNN, momentum, batch 64'],
      ['resnet20', 'ResNet-20, momentum, batch 64'],
    ],
  },
  {
    head: 'inference of 32 samples',
    columns: [
      ['steepest', 'Steepest'],
      ['ONNX Runtime best', 'ONNX Runtime'],
      ['PyTorch tuned', 'PyTorch tuned'],
      ['tfjs wasm', 'tfjs wasm'],
    ],
    lines: [
      ['mlp-infer-32', 'MLP 784-512-10'],
      ['cnn-infer-32', 'MNIST CNN'],
      ['resnet20-infer-32', 'ResNet-20'],
    ],
  },
]

const show = (ms: number): string => `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3)} ms`

function cellOf(workload: WorkloadResult | undefined, contender: string): string {
  const row = workload?.rows.find((row) => row.contender === contender)
  if (row) return show(row.ms.median)
  return contender === 'tfjs wasm' && workload?.task === 'training' ? 'no gradient' : 'not run'
}

function linesOf({ head, columns, lines }: Table, workloads: readonly WorkloadResult[]): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row([head, ...columns.map(([, name]) => name)]),
    `|${'---|'.repeat(columns.length + 1)}`,
    ...lines.map(([name, about]) => {
      const workload = workloads.find((workload) => workload.name === name)
      return row([about, ...columns.map(([contender]) => cellOf(workload, contender))])
    }),
  ]
}

/** README.md with its figures replaced by those of `results`. */
export const withFigures = (readme: string, { workloads }: Results): string =>
  withMarked(readme, 'figures', tables.map((table) => linesOf(table, workloads).join('\n')).join('\n\n'))
