// Saves one model after the other to the same file for as long as it lives; each holds its number in every weight.
//   node save.mjs <file>
import * as st from 'steepest'

const model = st.sequential([st.layers.dense({ units: 500, inputShape: [500] })])
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
for (let count = 1; ; count++) {
  for (const parameter of model.parameters()) parameter.assign(st.full(parameter.shape, count))
  await model.save(process.argv[2])
  process.stdout.write(`${count}\n`)
}
