// Handwritten digits with a convolutional network: a Module, a loader and a training loop of one's own around a recorded step.
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'
import { matrixTable, table } from './lib/terminal.js'

class Net extends st.Module {
  conv1 = st.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' })
  conv2 = st.layers.conv2d({ filters: 64, kernelSize: 3 })
  pool = st.layers.maxPooling2d({ poolSize: 2 })
  dropout1 = st.layers.dropout({ rate: 0.25 })
  flatten = st.layers.flatten()
  dense1 = st.layers.dense({ units: 128, activation: 'relu' })
  dropout2 = st.layers.dropout({ rate: 0.5 })
  dense2 = st.layers.dense({ units: 10, activation: 'logSoftmax' })

  forward(x: st.Tensor): st.Tensor {
    const features = this.dropout1.forward(this.pool.forward(this.conv2.forward(this.conv1.forward(x))))
    return this.dense2.forward(this.dropout2.forward(this.dense1.forward(this.flatten.forward(features))))
  }
}

st.setSeed(seed)
const { train, test } = await st.data.mnist({ channels: true })
const transform = st.data.compose(st.data.toFloat(), st.data.normalize(0.5, 0.5))
const trainLoader = st.data.loader(train, { batchSize: 64, shuffle: true, seed, transform })
const testLoader = st.data.loader(test, { batchSize: 1000, transform })

const net = new Net()
const optimizer = st.optimizers.sgd({ learningRate: 0.01, momentum: 0.5 })
const step = st.program((images: st.Tensor, labels: st.Tensor) => {
  const loss = st.losses.negativeLogLikelihood(labels, net.forward(images))
  loss.backward()
  optimizer.step(net.parameters())
  return loss
})

for (let epoch = 1; epoch <= epochs(5); epoch++) {
  const start = performance.now()
  let total = 0
  net.train()
  for await (const [images, labels] of trainLoader) {
    total += (await step(images, labels)).item() * labels.size
    images.dispose()
  }
  const seconds = (performance.now() - start) / 1000
  console.log(
    `epoch ${epoch}  loss ${(total / train.labels.size).toFixed(4)}  ${seconds.toFixed(1)} s  ${Math.round(train.labels.size / seconds)} samples/s`,
  )
}

net.eval()
const confusion = st.metrics.confusionMatrix({ numClasses: 10 })
for await (const [images, labels] of testLoader)
  st.tidy(() =>
    confusion.update(
      labels,
      st.noGrad(() => net.forward(images)),
    ),
  )

const { precision, recall, f1, support } = confusion.perClass()
const digits = precision.map((_, digit) => [
  digit,
  precision[digit].toFixed(4),
  recall[digit].toFixed(4),
  f1[digit].toFixed(4),
  support[digit],
])
console.log(`\n${table(['digit', 'precision', 'recall', 'F1', 'samples'], digits)}`)
console.log(`\nConfusion matrix, rows true, columns predicted:\n\n${matrixTable(confusion.result())}\n`)

const correct = confusion.result().reduce((sum, row, digit) => sum + row[digit], 0)
console.log(`test accuracy ${(correct / test.labels.size).toFixed(4)}`)
