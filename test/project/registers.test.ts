// Reads the machine code of the built addon: the innermost loops of the register-tile kernels must keep their sums in registers. A
// compiler that puts them on the stack halves the rate of a kernel and breaks no other test.
// Invariant: it looks at every instantiation for every compiled instruction set, also those that this machine cannot run.
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'

// The functions of register tiles, and those that add up channels: templates, named by how their symbols begin after the namespace of the
// instruction set.
const tiles = [
  'multiplyTile',
  'multiplyPanels',
  'multiplyNarrowRows',
  'flatTiles',
  'dotTile',
  'offsetTile',
  'stackedTile',
  'slidingTile',
  'stripTiles',
  'stencilTiles',
  'addBlock',
  'multiplyBlocks',
  'momentStrip',
  'gradientStrip',
  'groupedTile',
  'addGroupedRow',
  'multiplyWholeTile',
  'streamRows',
]

interface Architecture {
  /** Namespaces of the instruction sets that every build holds. */
  sets: readonly string[]
  vector: RegExp
  multiplies: RegExp
  /** Operands on the stack; a frame pointer is one only if the function sets it up. */
  stack: RegExp
  frame: RegExp
  framePointer: RegExp
}

const architectures: Readonly<Record<string, Architecture>> = {
  x64: {
    sets: ['N_SSE4', 'N_AVX2', 'N_AVX3'],
    vector: /%[xyz]mm\d/,
    multiplies: /\s(vfmadd\w+ps|mulps)\s/,
    stack: /\(%rsp[,)]/,
    frame: /\(%rbp[,)]/,
    framePointer: /mov\s+%rsp,%rbp/,
  },
  arm64: {
    sets: ['N_NEON'],
    vector: /\s[vqd]\d+/,
    multiplies: /\sfmla\s/,
    stack: /\[sp[,\]]/,
    frame: /\[x29[,\]]/,
    framePointer: /mov\s+x29, sp/,
  },
}
const architecture = architectures[process.arch] as Architecture

/**
 * Tiles of some instruction sets only. Vectors of four floats have no narrow products of their own and load the incomplete one at the end of a
 * streamed row by way of the stack; a whole group of Winograd's fills 16 registers so far that compilers store a few sums once in 16 steps.
 */
const setsOfTile: Readonly<Record<string, readonly string[]>> = {
  multiplyNarrowRows: ['N_AVX2', 'N_AVX3'],
  streamRows: ['N_AVX2', 'N_AVX3'],
  multiplyWholeTile: ['N_AVX3'],
}
const tilesOf = (set: string): readonly string[] => tiles.filter((tile) => setsOfTile[tile]?.includes(set) ?? true)

/** A strip of one vector may be an incomplete one, which some instruction sets load by way of the stack. */
const mayBeTail = (name: string): boolean => name.endsWith('Strip<1>')

interface Instruction {
  address: number
  text: string
}

/** Every function of the disassembly whose name is a tile's, with its instructions. */
function tileFunctions(disassembly: string): Map<string, Instruction[]> {
  const functions = new Map<string, Instruction[]>()
  const header = new RegExp(`^[0-9a-f]+ <.*::((?:${architecture.sets.join('|')})::(?:${tiles.join('|')})<[^>]*>).*>:$`)
  let current: Instruction[] | undefined
  for (const line of disassembly.split('\n')) {
    if (line.endsWith('>:')) {
      const name = header.exec(line)?.[1]
      current = name === undefined ? undefined : []
      if (name !== undefined && current) functions.set(name, current)
    } else if (current) {
      const [address, text] = line.split(':\t', 2)
      if (address !== undefined && text !== undefined) current.push({ address: Number.parseInt(address, 16), text: ` ${text}` })
    }
  }
  return functions
}

/** The loops without a loop inside, as the instructions between a backward jump and its target. */
function innermostLoops(code: readonly Instruction[]): Instruction[][] {
  const start = code[0]?.address ?? 0
  const loops = code.flatMap(({ address, text }) => {
    const target = Number.parseInt(/\s(?:j\w+|b\.?\w*|cbn?z|tbn?z)\s+(?:.*, )?([0-9a-f]+) </.exec(text)?.[1] ?? '', 16)
    return target >= start && target < address ? [{ from: target, to: address }] : []
  })
  const inner = loops.filter((loop) => !loops.some((other) => other !== loop && other.from >= loop.from && other.to <= loop.to))
  return inner.map(({ from, to }) => code.filter(({ address }) => address >= from && address <= to))
}

/** Vector instructions with an operand on the stack inside the innermost loops that multiply. */
function spills(code: readonly Instruction[]): string[] {
  const { vector, multiplies, stack, frame, framePointer } = architecture
  const hasFrame = code.slice(0, 16).some(({ text }) => framePointer.test(text))
  return innermostLoops(code)
    .filter((loop) => loop.some(({ text }) => multiplies.test(text)))
    .flat()
    .filter(({ text }) => vector.test(text) && (stack.test(text) || (hasFrame && frame.test(text))))
    .map(({ text }) => text.trim())
}

describe('register tiles', () => {
  let functions = new Map<string, Instruction[]>()
  beforeAll(() => {
    const options = { encoding: 'utf8', maxBuffer: 2 ** 28 } as const
    functions = tileFunctions(execFileSync('objdump', ['-d', '-C', '--no-show-raw-insn', 'build/Release/steepest.node'], options))
  })

  it.each(architecture.sets.flatMap((set) => tilesOf(set).map((tile) => [set, tile])))(
    '%s::%s keeps its sums in registers',
    (set, tile) => {
      const mine = [...functions].filter(([name]) => name.startsWith(`${set}::${tile}<`) && !mayBeTail(name))
      expect(mine.length, 'instantiations').toBeGreaterThan(0)
      expect(mine.filter(([, code]) => innermostLoops(code).length === 0).map(([name]) => name)).toEqual([])
      expect(mine.flatMap(([name, code]) => spills(code).map((text) => `${name}: ${text}`))).toEqual([])
    },
  )
})
