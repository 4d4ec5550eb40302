// Malformed rows of the pointwise interpreter are refused before anything is written.
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/native.js'
import { type FormulaCase, formulaArguments } from './formula.js'
import { runCase, runRow } from './harness.js'

describe('malformed rows are refused', () => {
  const good: FormulaCase = {
    name: 'x + 1',
    rows: 2,
    cols: 3,
    inputs: [{ dtype: 'float32', kind: 'full', data: [1, 2, 3, 4, 5, 6] }],
    outputs: ['float32'],
    constants: [1],
    registers: 1,
    steps: [
      ['add', 'r0', 'x0', 'c0'],
      ['copy', 'y0', 'r0'],
    ],
  }
  const input = new Float32Array(6)
  const output = new Float32Array(6).fill(7)
  const status = (args: readonly number[], twin: boolean, buffers: readonly Float32Array[] = [output, input]) =>
    runRow(
      'pointwise',
      twin,
      buffers.map((view) => native.address(view.buffer as ArrayBuffer)),
      args,
    ).status
  // Words: 0 compute type, 1 rows, 2 cols, 3 inputs, 4 outputs, 5 constants, 6 registers, 7 instructions, 8 input dtype, 9 kind,
  // 10 output dtype, 11 constant, 12.. instruction 0, 17.. instruction 1
  const broken: readonly (readonly [what: string, word: number, value: number])[] = [
    ['compute type', 0, 2],
    ['rows not a number', 1, Number.NaN],
    ['rows negative', 1, -1],
    ['more elements than memory', 1, 2 ** 53],
    ['an input without buffer', 3, 2],
    ['an output without buffer', 4, 0],
    ['more instructions than words', 7, 3],
    ['more registers than can be', 6, 1e6],
    ['input dtype', 8, 9],
    ['float input of an integer formula', 0, 1],
    ['input kind', 9, 4],
    ['output dtype', 10, 5],
    ['opcode', 12, native.instructions.length],
    ['opcode between two', 12, 0.5],
    ['dst an input', 13, 0],
    ['dst beyond the outputs', 13, 4],
    ['operand beyond the outputs', 14, 4],
    ['operand read before it is written', 14, 2],
    ['output never written', 18, 2],
  ]
  test.each(broken)('%s', (_, word, value) => {
    for (const twin of [false, true]) {
      const args = formulaArguments(good)
      args[word] = value
      expect(status(args, twin)).toBe(2)
      expect(status(formulaArguments(good).slice(0, -1), twin)).toBe(2)
      expect(status(formulaArguments(good), twin, [output])).toBe(2)
    }
    expect([...output]).toEqual(new Array(6).fill(7))
  })

  test('rows of segments as well', () => {
    const plain = formulaArguments({ ...good, rows: 2, cols: 6 })
    const buffers = [output, output, input, input]
    const segments = (args: readonly number[], some = buffers) =>
      [false, true].map((twin) => {
        const addresses = some.map((view) => native.address(view.buffer as ArrayBuffer))
        return runRow('pointwiseSegments', twin, addresses, args).status
      })
    expect(segments([...plain, 2, 5]), 'sizes that are more than the total').toEqual([2, 2])
    expect(segments([...plain, 2, 3]), 'sizes that are less').toEqual([2, 2])
    expect(segments([...plain, 7, -1]), 'a negative size').toEqual([2, 2])
    expect(segments([...plain, 6]), 'a size missing').toEqual([2, 2])
    expect(segments([...plain, 2, 4], buffers.slice(1)), 'a buffer missing').toEqual([2, 2])
    expect(segments([...plain.with(9, 1), 2, 4]), 'an operand per row').toEqual([2, 2])
    expect([...output]).toEqual(new Array(6).fill(7))
  })

  test('and the row they were made from is not', () => {
    const { status: fine, outputs } = runCase(
      {
        kernel: 'pointwise',
        name: good.name,
        args: formulaArguments(good),
        outputs: [{ dtype: 'float32', length: 6 }],
        inputs: good.inputs,
      },
      { twin: false, shift: 0, guard: 0xa5 },
    )
    expect(fine).toBe(0)
    expect([...outputs[0]!]).toEqual([2, 3, 4, 5, 6, 7])
  })
})
