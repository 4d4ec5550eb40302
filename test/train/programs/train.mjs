// A training run that can be killed and started again: run as its own process against the built package.
//   node train.mjs <work folder> <epochs> <save every so many batches, 0 for never> <samples, or 'mnist' for the real network>
// It continues from <folder>/backup where that exists, prints a line per batch, and writes <folder>/result.json when it has finished.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import * as st from 'steepest'

const [folder, epochs, every, samples] = process.argv.slice(2)
st.setSeed(11)

function points() {
  const x = new st.Generator(5).normal([Number(samples), 16])
  return [x, x.slice([0, 0], [Number(samples), 4]).argMax(1), 64, 4, 32]
}

async function mnist() {
  const { images, labels } = (await st.data.mnist()).train
  return [images, labels, 512, 10, 128]
}

const [x, y, units, classes, batchSize] = samples === 'mnist' ? await mnist() : points()
const model = st.sequential([
  st.layers.flatten(),
  st.layers.batchNormalization(),
  st.layers.dense({ units, activation: 'relu' }),
  st.layers.dropout({ rate: 0.3 }),
  st.layers.dense({ units: classes, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })

const losses = []
const callbacks = [
  {
    onBatchEnd: (batch, logs) => {
      losses.push(logs.loss)
      process.stdout.write(`batch ${batch}\n`)
    },
  },
]
const filepath = path.join(folder, 'backup')
if (Number(every) > 0)
  callbacks.push(st.callbacks.backupAndRestore({ filepath, saveFreq: Number(every), deleteCheckpoint: false }))
const { history } = await model.fit(x, y, { epochs: Number(epochs), batchSize, verbose: 0, callbacks })
const weights = Object.fromEntries(model.variables().map(([name, variable]) => [name, Array.from(variable.dataSync())]))
writeFileSync(path.join(folder, 'result.json'), JSON.stringify({ history, weights, losses }))
