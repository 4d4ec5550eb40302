// Accuracy of the example programs over several seeds, beside what must be reached: last epoch, no best-of.
//   npm run accuracy                all of them
//   npm run accuracy -- mnist-mlp   one of them;  --seeds 1 --epochs 1 for a quick look
// Keeps the figures of full runs in bench/results/accuracy.json and writes the table of docs/accuracy.md from them.
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as st from 'steepest'

interface Result {
  readonly name: string
  readonly accuracies: readonly number[]
  readonly wanted: number
  readonly reference: string
}

const options = { seeds: { type: 'string' }, epochs: { type: 'string' } } as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const root = process.cwd()
const wanted = {
  'mnist-mlp': { least: 0.977, reference: 'PyTorch 0.979' },
  'mnist-mlp-dropout': { least: 0.98, reference: 'PyTorch 0.982' },
  'mnist-cnn': { least: 0.979, reference: 'PyTorch 0.981' },
} as const

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length
const chosen = (name: string): boolean => positionals.length === 0 || positionals.includes(name)

/** Runs an example and reads the figure in its last line. */
function runExample(name: string, seed: number): number {
  const program = path.join(root, '.cache/js/examples', `${name}.js`)
  const epochs = values.epochs === undefined ? [] : ['--epochs', values.epochs]
  const { stdout, status } = spawnSync(process.execPath, [program, '--seed', String(seed), ...epochs], { encoding: 'utf8' })
  const figure = /test accuracy ([\d.]+)\s*$/.exec(stdout)?.[1]
  if (status !== 0 || figure === undefined) throw new Error(`${name} with seed ${seed} failed (exit code ${status})`)
  console.log(`${name}, seed ${seed}: ${figure}`)
  return Number(figure)
}

/** The binary classifier on the data set of scikit-learn that the reference was trained on. */
async function binaryClassifier(seeds: number): Promise<Result> {
  const golden = path.join(root, 'test/golden/binary-classifier')
  const { cases } = JSON.parse(await readFile(`${golden}.json`, 'utf8')) as { cases: [{ meanTestAccuracy: number }] }
  const { tensors } = await st.io.loadSafetensors(`${golden}.safetensors`)
  const part = (name: string): st.Tensor => tensors[`data/inputs/${name}`]
  const accuracies: number[] = []
  for (let seed = 0; seed < seeds; seed++) {
    st.setSeed(seed)
    const model = st.sequential([
      st.layers.dense({ units: 64, activation: 'relu', inputShape: [20] }),
      st.layers.dense({ units: 64, activation: 'relu' }),
      st.layers.dense({ units: 1, activation: 'sigmoid' }),
    ])
    model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    await model.fit(part('x'), part('y'), { epochs: 10, batchSize: 32, verbose: 0 })
    accuracies.push((await model.evaluate(part('xTest'), part('yTest'))).accuracy)
  }
  const reference = cases[0].meanTestAccuracy
  console.log(`binary-classifier, ${seeds} seeds: ${mean(accuracies).toFixed(4)}`)
  return { name: 'binary-classifier', accuracies, wanted: reference - 0.01, reference: `Keras ${reference.toFixed(4)}` }
}

const results: Result[] = []
if (chosen('binary-classifier')) results.push(await binaryClassifier(Number(values.seeds ?? 20)))
for (const [name, { least, reference }] of Object.entries(wanted)) {
  if (!chosen(name)) continue
  const accuracies = Array.from({ length: Number(values.seeds ?? 3) }, (_, i) => runExample(name, i + 1))
  results.push({ name, accuracies, wanted: least, reference })
}

function tableOf(list: readonly Result[]): string {
  const rows = list.map(({ name, accuracies, wanted: least, reference }) => {
    const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)].map((figure) => figure.toFixed(4))
    return `| ${name} | ${accuracies.length} | **${mean(accuracies).toFixed(4)}** | ${low} to ${high} | ${least.toFixed(4)} | ${reference} |`
  })
  const heading = '| program | seeds | mean test accuracy | range | at least | reference |'
  return [heading, '|---|---|---|---|---|---|', ...rows].join('\n')
}

/** Replaces the figures of the programs that were run, and keeps those of the others. */
async function keep(): Promise<void> {
  const file = path.join(root, 'bench/results/accuracy.json')
  const before = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as Result[])
    .catch(() => [])
  const order = ['binary-classifier', ...Object.keys(wanted)]
  const all = [...results, ...before.filter(({ name }) => !results.some((result) => result.name === name))]
  all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(all, null, 2)}\n`)
  const head =
    '# Accuracy\n\nWritten by `npm run accuracy`: test accuracy after the last epoch, no best-of, each run with a seed of its own.'
  await writeFile(path.join(root, 'docs/accuracy.md'), `${head}\n\n${tableOf(all)}\n`)
}

console.log(`\n${tableOf(results)}`)
if (values.seeds === undefined && values.epochs === undefined) await keep()
const short = results.filter(({ accuracies, wanted: least }) => mean(accuracies) < least)
for (const { name } of short) console.error(`${name} falls short of what is wanted`)
process.exitCode = short.length === 0 ? 0 : 1
