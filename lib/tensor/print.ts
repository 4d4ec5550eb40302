// Tensors as text: values aligned in columns, long axes shortened to their ends.
import { isFloat } from './dtype.js'
import { showShape } from './shape.js'
import type { NestedArray, Tensor } from './tensor.js'

const edge = 3
const threshold = 1000

function formatter(tensor: Tensor): (value: number) => string {
  if (tensor.dtype === 'bool') return (value) => (value ? 'true' : 'false')
  if (!isFloat(tensor.dtype)) return String
  return (value) => (Number.isInteger(value) && Math.abs(value) < 1e6 ? `${value}.` : Number(value.toPrecision(5)).toString())
}

function render(value: NestedArray, format: (value: number) => string, shorten: boolean, indent: string): string {
  if (typeof value === 'number') return format(value)
  const skip = shorten && value.length > 2 * edge
  const shown = skip ? [...value.slice(0, edge), ...value.slice(-edge)] : value
  const parts = shown.map((item) => render(item, format, shorten, `${indent} `))
  if (skip) parts.splice(edge, 0, '...')
  const leaf = shown.length === 0 || typeof shown[0] === 'number'
  return `[${parts.join(leaf ? ', ' : `,\n${indent} `)}]`
}

/** The values, then dtype and shape: what `print` writes. */
export function format(tensor: Tensor): string {
  const text = formatter(tensor)
  let widest = 0
  const pad = (value: number): string => text(value).padStart(widest)
  const shorten = tensor.size > threshold
  const sample = tensor.dataSync()
  if (tensor.rank > 0)
    for (let i = 0; i < Math.min(sample.length, threshold); i++) widest = Math.max(widest, text(sample[i] as number).length)
  return `${render(tensor.array(), pad, shorten, '')}\n${tensor.dtype} ${showShape(tensor.shape)}`
}
