// Small problems and models that the tests of training share.
import * as st from '../../lib/index.js'

/** Two classes that a line tells apart, with a few points on the wrong side: x [n, 2], y int32 [n]. */
export function twoClasses(n = 96): { x: st.Tensor; y: st.Tensor } {
  const x = new st.Generator(7).normal([n, 2])
  const points = x.dataSync()
  const y = Int32Array.from({ length: n }, (_, i) => (points[2 * i] - points[2 * i + 1] + 0.2 * Math.sin(i) > 0 ? 1 : 0))
  return { x, y: st.tensor(y) }
}

/** A compiled model with dropout and batch normalization, so that every kind of state takes part. */
export function smallModel(seed = 3, optimizer: st.OptimizerName | st.Optimizer = 'adam'): st.Sequential {
  st.setSeed(seed)
  const model = st.sequential([
    st.layers.dense({ units: 8, activation: 'relu', inputShape: [2], name: 'hidden' }),
    st.layers.batchNormalization({ name: 'norm' }),
    st.layers.dropout({ rate: 0.25, name: 'drop' }),
    st.layers.dense({ units: 2, activation: 'softmax', name: 'output' }),
  ])
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return model
}

/** All variables of a model as plain arrays, to compare bit by bit. */
export function bits(model: st.Module): Record<string, number[]> {
  return Object.fromEntries(model.variables().map(([name, variable]) => [name, Array.from(variable.dataSync())]))
}

/** A stream that keeps what is written. */
export function recorder(): { lines: string[]; write(text: string): void } {
  const lines: string[] = []
  return { lines, write: (text) => void lines.push(text) }
}
