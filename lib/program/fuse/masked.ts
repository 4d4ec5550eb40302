// Rows that let a gradient through where a value fulfils a condition, and make it 0 elsewhere: the gradients of relu and its like.
import { type Expression, topological } from '../../ops/expression/expression.js'
import { PointwiseSource } from '../../ops/expression/formula.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { RecordedRow } from '../recorder.js'

/** The inputs of where(condition of the one, the other, 0); null for any other formula. */
function maskOf(root: Expression): { value: Expression; gradient: Expression; condition: Expression } | null {
  const [condition, gradient, otherwise] = root.operands as [Expression, Expression, Expression]
  if (root.instruction !== 'where' || gradient.kind !== 'input' || !Object.is(otherwise.value, 0)) return null
  const values = topological([condition]).filter(({ kind }) => kind === 'input')
  const isMask = otherwise.kind === 'constant' && values.length === 1 && values[0] !== gradient
  return isMask ? { value: values[0] as Expression, gradient, condition } : null
}

/** The gradient and the value of as many elements that a row masks it by; whether the mask is that of relu, told from its result. */
export function masked({ source, twin, outputs }: RecordedRow): { gradient: Tensor; value: Tensor; ofRelu: boolean } | null {
  if (!(source instanceof PointwiseSource) || twin || source.formula.roots.length !== 1 || source.operands.length !== 2)
    return null
  const mask = maskOf(source.formula.roots[0] as Expression)
  if (!mask) return null
  const [first, second] = source.operands as [Tensor, Tensor]
  const [gradient, value] = mask.gradient.value < mask.value.value ? [first, second] : [second, first]
  const size = outputs[0]?.size
  // Equal formulas are the same object.
  const ofRelu = mask.condition === mask.value.greater(0)
  return gradient.size === size && value.size === size ? { gradient, value, ofRelu } : null
}
