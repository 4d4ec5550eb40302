// Categories as numbers: toCategorical for class indices, oneHot and labelIndices for any values (words, numbers).
// Invariant: categories are numbered in sorted order unless the caller gives an order, so equal data gives equal codes.
import { describe, misfit, ValueError, wrongArgument } from '../errors.js'
import { oneHot as oneHotRows } from '../ops/gather.js'
import { type TensorLike, tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { toLabels } from './arrays.js'
import { checkInteger, checkOptions } from './check.js'

/**
 * Class indices as one-hot rows, as in Keras.
 *
 * @param labels integers from 0, of shape [n] or [n, 1]
 * @param numClasses number of columns; default: the highest label + 1
 * @returns float32 [n, numClasses]
 * @throws ValueError for a label that is no integer from 0 to numClasses - 1
 */
export function toCategorical(labels: TensorLike, numClasses?: number): Tensor {
  const indices = toLabels('toCategorical', 'labels', labels)
  const highest = indices.reduce((most, label) => Math.max(most, label), -1)
  const classes = checkInteger('toCategorical', 'numClasses', numClasses ?? highest + 1, 1, 2 ** 31 - 1)
  const wrong = indices.findIndex((label) => label < 0 || label >= classes)
  if (wrong >= 0) {
    throw new ValueError(
      misfit('toCategorical', 'labels', `integers from 0 to ${classes - 1}`, `${indices[wrong]} at position ${wrong}`),
    )
  }
  return oneHotRows(tensor(indices), classes)
}

/** A value that stands for a category. */
export type Category = string | number | boolean

/** Labels as indices, with what the indices mean. */
export interface LabelIndices<C extends Category> {
  /** int32 [n]: the position of each value in `classes`. */
  readonly labels: Tensor
  /** The different values in order. */
  readonly classes: readonly C[]
}

/** Options of `oneHot` and `labelIndices`. */
export interface CategoryOptions<C extends Category> {
  /** The categories in order. Default: those that occur, sorted (words by code unit, numbers by size). */
  readonly categories?: readonly C[]
}

/**
 * Words or numbers as class indices.
 *
 * @param values one category per sample
 * @throws ValueError for a value that is not among `categories`
 */
export function labelIndices<C extends Category>(values: readonly C[], options: CategoryOptions<C> = {}): LabelIndices<C> {
  const { indices, classes } = indexCategories('labelIndices', values, options)
  return { labels: tensor(indices), classes }
}

/**
 * Words or numbers as one-hot rows.
 *
 * @param values one category per sample
 * @returns float32 [n, categories]
 * @throws ValueError for a value that is not among `categories`
 */
export function oneHot<C extends Category>(values: readonly C[], options: CategoryOptions<C> = {}): Tensor {
  const { indices, classes } = indexCategories('oneHot', values, options)
  if (classes.length === 0)
    throw new ValueError(misfit('oneHot', 'values', 'at least one value where no categories are given', 'none'))
  return oneHotRows(tensor(indices), classes.length)
}

function indexCategories<C extends Category>(
  fn: string,
  values: readonly C[],
  options: CategoryOptions<C>,
): { indices: Int32Array; classes: readonly C[] } {
  checkOptions(fn, options, ['categories'])
  if (!Array.isArray(values))
    throw new ValueError(wrongArgument(fn, 'values', 'an array of strings, numbers or booleans', values))
  const classes: readonly C[] = options.categories ?? [...new Set(values)].sort(compare)
  const index = new Map(classes.map((category, position) => [category, position]))
  if (index.size !== classes.length) throw new ValueError(wrongArgument(fn, 'categories', 'different values', classes))
  const indices = Int32Array.from(values, (value, position) => {
    const found = index.get(value)
    if (found === undefined) {
      throw new ValueError(
        misfit(fn, 'values', `among the categories ${describe(classes)}`, `${describe(value)} at position ${position}`),
      )
    }
    return found
  })
  return { indices, classes }
}

function compare(a: Category, b: Category): number {
  return a < b ? -1 : a > b ? 1 : 0
}
