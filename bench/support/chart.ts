// docs/benchmarks.svg: for each workload the time of each peer's fastest configuration as a multiple of ours, on a logarithmic axis.
// Invariant: what is drawn stands in the tables; colours are told apart by shape too.
import type { Row } from './figures.js'
import type { Results, WorkloadResult } from './report.js'

interface Mark {
  family: string
  colour: string
  shape: 'circle' | 'square' | 'diamond' | 'triangle'
}

const marks: Mark[] = [
  { family: 'PyTorch', colour: '#d9480f', shape: 'circle' },
  { family: 'ONNX Runtime', colour: '#1971c2', shape: 'square' },
  { family: 'TensorFlow', colour: '#e8a100', shape: 'diamond' },
  { family: 'plain JavaScript', colour: '#495057', shape: 'triangle' },
  { family: 'tfjs wasm', colour: '#2f9e44', shape: 'square' },
  { family: 'tfjs cpu', colour: '#9c36b5', shape: 'diamond' },
  { family: 'brain.js', colour: '#0b7285', shape: 'circle' },
]

const [width, left, right, top, step] = [900, 150, 30, 92, 26]
const ticks = [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

function symbol({ shape, colour }: Mark, x: number, y: number): string {
  const at = `fill="${colour}" fill-opacity="0.85" stroke="#fff"`
  const [cx, cy] = [x.toFixed(1), y.toFixed(1)]
  if (shape === 'circle') return `<circle cx="${cx}" cy="${cy}" r="6" ${at}/>`
  const turn = shape === 'diamond' ? ` transform="rotate(45 ${cx} ${cy})"` : ''
  if (shape === 'triangle') return `<path d="M${cx} ${(y - 7).toFixed(1)}l7 12h-14z" ${at}/>`
  return `<rect x="${(x - 5).toFixed(1)}" y="${(y - 5).toFixed(1)}" width="10" height="10" ${at}${turn}/>`
}

const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`

/** The fastest row of each family that has a ratio. */
function fastest(rows: readonly Row[]): Map<string, Row> {
  const best = new Map<string, Row>()
  for (const row of rows) {
    const other = best.get(row.family)
    if (row.ratio && (!other || row.ms.median < other.ms.median)) best.set(row.family, row)
  }
  return best
}

function legend(): string[] {
  const place = (width - left - right) / 4
  return marks.flatMap((mark, i) => {
    const [x, y] = [left + (i % 4) * place, 44 + Math.floor(i / 4) * 20]
    return [symbol(mark, x + 8, y - 4), text(x + 22, y, mark.family)]
  })
}

/** The chart as an SVG document. */
export function chart({ workloads }: Results): string {
  const lines = workloads.map((workload: WorkloadResult) => ({ name: workload.name, best: fastest(workload.rows) }))
  const ratios = lines.flatMap(({ best }) => [...best.values()].map(({ ratio }) => ratio?.median ?? 1))
  const low = ticks.findLast((tick) => tick <= Math.min(0.5, ...ratios)) ?? 0.2
  const high = ticks.find((tick) => tick >= Math.max(2, ...ratios)) ?? 10_000
  const xOf = (ratio: number): number => left + ((width - left - right) * Math.log(ratio / low)) / Math.log(high / low)
  const bottom = top + lines.length * step
  const axis = ticks
    .filter((tick) => tick >= low && tick <= high)
    .flatMap((tick) => {
      const x = xOf(tick).toFixed(1)
      const line = tick === 1 ? 'stroke="#212529" stroke-width="2"' : 'stroke="#dee2e6"'
      return [
        `<path d="M${x} ${top - 6}V${bottom}" ${line}/>`,
        text(xOf(tick), bottom + 18, `${tick}×`, 'text-anchor="middle" fill="#495057"'),
      ]
    })
  const rows = lines.flatMap(({ name, best }, i) => {
    const y = top + (i + 0.5) * step
    const shown = marks.flatMap((mark) => {
      const ratio = best.get(mark.family)?.ratio
      return ratio ? [symbol(mark, xOf(ratio.median), y)] : []
    })
    const band = i % 2 === 0 ? [`<rect x="0" y="${y - step / 2}" width="${width}" height="${step}" fill="#f8f9fa"/>`] : []
    return [{ band, marks: [text(left - 12, y + 4, name, 'text-anchor="end"'), ...shown] }]
  })
  const height = bottom + 34
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>Times of the peers as multiples of ours</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(
      left,
      22,
      'Time of each peer’s fastest configuration as a multiple of ours (right of 1: we are faster)',
      'font-weight="600"',
    ),
    ...legend(),
    ...rows.flatMap(({ band }) => band),
    ...axis,
    ...rows.flatMap((row) => row.marks),
    '</svg>',
    '',
  ].join('\n')
}
