// Cases of pointwise formulas over short rows, which run in vectors of neighbouring rows.
import { type FormulaInput, formulaCase, type Kind, kinds, lengthOf } from '../formula.js'
import { type KernelCase, randomIntegers } from '../harness.js'

/** Vectors of neighbouring rows: what the first and the other links of a run read, in every place, in whole strips and in parts of them. */
export const cases: readonly KernelCase[] = (
  [
    [16, 16],
    [37, 64],
    [50, 77],
    [300, 64],
    [16, 240],
    [130, 129],
  ] as const
).flatMap(([rows, cols]) =>
  kinds.flatMap((kindA) =>
    kinds.flatMap((kindB) =>
      kinds.map((kindC) => {
        const draw = (kind: Kind, seed: number): FormulaInput => {
          const data = randomIntegers(lengthOf(kind, rows, cols), seed, -40, 40)
          return { dtype: 'float32', kind, data }
        }
        return formulaCase({
          name: `${kindA}, ${kindB}, ${kindC} in rows [${rows}, ${cols}]`,
          rows,
          cols,
          inputs: [draw(kindA, 1), draw(kindB, 2), draw(kindC, 3), draw('full', 4)],
          outputs: ['float32', 'float32', 'float32'],
          constants: [3],
          registers: 2,
          steps: [
            ['subtract', 'r0', 'x0', 'x1'],
            ['multiplyAdd', 'y0', 'r0', 'x1', 'x2'],
            ['multiplyAdd', 'r1', 'x2', 'y0', 'x3'],
            ['where', 'y1', 'x1', 'r0', 'c0'],
            ['multiplyAdd', 'y2', 'x0', 'x2', 'r1'],
          ],
        })
      }),
    ),
  ),
)
