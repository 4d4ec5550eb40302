// Shapes: sizes, broadcasting, axes, strides. Pure functions over arrays of non-negative integers; imports nothing but the error types.
import { describe, ShapeError } from '../errors.js'

/** Sizes of the axes, outermost first. [] is a scalar. */
export type Shape = readonly number[]

/** More elements than this are refused before anything is allocated (8 GiB of float32). */
export const maxElements = 2 ** 31

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1
  for (let i = 0; i < shape.length; i++) size *= shape[i] as number
  return size
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** A frozen copy; refuses anything but an array of at most 8 non-negative integers with at most `maxElements` elements. */
export function checkShape(fn: string, shape: unknown): Shape {
  if (!Array.isArray(shape))
    throw new ShapeError(`${fn}: shape must be an array of non-negative integers, got ${describe(shape)}`)
  if (shape.length > 8) throw new ShapeError(`${fn}: shape must have at most 8 axes, got ${shape.length}`)
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0)
      throw new ShapeError(
        `${fn}: shape must hold non-negative integers, got ${describe(size)} in [${shape.map(String).join(', ')}]`,
      )
  }
  const size = sizeOf(shape)
  if (size > maxElements)
    throw new ShapeError(`${fn}: shape ${showShape(shape)} has ${size} elements, at most ${maxElements} are allowed`)
  return Object.freeze([...shape])
}

/** NumPy's broadcasting: align at the last axis; sizes must be equal or one of them 1. */
export function broadcastShapes(fn: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const p = a[a.length - i] ?? 1
    const q = b[b.length - i] ?? 1
    if (p !== q && p !== 1 && q !== 1)
      throw new ShapeError(`${fn}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast: ${p} against ${q}`)
    out[rank - i] = p === 1 ? q : p
  }
  return out
}

/** One axis, negative ones counted from the end. */
export function normalizeAxis(fn: string, axis: unknown, rank: number): number {
  if (!Number.isInteger(axis) || (axis as number) < -rank || (axis as number) >= rank) {
    throw new ShapeError(
      `${fn}: axis must be an integer in [${-rank}, ${rank - 1}] for a tensor of ${rank} axes, got ${describe(axis)}`,
    )
  }
  return (axis as number) < 0 ? (axis as number) + rank : (axis as number)
}

/** Axes sorted ascending; undefined means all of them. Refuses repeated axes. */
export function normalizeAxes(fn: string, axes: number | readonly number[] | undefined | null, rank: number): number[] {
  if (axes === undefined || axes === null) return Array.from({ length: rank }, (_, i) => i)
  const list = (Array.isArray(axes) ? axes : [axes]).map((axis: number) => normalizeAxis(fn, axis, rank)).sort((a, b) => a - b)
  for (let i = 1; i < list.length; i++) if (list[i] === list[i - 1]) throw new ShapeError(`${fn}: axis ${list[i]} is given twice`)
  return list
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i] as number
  }
  return strides
}

/** The shape after a reduction over sorted `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((size, i) => (axes.includes(i) ? 1 : size))
  return shape.filter((_, i) => !axes.includes(i))
}
