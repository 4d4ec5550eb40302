// Malformed model files: every one is refused with a typed error that names the file, and nothing is built, run or allocated on its word.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { smallModel, twoClasses } from './problem.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'steepest-corrupt-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const good = path.join(folder, 'good')
const bad = path.join(folder, 'bad')

interface Parts {
  metadata: Record<string, string>
  tensors: Record<string, st.Tensor>
}
// A saved state with loose types, to be damaged.
interface Loose {
  [name: string]: Loose
}

let bytes: Buffer
let parts: Parts

beforeAll(async () => {
  const { x, y } = twoClasses()
  const model = smallModel()
  const save = st.callbacks.modelCheckpoint({ filepath: good, saveFreq: 4 })
  await model.fit(x, y, {
    verbose: 0,
    epochs: 2,
    callbacks: [save, st.callbacks.earlyStopping({ monitor: 'loss', patience: 9 })],
  })
  bytes = readFileSync(good)
  parts = await st.io.loadSafetensors(good)
})

async function refused(error: RegExp, kind: RegExp = /^(ValueError|ShapeError|DTypeError)$/): Promise<void> {
  const thrown = await st.loadModel(bad).then(
    () => null,
    (reason: Error) => reason,
  )
  expect(thrown?.name).toMatch(kind)
  expect(thrown?.message).toMatch(error)
  expect(thrown?.message).toContain(bad)
}

/** Writes the file with its saved state changed. */
async function withState(change: (state: Loose) => unknown): Promise<void> {
  const state = JSON.parse(parts.metadata.state) as Loose
  const replaced = change(state)
  const text = typeof replaced === 'string' ? replaced : JSON.stringify(replaced === null ? null : state)
  await st.io.saveSafetensors(bad, parts.tensors, { metadata: { ...parts.metadata, state: text } })
}

const layer = (state: Loose, index: number): Loose => (state.architecture.config.layers as unknown as Loose[])[index]
const set = (target: Loose, name: string, value: unknown): void => {
  target[name] = value as Loose
}

describe('the container', () => {
  it.each<[string, (good: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['seven bytes', (file) => file.subarray(0, 7)],
    ['cut in the header', (file) => file.subarray(0, 200)],
    ['cut in the data', (file) => file.subarray(0, file.length - 5)],
    ['with trailing bytes', (file) => Buffer.concat([file, Buffer.from('abc')])],
    ['zeros', (file) => Buffer.alloc(file.length)],
    ['a header of 2^63 bytes', (file) => Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 128]), file.subarray(8)])],
    ['no JSON', (file) => Buffer.concat([file.subarray(0, 8), Buffer.from('{{{{'), file.subarray(12)])],
    ['HTML', () => Buffer.from('<!doctype html><title>404 Not Found</title>')],
  ])('%s', async (_, damage) => {
    writeFileSync(bad, damage(bytes))
    await refused(/loadModel|loadSafetensors/)
  })

  it('every cut of the file', async () => {
    for (let length = 0; length < bytes.length; length += 97) {
      writeFileSync(bad, bytes.subarray(0, length))
      await refused(/./)
    }
  })
})

describe('the metadata', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['none', {}, /format must be/],
    ['another format', { format: 'pt' }, /format must be 'steepest-model', got 'pt'/],
    ['another version', { format: 'steepest-model', version: '2' }, /version must be 1, got '2'/],
    ['no state', { format: 'steepest-model', version: '1' }, /must have a 'state'/],
    ['no JSON', { format: 'steepest-model', version: '1', state: '{' }, /must be JSON/],
    ['a list', { format: 'steepest-model', version: '1', state: '[]' }, /must be an object/],
  ])('%s', async (_, metadata, error) => {
    await st.io.saveSafetensors(bad, parts.tensors, { metadata })
    await refused(error)
  })

  it.each<[string, (state: Loose) => unknown, RegExp]>([
    ['null', () => null, /state must be an object/],
    ['a prototype', () => '{"architecture":null,"__proto__":{"x":1}}', /must not use the name '__proto__'/],
    ['a constructor', (state) => set(layer(state, 0).config, 'constructor', {}), /must not use the name 'constructor'/],
    ['nesting without end', () => `${'{"training":'.repeat(100)}null${'}'.repeat(100)}`, /32 deep/],
    ['an unknown part', (state) => set(state, 'script', 'process.exit()'), /got 'script'/],
    ['input of a wrong shape', (state) => set(state, 'input', { shape: [-1], dtype: 'float32' }), /non-negative/],
    ['input of an unknown dtype', (state) => set(state, 'input', { shape: [2], dtype: 'text' }), /dtype must be one of/],
    ['compile as a list', (state) => set(state, 'compile', []), /compile must be an object/],
    ['architecture as text', (state) => set(state, 'architecture', 'sequential'), /architecture must be/],
  ])('%s', async (_, change, error) => {
    await withState(change)
    await refused(error)
  })
})

