// What is asked of every operation of the registry; each check throws at the first disagreement. The tests run them all, and the tests of
// the tests run them again with one kernel or gradient spoiled.
import { expect } from 'vitest'
import { gradcheck, noGrad, Tensor, tensor, valueAndGrad } from '../../lib/index.js'
import type { DerivedOp, Op } from '../../lib/ops/op.js'
import { sampleMaker } from './samples.js'

type Entry = Op | DerivedOp
type Call = (...args: unknown[]) => Tensor | readonly Tensor[]

/** float32 results may differ from float64 ones by this many epsilons of the largest value: sums of up to ~300 terms, and functions of 4 ULP. */
const epsilons = 64
const epsilon = 2 ** -23

/** Operations whose gradient runs through one that states `gradient: none`. Kept by hand: an entry names no operations it uses. */
const firstOrderOnly = new Set(['maxPool2d'])

/** Tensors in arguments, also inside arrays. */
function tensorsIn(args: readonly unknown[]): Tensor[] {
  return args.flatMap((arg) => (arg instanceof Tensor ? [arg] : Array.isArray(arg) ? tensorsIn(arg) : []))
}

/** The same arguments with their tensors replaced in order. */
function replaced(args: readonly unknown[], tensors: Tensor[]): unknown[] {
  return args.map((arg) => (arg instanceof Tensor ? tensors.shift() : Array.isArray(arg) ? replaced(arg, tensors) : arg))
}

function outputs(result: Tensor | readonly Tensor[]): readonly Tensor[] {
  return result instanceof Tensor ? [result] : result
}

/** All floating outputs as one scalar, with irregular weights. */
function blend(result: Tensor | readonly Tensor[], dtype: 'float32' | 'float64'): Tensor {
  const parts = outputs(result).filter((output) => output.dtype.startsWith('float'))
  const sums = parts.map((part, k) =>
    part
      .mul(
        tensor(
          Float64Array.from({ length: part.size }, (_, i) => Math.fround(Math.sin(i * 1.7 + k + 0.4))),
          part.shape,
          dtype,
        ),
      )
      .sum(),
  )
  return sums.reduce((total, value) => total.add(value))
}

/** Whether a sample call maps floating inputs to a floating output: others have no gradient to check. */
function isSmooth(call: Call, args: readonly unknown[]): boolean {
  const floats = (tensors: readonly Tensor[]): boolean => tensors.some((t) => t.dtype.startsWith('float'))
  return floats(tensorsIn(args)) && floats(outputs(call(...args)))
}

/**
 * gradcheck, element by element for small inputs. A large input x is moved along one irregular direction u instead: x + t·u is
 * differentiated with respect to t, two evaluations however many elements.
 */
function checkGradient(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): void {
  const isLarge = (input: Tensor): boolean => input.size > 150 && input.dtype === 'float64'
  const direction = (input: Tensor): Tensor =>
    tensor(
      Float64Array.from({ length: input.size }, (_, i) => Math.cos(i * 1.3 + 0.2)),
      input.shape,
    )
  const moved = inputs.map((input) => (isLarge(input) ? tensor([0], [1], 'float64') : input))
  gradcheck(
    (...tensors) =>
      fn(
        ...inputs.map((input, k) =>
          isLarge(input) ? input.add(direction(input).mul(tensors[k] as Tensor)) : (tensors[k] as Tensor),
        ),
      ),
    moved,
  )
}

function expectClose(actual: Tensor, wanted: Tensor, what: string): void {
  expect(actual.shape, what).toEqual(wanted.shape)
  const [a, w] = [actual.dataSync(), wanted.dataSync()]
  const finite = [...w].filter(Number.isFinite).map(Math.abs)
  const floor = Math.max(1e-3, ...finite)
  for (let i = 0; i < w.length; i++) {
    const difference = Math.abs((a[i] as number) - (w[i] as number))
    const same = Object.is(a[i], w[i]) || (a[i] as number) === w[i] || difference <= epsilons * epsilon * floor
    if (!same) expect.fail(`${what}: element ${i} is ${a[i]}, float64 gives ${w[i]}`)
  }
}

/** Gradients of the floating inputs of one call. */
function gradientsOf(call: Call, args: readonly unknown[], dtype: 'float32' | 'float64'): (Tensor | null)[] {
  const leaves = tensorsIn(args).map((input) => {
    const leaf = input.detach()
    leaf.leaf = input.dtype === dtype
    return leaf
  })
  const result = blend(call(...replaced(args, [...leaves])), dtype)
  if (result.requiresGrad) result.backward()
  return leaves.map((leaf) => leaf.grad)
}

const callOf = (op: Entry): Call => op.call as unknown as Call

/** Whether gradients can be taken through the operation at all. */
export function isDifferentiable(op: Entry): boolean {
  return !('forward' in op) || typeof op.gradient === 'function'
}

/** Whether gradients of gradients can be. */
export function isTwiceDifferentiable(op: Entry): boolean {
  return isDifferentiable(op) && !firstOrderOnly.has(op.name)
}

/** float32 (and integer) results against those of the float64 twins. */
export function checkForward(op: Entry): void {
  const samples64 = op.samples(sampleMaker('float64'))
  op.samples(sampleMaker('float32')).forEach((args, k) => {
    const wanted = outputs(noGrad(() => callOf(op)(...(samples64[k] as unknown[]))))
    outputs(noGrad(() => callOf(op)(...args))).forEach((output, i) => {
      expectClose(output, wanted[i] as Tensor, `${op.name} sample ${k}`)
    })
  })
}

/** float64 gradients against central differences. */
export function checkGradients(op: Entry): void {
  for (const args of op.samples(sampleMaker('float64')).filter((sample) => isSmooth(callOf(op), sample))) {
    checkGradient((...tensors) => blend(callOf(op)(...replaced(args, [...tensors])), 'float64'), tensorsIn(args))
  }
}

/** float32 gradients against float64 ones. */
export function checkGradientsInFloat32(op: Entry): void {
  const samples64 = op.samples(sampleMaker('float64'))
  op.samples(sampleMaker('float32')).forEach((args, k) => {
    if (!isSmooth(callOf(op), args)) return
    const wanted = gradientsOf(callOf(op), samples64[k] as unknown[], 'float64')
    gradientsOf(callOf(op), args, 'float32').forEach((gradient32, i) => {
      const gradient64 = wanted[i]
      if (gradient32 && gradient64) expectClose(gradient32, gradient64, `gradient ${i} of ${op.name} sample ${k}`)
      else expect(Boolean(gradient32)).toBe(Boolean(gradient64))
    })
  })
}

/** Second derivatives against central differences of the first. */
export function checkSecondDerivatives(op: Entry): void {
  for (const args of op.samples(sampleMaker('float64')).slice(0, 4)) {
    const inputs = tensorsIn(args)
    if (!isSmooth(callOf(op), args) || inputs.some((input) => input.size > 200)) continue
    const gradients = (...tensors: Tensor[]): Tensor => {
      const floats = tensors.filter((t) => t.dtype === 'float64')
      const { grads } = valueAndGrad((...moved) => {
        const queue = [...moved]
        const merged = tensors.map((t) => (t.dtype === 'float64' ? (queue.shift() as Tensor) : t))
        return blend(callOf(op)(...replaced(args, merged)), 'float64')
      })(...floats)
      return blend(grads, 'float64')
    }
    gradcheck(gradients, inputs, { tolerance: 1e-4 })
  }
}
