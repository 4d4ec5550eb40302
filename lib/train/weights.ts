// Weights of samples: those given, times the weight of each sample's class.
// Invariant: a class without a weight of its own counts 1, as in Keras.
import { misfit, ShapeError, ValueError, wrongArgument } from '../errors.js'
import { minimum, mul } from '../ops/elementwise.js'
import { gather } from '../ops/gather.js'
import { argMax } from '../ops/reduce.js'
import { reshape } from '../ops/shape-ops.js'
import { wholeNumbers } from '../ops/whole-numbers.js'
import { tensor } from '../tensor/creation.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Batch } from './batches.js'

/** Weight of each class by its number: `{ 0: 1, 1: 5 }`. */
export type ClassWeights = Readonly<Record<number, number>>

const maxClass = 2 ** 20

/** A table of the weights up to the largest class named, and a last entry of 1 that stands for all classes beyond. */
export function classWeightTable(fn: string, weights: ClassWeights): Tensor {
  if (typeof weights !== 'object' || weights === null)
    throw new ValueError(wrongArgument(fn, 'classWeight', 'an object such as { 0: 1, 1: 5 }', weights))
  const classes = Object.keys(weights).map(Number)
  if (classes.length === 0 || classes.some((name) => !Number.isInteger(name) || name < 0 || name >= maxClass))
    throw new ValueError(misfit(fn, 'classWeight', 'weights by class number, from 0', `keys ${Object.keys(weights)}`))
  const table = new Float32Array(Math.max(...classes) + 2).fill(1)
  for (const name of classes) {
    const weight = weights[name] as number
    if (!Number.isFinite(weight) || weight < 0)
      throw new ValueError(wrongArgument(fn, `classWeight[${name}]`, 'a non-negative number', weight))
    table[name] = weight
  }
  return tensor(table)
}

/** The batch's weights [size]: its own times those of the classes; null where all are 1. */
export function batchWeights(fn: string, { y, weight, size }: Batch, table: Tensor | null): Tensor | null {
  if (!table || !y) return weight
  const last = (table.shape[0] as number) - 1
  const weights = gather(table, minimum(classesOf(fn, y, size), last))
  return weight ? mul(weights, weight) : weights
}

/** Class numbers [size] of labels: [size] or [size, 1] of class numbers, or [size, classes] of one-hot rows. */
function classesOf(fn: string, y: Tensor, size: number): Tensor {
  if (y.size === size) return wholeNumbers(reshape(y, [size]))
  if (y.rank !== 2)
    throw new ShapeError(`${fn}: classWeight needs labels of shape [samples] or [samples, classes], got ${showShape(y.shape)}`)
  return argMax(y)
}
