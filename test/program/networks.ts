// The networks of the engine's proofs, each with its training step: the two of the examples, and a small one where overhead is everything.
// Invariant: the same call gives the same initial weights, data and random masks.
import * as st from '../../lib/index.js'

/** A network, its step, and batches to train it on, which take turns. */
export interface Training {
  net: st.Module
  step: (x: st.Tensor, y: st.Tensor) => st.Tensor
  batch: (i: number) => [x: st.Tensor, y: st.Tensor]
}

const batches = 4

function training(net: st.Module, optimizer: st.Optimizer, shape: number[], classes: number): Training {
  const generator = new st.Generator(5)
  const xs = Array.from({ length: batches }, () => generator.uniform(shape))
  const ys = Array.from({ length: batches }, () => generator.integers([shape[0] as number], 0, classes))
  return {
    net,
    step: (x, y) => {
      const loss = st.losses.sparseCategoricalCrossentropy(y, net.forward(x), { fromLogits: true })
      loss.backward()
      optimizer.step(net.parameters())
      return loss
    },
    batch: (i) => [xs[i % batches] as st.Tensor, ys[i % batches] as st.Tensor],
  }
}

const { conv2d, dense, dropout, flatten, maxPooling2d } = st.layers

/** The network of the convolutional example, with dropout. */
export function convolutionalNet(convAlgorithm: st.ConvAlgorithm = 'auto'): st.Module {
  return st.sequential([
    conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1], convAlgorithm }),
    conv2d({ filters: 64, kernelSize: 3, activation: 'relu', convAlgorithm }),
    maxPooling2d({ poolSize: 2 }),
    dropout({ rate: 0.25, seed: 3 }),
    flatten(),
    dense({ units: 128, activation: 'relu' }),
    dropout({ rate: 0.5, seed: 4 }),
    dense({ units: 10 }),
  ])
}

export function convolutional(batch = 64): Training {
  st.setSeed(1)
  const optimizer = st.optimizers.sgd({ learningRate: 0.01, momentum: 0.9 })
  return training(convolutionalNet(), optimizer, [batch, 28, 28, 1], 10)
}

/** 784-512-10. */
export function perceptron(): Training {
  st.setSeed(1)
  const net = st.sequential([dense({ units: 512, activation: 'relu', inputShape: [784] }), dense({ units: 10 })])
  return training(net, st.optimizers.rmsprop(), [128, 784], 10)
}

/** 20-64-64-1, whose one output is a logit. */
export function small(): Training {
  st.setSeed(1)
  const hidden = (): st.Layer => dense({ units: 64, activation: 'relu' })
  const net = st.sequential([dense({ units: 64, activation: 'relu', inputShape: [20] }), hidden(), dense({ units: 1 })])
  const optimizer = st.optimizers.adam()
  return {
    ...training(net, optimizer, [32, 20], 2),
    step: (x, y) => {
      const loss = st.losses.binaryCrossentropy(y.cast('float32').reshape([-1, 1]), net.forward(x), { fromLogits: true })
      loss.backward()
      optimizer.step(net.parameters())
      return loss
    },
  }
}
