// The graph that reverse mode walks: one node per applied operation, from its outputs back to its inputs.
// Invariant: a node refuses to hand out a saved variable that was written in place after it was saved.
import { StateError } from '../errors.js'
import type { Tensor } from '../tensor/tensor.js'
import { isGradEnabled } from './mode.js'

/** What a gradient rule may look at. */
export interface GradientContext {
  /** Input `i` as it was at the forward call; throws StateError if it has been written since. */
  input(i: number): Tensor
  output(i: number): Tensor
  /** Whether the gradient of input `i` is wanted. */
  needs(i: number): boolean
}

/** Gradients of the inputs from those of the outputs; null where there is none. A gradient may still have the broadcast shape. */
export type GradientRule<A> = (
  context: GradientContext,
  attributes: A,
  ...dOutputs: readonly Tensor[]
) => readonly (Tensor | null)[]

/** The part of an operation that the graph needs. */
export interface Differentiable<A> {
  readonly name: string
  /** The rule, or the reason why there is none. */
  readonly gradient: GradientRule<A> | { readonly none: string }
}

export class GraphNode<A = unknown> implements GradientContext {
  private readonly versions: readonly number[]
  private released = false

  constructor(
    readonly op: Differentiable<A>,
    private inputTensors: readonly Tensor[],
    private outputTensors: readonly Tensor[],
    readonly attributes: A,
  ) {
    this.versions = inputTensors.map((tensor) => tensor.storage.version)
  }

  get inputs(): readonly Tensor[] {
    this.checkAlive()
    return this.inputTensors
  }

  get outputs(): readonly Tensor[] {
    this.checkAlive()
    return this.outputTensors
  }

  input(i: number): Tensor {
    const tensor = this.inputs[i] as Tensor
    if (tensor.storage.version !== this.versions[i]) {
      throw new StateError(
        `backward: an input of ${this.op.name} was written in place after the forward pass; call backward before the update`,
      )
    }
    return tensor
  }

  output(i: number): Tensor {
    return this.outputs[i] as Tensor
  }

  needs(i: number): boolean {
    return (this.inputs[i] as Tensor).requiresGrad
  }

  /** Whether a finished backward pass has let go of everything saved. */
  get isReleased(): boolean {
    return this.released
  }

  /** Lets go of everything saved: what a finished backward pass does, so that a kept loss does not keep its whole graph. */
  release(): void {
    this.released = true
    this.inputTensors = []
    this.outputTensors = []
  }

  private checkAlive(): void {
    if (this.released)
      throw new StateError(
        `backward: the graph of ${this.op.name} was freed by an earlier backward; pass { retainGraph: true } to the first one`,
      )
  }
}

/** Attaches a node to the outputs of `op` if gradients are recorded and some input wants one. */
export function attach<A>(op: Differentiable<A>, inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: A): void {
  if (!isGradEnabled() || typeof op.gradient !== 'function') return
  let wanted = false
  for (let i = 0; i < inputs.length && !wanted; i++) wanted = (inputs[i] as Tensor).requiresGrad
  if (!wanted) return
  const node = new GraphNode(op, inputs, outputs, attributes)
  for (const output of outputs) if (output.dtype === 'float32' || output.dtype === 'float64') output.node = node as GraphNode
}
