// Contender: ONNX Runtime for Node.js (--config default | best), on the model that bench/peers/onnx_models.py made of the same weights.
// Inputs are brought to its layout (channels first) before the clock runs. The package is bench/peers's.
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { type BenchData, batchOf } from '../support/datafile.js'
import { contend, type Runner } from '../support/measure.js'
import type { Workload } from '../support/workloads.js'

interface OrtTensor {
  data: Float32Array
}

interface Session {
  inputNames: string[]
  outputNames: string[]
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>
}

interface Ort {
  Tensor: new (type: string, data: Float32Array, shape: number[]) => OrtTensor
  InferenceSession: { create(file: string, options: Record<string, unknown>): Promise<Session> }
}

const require = createRequire(path.resolve('.cache/bench/peers/package.json'))
const ort = require('onnxruntime-node') as Ort
const { version } = require('onnxruntime-node/package.json') as { version: string }

const best = {
  graphOptimizationLevel: 'all',
  intraOpNumThreads: os.availableParallelism(),
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableMemPattern: true,
  enableCpuMemArena: true,
}

/** [batch, height, width, channels] to [batch, channels, height, width]. */
function channelsFirst(x: Float32Array, batch: number, channels: number): Float32Array {
  const [y, pixels] = [new Float32Array(x.length), x.length / batch / channels]
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++) y[(n * channels + c) * pixels + p] = x[(n * pixels + p) * channels + c] as number
  return y
}

async function runner(workload: Workload, data: BenchData, config: string, file: string): Promise<Runner> {
  const { batch, batches, sample } = workload
  const session = await ort.InferenceSession.create(file.replace(/safetensors$/, 'onnx'), config === 'best' ? best : {})
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string]
  const shape = sample.length === 3 ? [batch, sample[2] as number, sample[0] as number, sample[1] as number] : [batch, ...sample]
  const inputs = Array.from({ length: batches }, (_, i) => {
    const [x] = batchOf(workload, data, i)
    return sample.length === 3 ? channelsFirst(x, batch, sample[2] as number) : x
  })
  const step = async (i: number): Promise<Float32Array> => {
    const x = new ort.Tensor('float32', inputs[i % batches] as Float32Array, shape)
    return (await session.run({ [input]: x }))[output]?.data as Float32Array
  }
  return { step, facts: { 'onnxruntime-node': version, threads: config === 'best' ? os.availableParallelism() : 'default' } }
}

await contend(runner)
