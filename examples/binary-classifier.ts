// A binary classifier on synthetic data: make it, split it, compile, fit, evaluate.
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'

st.setSeed(seed)
const [x, y] = st.data.makeClassification({ nSamples: 1000, nFeatures: 20, nInformative: 2, nRedundant: 10, seed: 42 })
const [xTrain, xTest, yTrain, yTest] = st.data.trainTestSplit(x, y, { testSize: 0.2, seed: 42 })

const model = st.sequential([
  st.layers.dense({ units: 64, activation: 'relu', inputShape: [20] }),
  st.layers.dense({ units: 64, activation: 'relu' }),
  st.layers.dense({ units: 1, activation: 'sigmoid' }),
])
model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
model.summary()

await model.fit(xTrain, yTrain, { epochs: epochs(10), batchSize: 32, seed })
const { loss, accuracy } = await model.evaluate(xTest, yTest)

const outputs = (await model.predict(xTest.slice(0, 8))).dataSync()
const classes = yTest.dataSync()
console.log('\nProbability of class 1 beside the true class, for eight samples of the test set:')
console.log(Array.from(outputs, (p, i) => `${p.toFixed(3)} (${classes[i]})`).join('  '))
console.log(`test loss ${loss.toFixed(4)}, test accuracy ${accuracy.toFixed(4)}`)
