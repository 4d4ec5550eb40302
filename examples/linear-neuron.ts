// One neuron, y = w₁x₁ + w₂x₂ + b: backpropagation beside the gradients derived by hand, and gradient descent in a loop of one's own.
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'

const truth = { w1: 2, w2: -3, b: 0.5 }
const learningRate = 0.01
st.setSeed(seed)

const inputs = st.random.uniform([200, 2], -1, 1).array() as [number, number][]
const samples = inputs.map(([x1, x2]) => ({ x1, x2, y: truth.w1 * x1 + truth.w2 * x2 + truth.b }))

const [w1, w2, b] = [st.variable(0), st.variable(0), st.variable(0)]
const predict = (x1: number, x2: number): st.Tensor => w1.mul(x1).add(w2.mul(x2)).add(b)
const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(4).padStart(8)).join(' ')
const gradients = (): number[] => [w1, w2, b].map((parameter) => parameter.grad?.item() ?? Number.NaN)

console.log('The squared error (ŷ − y)² has the gradients 2(ŷ − y)x₁, 2(ŷ − y)x₂ and 2(ŷ − y).\n')
console.log('sample   by backpropagation          by hand')
for (const [i, { x1, x2, y }] of samples.slice(0, 5).entries()) {
  const prediction = predict(x1, x2)
  prediction.sub(y).square().backward()
  const error = 2 * (prediction.item() - y)
  console.log(`${i + 1}        ${numbers(gradients())}  ${numbers([error * x1, error * x2, error])}`)
  for (const parameter of [w1, w2, b]) parameter.grad = null
}

console.log('\nGradient descent, one sample at a time:')
for (let epoch = 1; epoch <= epochs(10); epoch++) {
  let total = 0
  for (const { x1, x2, y } of samples) {
    const loss = predict(x1, x2).sub(y).square()
    loss.backward()
    for (const parameter of [w1, w2, b]) {
      parameter.assign(st.noGrad(() => parameter.sub(st.mul(parameter.grad as st.Tensor, learningRate))))
      parameter.grad = null
    }
    total += loss.item()
  }
  console.log(
    `epoch ${String(epoch).padStart(2)}  loss ${(total / samples.length).toExponential(3)}  w₁ w₂ b ${numbers([w1, w2, b].map((v) => v.item()))}`,
  )
}

console.log(
  `\nw1 ${w1.item().toFixed(4)}, w2 ${w2.item().toFixed(4)}, b ${b.item().toFixed(4)} (true: ${truth.w1}, ${truth.w2}, ${truth.b})`,
)
