// Networks as plain data: what every contender builds its layers from, and what shapes, parameters and least work are counted by.
// Invariant: images are [height, width, channels], kernels HWIO and [in, out]; parameters come in the order the layers are listed.

export type LayerSpec =
  | { kind: 'dense'; name: string; inputs: number; units: number }
  | ConvSpec
  | { kind: 'norm'; name: string; channels: number }
  | { kind: 'dropout'; rate: number }
  | { kind: 'relu' | 'flatten' | 'maxPool' | 'globalPool' }
  | { kind: 'residual'; body: LayerSpec[]; shortcut: LayerSpec[] }

/** Square kernel; 'same' pads as Keras does: before the image no more than after it. */
export interface ConvSpec {
  kind: 'conv'
  name: string
  kernel: number
  channels: number
  filters: number
  stride: number
  padding: 'same' | 'valid'
  bias: boolean
}

/** A parameter or running statistic. Initial values are uniform on [low, high). */
export interface Parameter {
  name: string
  shape: number[]
  low: number
  high: number
  /** Whether training updates it by gradient. */
  trained: boolean
}

export const dense = (name: string, inputs: number, units: number): LayerSpec => ({ kind: 'dense', name, inputs, units })

export function conv(name: string, kernel: number, channels: number, filters: number, more: Partial<ConvSpec> = {}): ConvSpec {
  return { kind: 'conv', name, kernel, channels, filters, stride: 1, padding: 'valid', bias: true, ...more }
}

/** Convolution without bias and the normalization after it. */
function convNorm(name: string, kernel: number, channels: number, filters: number, stride = 1): LayerSpec[] {
  const spec = conv(`${name}.conv`, kernel, channels, filters, { stride, padding: kernel === 1 ? 'valid' : 'same', bias: false })
  return [spec, { kind: 'norm', name: `${name}.norm`, channels: filters }]
}

function block(name: string, channels: number, filters: number, stride: number): LayerSpec[] {
  const body = [
    ...convNorm(`${name}.1`, 3, channels, filters, stride),
    { kind: 'relu' } as const,
    ...convNorm(`${name}.2`, 3, filters, filters),
  ]
  const same = stride === 1 && channels === filters
  return [
    { kind: 'residual', body, shortcut: same ? [] : convNorm(`${name}.shortcut`, 1, channels, filters, stride) },
    { kind: 'relu' },
  ]
}

/** He et al. 2015 for 32 × 32 images: three stages of three blocks; the shortcut into a stage is a 1 × 1 convolution. */
export function resnet20(): LayerSpec[] {
  const layers: LayerSpec[] = [...convNorm('stem', 3, 3, 16), { kind: 'relu' }]
  let channels = 16
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let i = 0; i < 3; i++) {
      layers.push(...block(`stage${stage + 1}.${i}`, channels, filters, stage > 0 && i === 0 ? 2 : 1))
      channels = filters
    }
  }
  return [...layers, { kind: 'globalPool' }, dense('head', 64, 10)]
}

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** The parameters of a network in order. */
export function parametersOf(layers: readonly LayerSpec[]): Parameter[] {
  const uniform = (name: string, shape: number[], limit: number): Parameter => ({
    name,
    shape,
    low: -limit,
    high: limit,
    trained: true,
  })
  return layers.flatMap((layer): Parameter[] => {
    if (layer.kind === 'residual') return [...parametersOf(layer.body), ...parametersOf(layer.shortcut)]
    if (layer.kind === 'dense') {
      const { name, inputs, units } = layer
      return [uniform(`${name}.kernel`, [inputs, units], Math.sqrt(6 / (inputs + units))), uniform(`${name}.bias`, [units], 0.05)]
    }
    if (layer.kind === 'conv') {
      const { name, kernel: k, channels, filters } = layer
      const kernel = uniform(`${name}.kernel`, [k, k, channels, filters], Math.sqrt(6 / (k * k * (channels + filters))))
      return layer.bias ? [kernel, uniform(`${name}.bias`, [filters], 0.05)] : [kernel]
    }
    if (layer.kind !== 'norm') return []
    const vector = (part: string, low: number, high: number, trained: boolean): Parameter => ({
      name: `${layer.name}.${part}`,
      shape: [layer.channels],
      low,
      high,
      trained,
    })
    return [
      vector('gamma', 0.9, 1.1, true),
      vector('beta', -0.1, 0.1, true),
      vector('mean', -0.2, 0.2, false),
      vector('variance', 0.5, 1.5, false),
    ]
  })
}

/** What one sample needs in one forward pass. */
export interface Work {
  /** Multiply-adds by the definition, and with Winograd's F(4×4, 3×3) wherever it applies. */
  multiplies: number
  winograd: number
  /** Those of layers whose input needs no gradient. */
  first: number
  /** Values stored for the backward pass, outputs of convolutions, pools and dense layers. */
  activations: number
}

/** Output height of a convolution on a square image. */
export function outputSize({ kernel, stride, padding }: ConvSpec, input: number): number {
  return padding === 'same' ? Math.ceil(input / stride) : Math.floor((input - kernel) / stride) + 1
}

/** Zeros before the image ('same': the smaller half). */
export function padBefore(spec: ConvSpec, input: number): number {
  if (spec.padding === 'valid') return 0
  return Math.max(0, (outputSize(spec, input) - 1) * spec.stride + spec.kernel - input) >> 1
}

/** Counts the work; `shape` of one sample. Returns the shape after the last layer too. */
export function workOf(layers: readonly LayerSpec[], shape: number[]): { work: Work; shape: number[] } {
  const work: Work = { multiplies: 0, winograd: 0, first: 0, activations: size(shape) }
  const add = (multiplies: number, saving = 1): void => {
    if (work.multiplies === 0) work.first = multiplies
    work.multiplies += multiplies
    work.winograd += multiplies / saving
  }
  const walk = (list: readonly LayerSpec[], from: number[]): number[] => {
    let at = from
    for (const layer of list) {
      const [height = 1, , channels = 1] = at
      if (layer.kind === 'dense') {
        add(layer.inputs * layer.units)
        at = [layer.units]
      } else if (layer.kind === 'conv') {
        const out = outputSize(layer, height)
        const wins = layer.kernel === 3 && layer.stride === 1 && layer.channels >= 16
        add(out * out * layer.kernel ** 2 * layer.channels * layer.filters, wins ? 4 : 1)
        at = [out, out, layer.filters]
      } else if (layer.kind === 'maxPool') at = [height >> 1, height >> 1, channels]
      else if (layer.kind === 'globalPool') at = [channels]
      else if (layer.kind === 'flatten') at = [size(at)]
      else if (layer.kind === 'residual') {
        const input = at
        at = walk(layer.body, input)
        walk(layer.shortcut, input)
        continue
      } else continue
      if (layer.kind !== 'flatten') work.activations += size(at)
    }
    return at
  }
  return { shape: walk(layers, shape), work }
}
