// The terms of the model of native/kernels/matmul_cut-inl.h, to fit its coefficients: what one k of a product costs that is divided in a
// certain way. Invariant: terms are those of `costOf` there, one for one.

/** Height and width of the register tiles of an instruction set. */
const tiles: Readonly<Record<string, readonly [rows: number, columns: number]>> = { avx512: [14, 32], avx2: [6, 16] }

const directBlocks = 8
const wideBlocks = 3
const wideB = { columns: 2560, rows: 48, floats: 2 ** 18 }
const fewFloats = 4096
const farFloats = 2 ** 21

/** Coefficients, by their names in native/kernels/matmul_costs.inc. */
export interface CutCosts {
  kUnevenParts: number
  kPackB: number
  kReadA: number
  kReadTransposedA: number
  kFromMemory: number
}

/** Work of each kind in one division; the cost is their sum weighted by the coefficients. */
export interface CutTerms {
  multiply: number
  uneven: number
  packB: number
  readA: number
  readTransposedA: number
}

const roundUp = (a: number, multiple: number): number => Math.ceil(a / multiple) * multiple

/** The terms of a division [rowParts, panelParts] of a product without slices of k; null on an instruction set that has no tiles here. */
export function cutTerms(
  instructionSet: string,
  [, M = 0, N = 0, K = 0, transposeA = 0, transposeB = 0]: readonly number[],
  [rowParts = 1, panelParts = 1]: readonly number[],
  fromMemory: number,
): CutTerms | null {
  const tile = tiles[instructionSet]
  if (!tile) return null
  const [atLeast, panels] = [Math.ceil(M / tile[0]), Math.ceil(N / tile[1])]
  const rowBlocks = atLeast < 6 ? atLeast : roundUp(atLeast, 2)
  const blocks = Math.ceil(rowBlocks / rowParts)
  const unequal = ((blocks * rowParts) / rowBlocks) * (roundUp(panels, panelParts) / panels)
  const parts = rowParts * panelParts
  const multiply = ((M * N) / tile[1]) * (roundUp(parts, 4) / parts)
  const wide = N >= wideB.columns && K >= wideB.rows && K * N >= wideB.floats
  const direct = !transposeB && (blocks <= (wide ? wideBlocks : directBlocks) || K * N <= fewFloats)
  const read = panelParts * M * (M * K < farFloats ? 1 : fromMemory)
  return {
    multiply,
    uneven: multiply * (unequal - 1),
    packB: direct && K * N < farFloats / 2 && !wide ? 0 : rowParts * N,
    readA: transposeA ? 0 : read,
    readTransposedA: transposeA ? read : 0,
  }
}

/** Solves A x = b by elimination; A is symmetric and positive definite. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0])
  for (const [i, pivot] of rows.entries()) {
    for (const [j, row] of rows.entries()) {
      const factor = j === i ? 0 : (row[i] ?? 0) / (pivot[i] ?? 1)
      for (const k of pivot.keys()) row[k] = (row[k] ?? 0) - factor * (pivot[k] ?? 0)
    }
  }
  return rows.map((row, i) => (row.at(-1) ?? 0) / (row[i] ?? 1))
}

/** Weights of the terms that come closest to the measured times per k, as fractions of each; what would be negative is left out. */
export function fitTerms(samples: readonly { terms: CutTerms; time: number }[]): { weights: CutTerms; error: number } {
  const names = ['multiply', 'uneven', 'packB', 'readA', 'readTransposedA'] as const
  const weights: CutTerms = { multiply: 0, uneven: 0, packB: 0, readA: 0, readTransposedA: 0 }
  let used = names.filter((name) => samples.some(({ terms }) => terms[name] > 0))
  for (;;) {
    const rows = samples.map(({ terms, time }) => used.map((name) => terms[name] / time))
    const normal = used.map((_, i) => used.map((_, j) => rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0)))
    const found = solve(
      normal,
      used.map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0)),
    )
    const positive = used.filter((_, i) => (found[i] ?? 0) > 0)
    if (positive.length === used.length) {
      for (const [i, name] of used.entries()) weights[name] = found[i] ?? 0
      break
    }
    used = positive
  }
  const off = samples.map(({ terms, time }) => names.reduce((sum, name) => sum + weights[name] * terms[name], 0) / time - 1)
  return { weights, error: Math.sqrt(off.reduce((sum, x) => sum + x * x, 0) / samples.length) }
}

/** Coefficients relative to the first of them, from samples whose terms are made with each of several factors for memory. */
export function fitCosts(samplesOf: (fromMemory: number) => { terms: CutTerms; time: number }[]): CutCosts & { error: number } {
  const fits = [1, 1.5, 2, 3, 4, 6, 8].map((kFromMemory) => ({ kFromMemory, ...fitTerms(samplesOf(kFromMemory)) }))
  const { kFromMemory, weights, error } = fits.reduce((best, fit) => (fit.error < best.error ? fit : best))
  const relative = (weight: number): number => Number((weight / weights.multiply).toPrecision(2))
  return {
    kUnevenParts: relative(weights.uneven),
    kPackB: relative(weights.packB),
    kReadA: relative(weights.readA),
    kReadTransposedA: relative(weights.readTransposedA),
    kFromMemory,
    error,
  }
}
