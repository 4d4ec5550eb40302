// Weights shared between threads: the same bits everywhere, read-only but where they were made, freed with the last holder, and handles
// that name nothing refused.
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'

// Workers load JavaScript: the compiled library that set-up leaves in dist/.
const library = new URL('../../dist/index.js', import.meta.url).href

/** A worker that evaluates what it is sent, with `st` and the latest `model` in scope, and answers with the result or the error. */
const source = `
import { parentPort } from 'node:worker_threads'
import * as st from ${JSON.stringify(library)}
const AsyncFunction = (async () => {}).constructor
const scope = {}
parentPort.on('message', async ({ code, given }) => {
  try {
    parentPort.postMessage({ value: await new AsyncFunction('st', 'scope', 'given', code)(st, scope, given) })
  } catch (error) {
    parentPort.postMessage({ error: error.name + ': ' + error.message })
  }
})
`
const workers: Worker[] = []
afterAll(() => Promise.all(workers.map((worker) => worker.terminate())))

function startWorker(): Worker {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  workers.push(worker)
  return worker
}

async function ask(worker: Worker, code: string, given?: unknown): Promise<unknown> {
  const answer = new Promise<{ value: unknown; error?: string }>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  worker.postMessage({ code, given })
  const { value, error } = await answer
  if (error !== undefined) throw new Error(error)
  return value
}

const open = 'scope.model = st.fromShared(given)'
const predict = 'return (await scope.model.predict(st.tensor(given, [8, 6]))).dataSync()'

const x = st.random.normal([8, 6])

function network(): st.Sequential {
  return st.sequential([
    st.layers.dense({ units: 33, activation: 'relu', inputShape: [6] }),
    st.layers.batchNormalization(),
    st.layers.dropout({ rate: 0.5, seed: 1 }),
    st.layers.dense({ units: 3, activation: 'softmax' }),
  ])
}

/** Lets go of a model's memory here: of its variables, and of the recorded prediction that holds them. */
function letGo(model: st.Model): void {
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  for (const [, variable] of model.variables()) variable.dispose()
}

const bitsOf = async (model: st.Model): Promise<st.TypedArray> => (await model.predict(x)).dataSync()

describe('four workers', () => {
  it('predict the same bits as the thread that made the model, and see what it trains', async () => {
    const model = network()
    const four = Array.from({ length: 4 }, startWorker)
    const handle = model.share()
    await Promise.all(four.map((worker) => ask(worker, open, handle)))
    for (let round = 0; round < 2; round++) {
      const wanted = await bitsOf(model)
      for (const got of await Promise.all(four.map((worker) => ask(worker, predict, x.dataSync())))) expect(got).toEqual(wanted)
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      await model.trainOnBatch(x, st.random.uniform([8, 3]))
      expect(await bitsOf(model)).not.toEqual(wanted)
    }
  })
})

