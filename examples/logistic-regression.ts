// Logistic regression: one dense unit with a sigmoid on 8 inputs, trained by stochastic gradient descent.
import * as st from 'steepest'
import { epochs, seed } from './lib/options.js'

st.setSeed(seed)
const [x, y] = st.data.makeClassification({ nSamples: 2000, nFeatures: 8, nInformative: 5, classSep: 1.5, seed })
const [xTrain, xTest, yTrain, yTest] = st.data.trainTestSplit(x, y, { testSize: 0.2, seed })

const model = st.sequential([st.layers.dense({ units: 1, activation: 'sigmoid', inputShape: [8] })])
model.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
model.summary()

await model.fit(xTrain, yTrain, { epochs: epochs(10), batchSize: 32, seed })
const { loss, accuracy } = await model.evaluate(xTest, yTest)

const weights = model.parameters()[0].dataSync()
console.log(`\nWeights of the inputs: ${Array.from(weights, (weight) => weight.toFixed(3)).join(' ')}`)
console.log(`test loss ${loss.toFixed(4)}, test accuracy ${accuracy.toFixed(4)}`)
