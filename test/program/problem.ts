// A small classifier that trains, for the tests of programs, and the ways in which the same function can be run.
import { expect } from 'vitest'
import * as st from '../../lib/index.js'
import { parseSettings, passNames, settings } from '../../lib/program/settings.js'

export function classifier(): { x: st.Tensor; y: st.Tensor } {
  const x = new st.Generator(7).normal([32, 6])
  return { x, y: st.greater(x.sum(1), 0).cast('int32') }
}

export class Net extends st.Module {
  hidden = st.layers.dense({ units: 16, activation: 'relu', inputShape: [6] })
  dropout = st.layers.dropout({ rate: 0.25, seed: 11 })
  output = st.layers.dense({ units: 2, inputShape: [16] })
  forward(x: st.Tensor): st.Tensor {
    return this.output.forward(this.dropout.forward(this.hidden.forward(x)))
  }
}

/** A net of fixed initial weights and its training step. */
export function stepOf(optimizer: st.OptimizerName): {
  net: Net
  optimizer: st.Optimizer
  step: (x: st.Tensor, y: st.Tensor) => st.Tensor
} {
  st.setSeed(1)
  const net = new Net()
  const update = st.getOptimizer(optimizer)
  const step = (x: st.Tensor, y: st.Tensor): st.Tensor => {
    const loss = st.losses.sparseCategoricalCrossentropy(y, net.forward(x), { fromLogits: true })
    loss.backward()
    update.step(net.parameters())
    return loss
  }
  return { net, optimizer: update, step }
}

/** All variables of a module, to compare bit by bit. */
export function bits(module: st.Module): Record<string, number[]> {
  return Object.fromEntries(module.variables().map(([name, variable]) => [name, Array.from(variable.dataSync())]))
}

/** Operations of the rows of a program's listing, in order. */
export function operations(listing: string): string[] {
  return listing
    .split('\n')
    .slice(2)
    .map((line) => line.replace(/^\d+ +/, '').split('  ')[0] as string)
}

/** Runs `fn` with other switches of programs. */
export function withSettings<T>(text: string, fn: () => T): T {
  const before = { ...settings }
  Object.assign(settings, parseSettings(text))
  try {
    return fn()
  } finally {
    Object.assign(settings, before)
  }
}

/** The results of `fn` recorded, run eagerly, without planner, in check mode, and without each pass: all the same bits. */
export function threeWays<T>(fn: () => T): T[] {
  const passes = passNames.map((name) => `no-${name}`)
  return ['', 'eager', 'unplanned', 'check', 'no-inplace', ...passes].map((text) => withSettings(text, fn))
}

/** A recorded step of a classifier: the loss of its logits, and an update with momentum. */
export function classifierStep(
  model: st.Module & { forward(x: st.Tensor): st.Tensor },
): st.Program<[st.Tensor, st.Tensor], st.Tensor> {
  const optimizer = st.optimizers.sgd({ learningRate: 0.05, momentum: 0.9 })
  return st.program((x: st.Tensor, y: st.Tensor) => {
    const loss = st.losses.sparseCategoricalCrossentropy(y, model.forward(x), { fromLogits: true })
    loss.backward()
    optimizer.step(model.parameters())
    return loss
  })
}

export const numbers = (tensor: st.Tensor): number[] => Array.from(tensor.dataSync())

/** How many rows of a listing are prepared. */
export const preparedRows = (listing: string): number => Number(/, (\d+) of them prepared/.exec(listing)?.[1] ?? 0)

/** What is prepared of a function, after its results were found to be those of every other way to run it. */
export function preparedOf(fn: (x: st.Tensor) => st.Tensor | st.Tensor[], x: st.Tensor): string[] {
  const results = threeWays(() => {
    const program = st.program(fn)
    return [program.sync(x), program.sync(x), program.sync(x)].map((result) => [result].flat().map(numbers))
  })
  for (const result of results) expect(result).toEqual(results[0])
  const program = st.program(fn)
  program.sync(x)
  return operations(program.toString()).slice(0, preparedRows(program.toString()))
}
