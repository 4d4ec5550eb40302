// Contender: brain.js, whose networks learn one sample at a time from a squared error: a "step" is its training on a batch of samples,
// with its Adam where the workload has it. Its mathematics is its own, so losses are not compared. The package is bench/peers's.
import { createRequire } from 'node:module'
import path from 'node:path'
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Runner } from '../support/measure.js'
import type { Workload } from '../support/workloads.js'

interface Sample {
  input: Float32Array
  output: Float32Array
}

interface NeuralNetwork {
  train(data: Sample[], options: Record<string, unknown>): { error: number }
  run(input: Float32Array): Float32Array
}

interface Brain {
  NeuralNetwork: new (options: { hiddenLayers: number[]; activation: string }) => NeuralNetwork
}

const require = createRequire(path.resolve('.cache/bench/peers/package.json'))
const { NeuralNetwork } = require('brain.js') as Brain
const { version } = require('brain.js/package.json') as { version: string }

function samplesOf(workload: Workload, data: BenchData, i: number): Sample[] {
  const [x, y] = batchOf(workload, data, i)
  const features = x.length / workload.batch
  return Array.from(y, (label, row) => ({
    input: x.subarray(row * features, (row + 1) * features),
    output: workload.classes === 2 ? Float32Array.of(label) : Float32Array.from({ length: 10 }, (_, j) => Number(j === label)),
  }))
}

function runner(workload: Workload, data: BenchData): Runner {
  const hidden = workload.layers.flatMap((layer) => (layer.kind === 'dense' ? [layer.units] : [])).slice(0, -1)
  const network = new NeuralNetwork({ hiddenLayers: hidden.length > 0 ? hidden : [1], activation: 'relu' })
  const batches = Array.from({ length: workload.batches }, (_, i) => samplesOf(workload, data, i))
  const praxis = workload.optimizer.kind === 'adam' ? { praxis: 'adam' } : {}
  const options = { iterations: 1, learningRate: workload.optimizer.rate, errorThresh: 1e-9, ...praxis }
  const facts = { 'brain.js': version, threads: 1 }
  const batch = (i: number): Sample[] => batches[i % workload.batches] ?? []
  // Each call of `train` prepares its samples anew: where that would show, a call gets all of them.
  const all = batches.flat()
  if (workload.tiny) return { step: () => network.train(all, options).error, stepsPerCall: workload.batches, facts }
  if (workload.task === 'training') return { step: (i) => network.train(batch(i), options).error, facts }
  network.train(batch(0).slice(0, 1), options)
  return {
    step: (i) =>
      batch(i)
        .map(({ input }) => network.run(input))
        .at(-1) ?? 0,
    facts,
  }
}

await contend(runner)
