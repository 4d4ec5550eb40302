// Maps broadcast operands onto the interpreter's two axes: every operand must be full, one value per row, one per column, or a scalar.
// Pure, except that an operand fitting none of these is reported for the caller to materialise.
import { type Shape, sizeOf } from '../../tensor/shape.js'

/** How an operand covers the [rows, columns] space; the codes of native/kernels/pointwise.cc. */
export const operandKinds = { full: 0, row: 1, column: 2, scalar: 3 } as const

/** Where the kind of operand `k` stands among the arguments of a row of the interpreter, behind its type. */
export const kindPosition = (k: number): number => 8 + 2 * k + 1

export interface Layout {
  rows: number
  columns: number
  /** A kind per operand, in the caller's order. */
  kinds: number[]
}

/** Runs of axes over which every operand keeps the same pattern: bit k says that operand k varies there. */
function groups(shape: Shape, operands: readonly Shape[]): { size: number; pattern: number }[] {
  const found: { size: number; pattern: number }[] = []
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis] as number
    if (size === 1) continue
    let pattern = 0
    operands.forEach((operand, k) => {
      if ((operand[axis - shape.length + operand.length] ?? 1) !== 1) pattern |= 1 << k
    })
    const last = found[found.length - 1]
    if (last && last.pattern === pattern) last.size *= size
    else found.push({ size, pattern })
  }
  return found
}

/** The layout of operands broadcast to `shape`, or the index of one operand that must be materialised first. */
export function layoutOf(shape: Shape, operands: readonly Shape[]): Layout | number {
  const runs = groups(shape, operands)
  if (runs.length > 2) {
    const everywhere = runs.reduce((all, run) => all & run.pattern, -1)
    const partial = operands
      .map((operand, k) => ({ k, size: sizeOf(operand) }))
      .filter(({ k, size }) => size > 1 && !(everywhere & (1 << k)))
    return (partial.sort((a, b) => a.size - b.size)[0] as { k: number }).k
  }
  const [outer, inner] =
    runs.length === 2 ? runs : [{ size: 1, pattern: runs[0]?.pattern ?? 0 }, runs[0] ?? { size: 1, pattern: 0 }]
  const kinds = operands.map((_, k) => {
    const varies = ((outer as { pattern: number }).pattern >> k) & 1
    const along = ((inner as { pattern: number }).pattern >> k) & 1
    if (runs.length < 2) return along ? operandKinds.full : operandKinds.scalar
    if (varies) return along ? operandKinds.full : operandKinds.row
    return along ? operandKinds.column : operandKinds.scalar
  })
  return { rows: (outer as { size: number }).size, columns: (inner as { size: number }).size, kinds }
}