describe('the memory', () => {
  it('outlives a model that is disposed, and is gone after the last', async () => {
    const model = network()
    const handle = model.share()
    const wanted = await bitsOf(model)
    const [first, second] = [startWorker(), startWorker()] as const
    await ask(first, open, handle)
    letGo(model)
    await ask(second, open, handle)
    expect(await ask(first, predict, x.dataSync())).toEqual(wanted)
    await first.terminate()
    expect(await ask(second, predict, x.dataSync())).toEqual(wanted)
    await second.terminate()
    expect(() => st.fromShared(handle)).toThrow(st.StateError)
    expect(() => st.fromShared(handle)).toThrow(/fromShared: no thread of this process holds .*'layers.*'; keep the model/)
  })

  it('outlives a worker that made it, for those that have opened it', async () => {
    const owner = startWorker()
    const make = `scope.model = st.sequential([st.layers.dense({ units: 3, inputShape: [6] })]); return scope.model.share()`
    const handle = (await ask(owner, make)) as st.SharedModule
    const wanted = await ask(owner, predict, x.dataSync())
    const model = st.fromShared(handle)
    await owner.terminate()
    expect(await bitsOf(model)).toEqual(wanted)
    const other = startWorker()
    await ask(other, open, model.share())
    expect(await ask(other, predict, x.dataSync())).toEqual(wanted)
    letGo(model)
    await ask(other, open, handle)
    await other.terminate()
    expect(() => st.fromShared(handle)).toThrow(st.StateError)
  })

  it('of a worker that ended before anybody opened it is gone', async () => {
    const owner = startWorker()
    const handle = (await ask(
      owner,
      'scope.v = new (class extends st.Module { w = st.variable([1]) })(); return scope.v.share()',
    )) as st.SharedModule
    await owner.terminate()
    const module = new (class extends st.Module {
      w = st.variable([2])
      forward = (input: st.Tensor): st.Tensor => input
    })()
    expect(() => module.useShared(handle)).toThrow(st.StateError)
    expect(module.w.array()).toEqual([2])
  })

  it('is counted once per holder of this thread and given back', () => {
    const { variableBytes } = st.memory()
    const model = st.sequential([st.layers.dense({ units: 256, inputShape: [256] })])
    const own = st.memory().variableBytes - variableBytes
    const other = st.fromShared(model.share())
    expect(st.memory().variableBytes - variableBytes).toBe(2 * own)
    for (const [, variable] of [...model.variables(), ...other.variables()]) variable.dispose()
    expect(st.memory().variableBytes).toBe(variableBytes)
  })
})

describe('a model over shared memory', () => {
  const owner = network()
  const y = st.random.uniform([8, 3])
  const before = owner.state()
  const shared = st.fromShared(owner.share())
  const kernel = shared.parameters()[0] as st.Variable
  const readOnly = /can only be read here/

  it.each<[string, () => unknown]>([
    ['assign', () => kernel.assign(st.zeros([6, 33]))],
    [
      'an optimizer',
      () => {
        shared.eval()
        st.losses.meanSquaredError(y, shared.forward(x)).backward()
        st.optimizers.adam().step(shared.parameters())
      },
    ],
    ['loadState', () => shared.loadState(before)],
    ['training mode, which writes running statistics', () => shared.train().forward(x)],
    [
      'a program',
      () =>
        st
          .program(() => {
            kernel.assign(kernel.mul(2))
          })
          .sync(),
    ],
    [
      'fit',
      () => {
        shared.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
        return shared.fit(x, y, { epochs: 1, verbose: 0 })
      },
    ],
    [
      'fit that runs eagerly',
      () => {
        shared.compile({ optimizer: 'sgd', loss: 'meanSquaredError', runEagerly: true })
        return shared.fit(x, y, { epochs: 1, verbose: 0 })
      },
    ],
  ])('is not written by %s', async (_, write) => {
    const attempt = (async () => write())()
    await expect(attempt).rejects.toThrow(st.StateError)
    await expect(attempt).rejects.toThrow(readOnly)
    for (const [path, value] of Object.entries(owner.state())) expect(value.dataSync()).toEqual(before[path]?.dataSync())
  })

  it('gives the same gradients', () => {
    const gradients = [owner, shared].map((model) => {
      model.eval()
      for (const parameter of model.parameters()) parameter.grad = null
      st.losses.meanSquaredError(y, model.forward(x)).backward()
      return model.parameters().map(({ grad }) => grad?.dataSync())
    })
    expect(gradients[1]).toEqual(gradients[0])
  })

  it('can have layers of its own on top that are trained', () => {
    const head = st.layers.dense({ units: 1, inputShape: [3] })
    shared.eval()
    shared.trainable = false
    const start = head.state()
    const loss = head.forward(shared.forward(x)).square().mean()
    loss.backward()
    st.optimizers.sgd().step([...shared.parameters(), ...head.parameters()])
    expect(head.state().kernel?.dataSync()).not.toEqual(start.kernel?.dataSync())
  })

  it('draws no initial weights', () => {
    const state = st.random.state.dataSync()
    st.fromShared(owner.share())
    expect(st.random.state.dataSync()).toEqual(state)
  })
})

