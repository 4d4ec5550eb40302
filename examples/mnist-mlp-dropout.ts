// Handwritten digits with dropout, validated on the test set after each epoch.
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'

st.setSeed(seed)
const { train, test } = await st.data.mnist()
const [yTrain, yTest] = [st.oneHot(train.labels, 10), st.oneHot(test.labels, 10)]

const model = st.sequential([
  st.layers.rescaling({ scale: 1 / 255, inputShape: [28, 28] }),
  st.layers.flatten(),
  st.layers.dense({ units: 512, activation: 'relu' }),
  st.layers.dropout({ rate: 0.2 }),
  st.layers.dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: st.optimizers.rmsprop(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
model.summary()

await model.fit(train.images, yTrain, {
  epochs: epochs(10),
  batchSize: 128,
  verbose: 1,
  validationData: [test.images, yTest],
  seed,
})
const { loss, accuracy } = await model.evaluate(test.images, yTest)
console.log(`\ntest loss ${loss.toFixed(4)}, test accuracy ${accuracy.toFixed(4)}`)
