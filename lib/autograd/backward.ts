// Reverse mode: walks the graph from a result back to its leaves, once per node, outputs before inputs.
// Un-broadcasting and the check of shapes happen here and nowhere else. Buffers made on the way are reused as soon as the walk ends.
import { recording } from '../dispatch.js'
import { checkOptions, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { isGradientFaulty } from '../fault.js'
import { sumTo } from '../ops/broadcast.js'
import { castTo, clone } from '../ops/cast.js'
import { add, mul } from '../ops/elementwise.js'
import { full, zeros } from '../tensor/creation.js'
import { isFloat } from '../tensor/dtype.js'
import { isOwnedByScope, withScope } from '../tensor/scope.js'
import { sameShape, showShape } from '../tensor/shape.js'
import type { Storage } from '../tensor/storage.js'
import { Tensor } from '../tensor/tensor.js'
import { enableGrad, noGrad } from './mode.js'
import type { GraphNode } from './node.js'

/** Options of `backward`. */
export interface BackwardOptions {
  /** Keep the graph for another backward pass (default false: it is freed). */
  retainGraph?: boolean
  /** Record the pass itself, so that gradients can be differentiated again (default false). */
  createGraph?: boolean
}

/** Nodes that `root` depends on, every node after those that use it. Iterative: graphs can be deeper than the call stack. */
function order(root: Tensor): GraphNode[] {
  const finished: GraphNode[] = []
  const seen = new Set<GraphNode>()
  const stack: { node: GraphNode; next: number }[] = []
  const enter = (tensor: Tensor): void => {
    if (tensor.node && !seen.has(tensor.node)) {
      seen.add(tensor.node)
      stack.push({ node: tensor.node, next: 0 })
    }
  }
  enter(root)
  while (stack.length > 0) {
    const frame = stack[stack.length - 1] as { node: GraphNode; next: number }
    const input = frame.node.inputs[frame.next++]
    if (input) enter(input)
    else finished.push((stack.pop() as { node: GraphNode }).node)
  }
  return finished.reverse()
}

function propagate(node: GraphNode, gradients: Map<Tensor, Tensor>): void {
  const dOutputs = node.outputs.map((output) => gradients.get(output))
  if (dOutputs.every((gradient) => !gradient) || typeof node.op.gradient !== 'function') return
  const filled = node.outputs.map(
    (output, i) => dOutputs[i] ?? (isFloat(output.dtype) ? zeros(output.shape, output.dtype) : zeros([])),
  )
  const recorder = recording()
  if (recorder) recorder.label = `gradient of ${node.op.name}`
  const results = node.op.gradient(node, node.attributes, ...filled)
  if (recorder) recorder.label = ''
  node.inputs.forEach((input, i) => {
    let gradient = results[i]
    if (!gradient || !input.requiresGrad) return
    gradient = sumTo(gradient, input.shape)
    if (gradient.dtype !== input.dtype) gradient = castTo(gradient, input.dtype)
    if (isGradientFaulty(node.op.name)) gradient = mul(gradient, 1.001)
    const known = gradients.get(input)
    gradients.set(input, known ? add(known, gradient) : gradient)
  })
}

/** Gradients of `root` with respect to everything it depends on, leaves and intermediates. */
export function gradientsOf(root: Tensor, seed: Tensor | undefined, options: BackwardOptions): Map<Tensor, Tensor> {
  if (!root.requiresGrad) {
    throw new StateError(
      'backward: the tensor does not depend on anything that requires a gradient; use a trainable variable, or check for noGrad and detach',
    )
  }
  if (!seed && root.size !== 1)
    throw new ShapeError(
      `backward: only a tensor of one element has a gradient by itself, got shape ${showShape(root.shape)}; pass the gradient of the result, or reduce first`,
    )
  if (seed && !sameShape(seed.shape, root.shape))
    throw new ShapeError(`backward: the given gradient must have shape ${showShape(root.shape)}, got ${showShape(seed.shape)}`)
  const nodes = order(root)
  const gradients = new Map<Tensor, Tensor>([[root, seed ?? full(root.shape, 1, root.dtype)]])
  const walk = (): void => {
    for (const node of nodes) propagate(node, gradients)
  }
  if (options.createGraph) enableGrad(walk)
  else noGrad(walk)
  if (!options.retainGraph && !options.createGraph) for (const node of nodes) node.release()
  return gradients
}

function isLeaf(tensor: Tensor): boolean {
  return tensor.leaf && tensor.node === null
}

/**
 * Adds `gradient` to what the leaf already has. A gradient that something else may hold (the seed, a tensor captured by a custom function,
 * another leaf's gradient) is copied: optimizers reuse the memory of the gradients they consume.
 */
function accumulate(leaf: Tensor, gradient: Tensor): Storage {
  recording()?.note(leaf)
  const own = leaf.ownGradient ? add(leaf.ownGradient, gradient) : isOwnedByScope(gradient.storage) ? gradient : clone(gradient)
  own.storage.kept = true
  leaf.ownGradient = own
  return own.storage
}

/**
 * Gradients of `root` with respect to every leaf it depends on (trainable variables), added to each leaf's `grad`.
 *
 * @param seed gradient of some final scalar with respect to `root`; needed unless `root` has one element
 * @throws StateError when nothing requires a gradient, when the graph was freed by an earlier pass, or when a saved variable was overwritten
 */
export function backward(root: Tensor, seed?: Tensor, options: BackwardOptions = {}): void {
  if (seed !== undefined && !(seed instanceof Tensor)) throw new ValueError(wrongArgument('backward', 'seed', 'a Tensor', seed))
  checkOptions('backward', options, ['retainGraph', 'createGraph'])
  const run = (): Storage[] => {
    const gradients = gradientsOf(root, seed, options)
    return [...gradients].filter(([tensor]) => isLeaf(tensor)).map(([leaf, gradient]) => accumulate(leaf, gradient))
  }
  if (options.createGraph) run()
  else noGrad(() => withScope(run, (kept) => kept))
}