describe('modules of classes of their own', () => {
  class Net extends st.Module {
    dense = st.layers.dense({ units: 2, inputShape: [6] })
    scale = st.variable([3])
    forward(input: st.Tensor): st.Tensor {
      return this.dense.forward(input).mul(this.scale)
    }
  }

  it('take shared memory in place of their own', () => {
    const [one, two] = [new Net(), new Net()] as const
    expect(two.useShared(structuredClone(one.share())).forward(x).dataSync()).toEqual(one.forward(x).dataSync())
  })

  it('do so as models, whose recorded predictions are forgotten', async () => {
    const [one, two] = [new Net(), st.model(new Net())] as const
    await two.predict(x)
    expect(await bitsOf(two.useShared(one.share()))).toEqual(one.forward(x).dataSync())
  })

  it('keep theirs if a program of the user holds it, or the handle does not fit', () => {
    const [one, two] = [new Net(), new Net()] as const
    const wanted = two.forward(x).dataSync()
    const run = st.program(() => two.forward(x))
    run.sync()
    expect(() => two.useShared(one.share())).toThrow(/useShared: a program uses the variable 'scale'/)
    run.dispose()
    const { variables } = one.share()
    const handle = (changes: object): st.SharedModule => ({ architecture: null, variables: { ...variables, ...changes } })
    expect(() => two.useShared(handle({ more: variables.scale }))).toThrow(st.ValueError)
    expect(() => two.useShared(handle({ scale: variables['dense.bias'] }))).toThrow(st.ShapeError)
    expect(() => two.useShared(handle({ scale: { ...variables.scale, dtype: 'int32' } }))).toThrow(st.DTypeError)
    expect(two.forward(x).dataSync()).toEqual(wanted)
  })
})

describe('forged handles', () => {
  const owner = network()
  const genuine = owner.share()
  // A handle keeps nothing alive, and nobody else does here.
  afterAll(() => letGo(owner))
  const first = genuine.variables['layers.0.kernel'] as st.SharedVariable
  const forged = (changes: object): unknown => ({
    ...genuine,
    variables: { ...genuine.variables, 'layers.0.kernel': { ...first, ...changes } },
  })
  const huge = {
    className: 'sequential',
    config: { name: 's', inputShape: [6], layers: [{ className: 'dense', config: { units: 2 ** 40 } }] },
  }

  it.each<[string, unknown, new (message: string) => Error]>([
    ['nothing', undefined, st.ValueError],
    ['a number', 3, st.ValueError],
    ['a list', { architecture: null, variables: [first] }, st.ValueError],
    ['another name', forged({ id: first.id - 1 }), st.StateError],
    ['a name that is no integer', forged({ id: 0.5 }), st.ValueError],
    ['a name that is NaN', forged({ id: Number.NaN }), st.ValueError],
    ['the name zero', forged({ id: 0 }), st.StateError],
    ['a negative name', forged({ id: -first.id }), st.StateError],
    ['more elements than there are', forged({ shape: [600, 33] }), st.StateError],
    ['a shape that is none', forged({ shape: [-6, -33] }), st.ShapeError],
    ['a dtype that is none', forged({ dtype: 'float128' }), st.DTypeError],
    ['no architecture', { ...genuine, architecture: null }, st.ValueError],
    ['an architecture that is none', { ...genuine, architecture: 'sequential' }, st.ValueError],
    ['a huge architecture', { ...genuine, architecture: huge }, st.ValueError],
  ])('of %s are refused', (_, handle, error) => {
    const { variableBytes } = st.memory()
    const attempt = (): unknown => st.fromShared(handle as st.SharedModule)
    expect(attempt).toThrow(error)
    expect(attempt).toThrow(/^fromShared: /)
    expect(st.memory().variableBytes).toBe(variableBytes)
  })

  it('a module without variables cannot be shared, nor one that was disposed', () => {
    expect(() => st.sequential([st.layers.dense({ units: 1 })]).share()).toThrow(/share: there are no variables yet/)
    const model = network()
    model.parameters()[0]?.dispose()
    expect(() => model.share()).toThrow(/share: the variable 'layers.0.kernel' was disposed/)
  })
})