describe('the architecture', () => {
  it.each<[string, (state: Loose) => unknown, RegExp]>([
    ['another kind', (state) => set(state.architecture, 'className', 'functional'), /must be 'sequential'/],
    ['layers missing', (state) => set(state.architecture.config, 'layers', undefined), /layers must be a list/],
    ['a layer that is none', (state) => set(layer(state, 0), 'config', 5), /className, config/],
    ['an unknown kind of layer', (state) => set(layer(state, 0), 'className', 'Function'), /unknown layer 'Function'/],
    ['an inherited name', (state) => set(layer(state, 0), 'className', 'toString'), /unknown layer 'toString'/],
    ['an unknown option', (state) => set(layer(state, 0).config, 'code', '1'), /unknown option 'code'/],
    ['units of text', (state) => set(layer(state, 0).config, 'units', '8'), /layer 0|units/],
    ['units below 1', (state) => set(layer(state, 0).config, 'units', -8), /units/],
    ['units that would fill memory', (state) => set(layer(state, 0).config, 'units', 2 ** 30), /got 24/],
    ['an input that would fill memory', (state) => set(state.architecture.config, 'inputShape', [2 ** 28]), /layer 0/],
    ['another number of units', (state) => set(layer(state, 0).config, 'units', 7), /kernel/],
    ['an unknown activation', (state) => set(layer(state, 0).config, 'activation', 'eval'), /eval/],
    [
      'an unknown initializer',
      (state) => set(layer(state, 0).config, 'kernelInitializer', { className: 'x', config: {} }),
      /initializer/,
    ],
    ['two layers of one name', (state) => set(layer(state, 3).config, 'name', 'hidden'), /'hidden'/],
    ['an empty name', (state) => set(state.architecture.config, 'name', ''), /name/],
    [
      'a layer too many',
      (state) => void (state.architecture.config.layers as unknown as unknown[]).push(layer(state, 2)),
      /layer/,
    ],
    ['a layer too few', (state) => void (state.architecture.config.layers as unknown as unknown[]).pop(), /unknown layers\.3/],
  ])('%s', async (_, change, error) => {
    await withState(change)
    await refused(error)
  })
})

describe('the compiled state', () => {
  it.each<[string, (state: Loose) => unknown, RegExp]>([
    ['an unknown optimizer', (state) => set(state.compile.optimizer, 'className', 'x'), /unknown optimizer 'x'/],
    ['an optimizer that is none', (state) => set(state.compile, 'optimizer', 5), /optimizer/],
    ['an option out of range', (state) => set(state.compile.optimizer.config, 'learningRate', -1), /learningRate/],
    ['an unknown loss', (state) => set(state.compile, 'loss', { className: 'x', config: {} }), /unknown loss 'x'/],
    ['an unknown metric', (state) => set(state.compile, 'metrics', ['x']), /unknown metric 'x'/],
    ['metrics that are no list', (state) => set(state.compile, 'metrics', {}), /metrics must be a list/],
    ['another optimizer', (state) => set(state.compile, 'optimizer', { className: 'sgd', config: {} }), /optimizer|option/],
  ])('%s', async (_, change, error) => {
    await withState(change)
    await refused(error)
  })
})

describe('the state of training', () => {
  it.each<[string, (training: Loose) => unknown, RegExp]>([
    ['an epoch below 0', (training) => set(training, 'epoch', -1), /training.epoch/],
    ['a batch that is no integer', (training) => set(training, 'batch', 1.5), /training.batch/],
    ['a seed of text', (training) => set(training, 'seed', 'a'), /training.seed/],
    ['a history that is none', (training) => set(training, 'history', 5), /training.history/],
    ['series of other lengths', (training) => set(training.history.history, 'loss', [1, 2, 3]), /training.history.loss/],
    ['a figure that is none', (training) => set(training.history.history, 'loss', ['x']), /training.history.loss/],
    ['figures of a wrong shape', (training) => set(training.figures, 'outputShape', ['a']), /shape/],
    ['callbacks that are no list', (training) => set(training, 'callbacks', {}), /training.callbacks/],
    ['a callback that is none', (training) => set(training, 'callbacks', [5]), /training.callbacks.0/],
  ])('%s', async (_, change, error) => {
    await withState((state) => change(state.training))
    await refused(error)
  })
})

describe('the tensors', () => {
  it.each<[string, Record<string, st.Tensor | undefined>, RegExp]>([
    ['a weight missing', { 'model.layers.0.bias': undefined }, /layers\.0|missing/],
    ['a weight of another shape', { 'model.layers.3.kernel': st.zeros([2, 8]) }, /shape/],
    ['a weight of another dtype', { 'model.layers.3.bias': st.zeros([2], 'int32') }, /dtype/],
    ['a weight too many', { 'model.layers.9.kernel': st.zeros([1]) }, /unknown layers\.9\.kernel/],
    ['a moment of another shape', { 'optimizer.0.momentum': st.zeros([3]) }, /optimizer|0\.|loadState/],
    ['no step count', { 'optimizer.iterations': undefined }, /iterations/],
    ['no random state', { 'training.random': undefined }, /training.random/],
    ['a random state of another shape', { 'training.random': st.zeros([3], 'int32') }, /training.random/],
    ['a tensor of no part', { stray: st.zeros([1]) }, /got 'stray'/],
  ])('%s', async (_, change, error) => {
    const tensors: Record<string, st.Tensor | undefined> = { ...parts.tensors, ...change }
    const kept = Object.fromEntries(Object.entries(tensors).flatMap(([name, value]) => (value ? [[name, value]] : [])))
    await st.io.saveSafetensors(bad, kept, { metadata: parts.metadata })
    await refused(error)
  })
})

describe('after all that', () => {
  it('the good file still loads and trains', async () => {
    const { x, y } = twoClasses()
    const model = await st.loadModel(good)
    await model.fit(x, y, { verbose: 0, epochs: 3, resume: true })
  })
})
