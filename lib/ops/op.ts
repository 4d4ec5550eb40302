// What an operation is, and the registry of all of them. Tests, benchmarks and docs tables iterate the registry; nothing is listed twice.
import { attach, type Differentiable } from '../autograd/node.js'
import { recording } from '../dispatch.js'
import type { DType } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'

/** Makes sample tensors of a wanted domain; tests supply one per dtype. Values differ from call to call and are reproducible. */
export interface SampleMaker {
  /** Normally distributed values. */
  normal(...shape: number[]): Tensor
  /** Values in [0.5, 2]. */
  positive(...shape: number[]): Tensor
  /** Values in [-0.9, 0.9], away from kinks at 0 and ±1. */
  unit(...shape: number[]): Tensor
  /** Pairwise different values, for operations that choose among their inputs. */
  distinct(...shape: number[]): Tensor
  /** int32 values in [0, below). */
  integers(below: number, ...shape: number[]): Tensor
  /** bool values. */
  truth(...shape: number[]): Tensor
}

/** Arguments of sample calls of the public function. */
export type Samples = (make: SampleMaker) => readonly (readonly unknown[])[]

/** An operation: its public function, how it runs, how it is differentiated, and sample arguments that every generic test uses. */
export interface Op<A = unknown> extends Differentiable<A> {
  /** Kernels that `forward` encodes. */
  readonly kernels: readonly string[]
  /** Checks the inputs, allocates the outputs and encodes the kernel call. */
  forward(inputs: readonly Tensor[], attributes: A): Tensor | readonly Tensor[]
  /** The public function. */
  readonly call: (...args: never[]) => unknown
  readonly samples: Samples
}

/** An operation composed of others; it needs no gradient of its own. */
export interface DerivedOp {
  readonly name: string
  readonly call: (...args: never[]) => unknown
  readonly samples: Samples
}

export const registry = new Map<string, Op | DerivedOp>()

export function defineOp<A>(op: Op<A>): Op<A> {
  registry.set(op.name, op as unknown as Op)
  return op
}

/** Registers an operation that is composed of others, so that the generic tests cover it. */
export function defineDerived(op: DerivedOp): void {
  registry.set(op.name, op)
}

/** Runs an operation of one output and records it for differentiation. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return applyAll(op, inputs, attributes)[0] as Tensor
}

/** Runs an operation and records it for differentiation. */
export function applyAll<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
  const recorder = recording()
  const outermost = recorder !== null && recorder.label === ''
  if (outermost) recorder.label = op.name
  const result = op.forward(inputs, attributes)
  if (outermost) recorder.label = ''
  const outputs = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]
  attach(op, inputs, outputs, attributes)
  return outputs
}

/** Whether kernels run as their float64 twins for this type. */
export function isTwin(dtype: DType): boolean {
  return dtype === 'float64'
}

/** Reason given by operations whose outputs are no floating-point function of their inputs. */
export const discrete = { none: 'the result does not vary continuously with the inputs' } as const
