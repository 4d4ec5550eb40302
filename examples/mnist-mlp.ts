// Handwritten digits: train a small network on MNIST, save it, load it, and let it read a few digits. This is `npm start`.
import { mkdir } from 'node:fs/promises'
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'
import { draw, sideBySide } from './lib/terminal.js'

st.setSeed(seed)
const { train, test } = await st.data.mnist()
const [trainLabels, testLabels] = [st.oneHot(train.labels, 10), st.oneHot(test.labels, 10)]

const model = st.sequential([
  st.layers.rescaling({ scale: 1 / 255, inputShape: [28, 28] }),
  st.layers.flatten(),
  st.layers.dense({ units: 512, activation: 'relu' }),
  st.layers.dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'rmsprop', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
model.summary()

const options = { epochs: epochs(5), batchSize: 128, seed }
await model.fit(train.images, trainLabels, options)
const { loss, accuracy } = await model.evaluate(test.images, testLabels)

await mkdir('runs', { recursive: true })
await model.save('runs/mnist-mlp.safetensors')
const loaded = await st.loadModel('runs/mnist-mlp.safetensors')
console.log('saved to runs/mnist-mlp.safetensors and loaded again; it reads these digits of the test set:\n')

const digits = test.images.slice(0, 6)
const read = (await loaded.predict(digits)).argMax(1).dataSync()
const actual = test.labels.dataSync()
const pictures = Array.from(read, (digit, i) => [`reads ${digit}, is ${actual[i]}`, ...draw(digits.slice(i, 1).dataSync(), 28)])
console.log(`${sideBySide(pictures)}\n`)
console.log(`test loss ${loss.toFixed(4)}, test accuracy ${accuracy.toFixed(4)}`)
