// Matrix product in plain JavaScript, as fast as V8 makes it: panels packed to float64 (no conversions in the inner loop, each
// float32 product is exact in double) and 4 × 4 register blocks. Invariant: c = a · b, any strides of a and b, c row-major.

const K = 256 // depth of a packed block: 4 rows of it stay in L1
const M = 64 // rows of a packed at once: M · K · 8 = 128 KiB, in L2

/** A matrix inside a buffer: element (i, j) at offset + i · row + j · column. */
export interface View {
  data: Float32Array
  row: number
  column: number
  offset?: number
}

const packedA = new Float64Array(M * K)
let packedB = new Float64Array(K * 512)

/** Panels of 4 (rows of a, columns of b), within each the depth outermost; the last panel is filled up with zeros. */
function pack(to: Float64Array, from: View, across: number, along: number, count: number, depth: number, start: number): void {
  const { data } = from
  for (let panel = 0; panel < count; panel += 4) {
    for (let lane = 0; lane < 4; lane++) {
      let at = panel * depth + lane
      if (panel + lane >= count) {
        for (let k = 0; k < depth; k++, at += 4) to[at] = 0
        continue
      }
      let source = start + (panel + lane) * across
      for (let k = 0; k < depth; k++, at += 4, source += along) to[at] = data[source] as number
    }
  }
}

/** The 4 × 4 block at c[at], from panels at a0 and b0; adds to c unless `first`. Writes `rows` × `columns` of it. */
function block(
  c: Float32Array,
  at: number,
  ld: number,
  a0: number,
  b0: number,
  depth: number,
  rows: number,
  columns: number,
  first: boolean,
): void {
  const a = packedA
  const b = packedB
  let c00 = 0,
    c01 = 0,
    c02 = 0,
    c03 = 0,
    c10 = 0,
    c11 = 0,
    c12 = 0,
    c13 = 0
  let c20 = 0,
    c21 = 0,
    c22 = 0,
    c23 = 0,
    c30 = 0,
    c31 = 0,
    c32 = 0,
    c33 = 0
  for (let end = a0 + 4 * depth; a0 < end; a0 += 4, b0 += 4) {
    const b0v = b[b0],
      b1v = b[b0 + 1],
      b2v = b[b0 + 2],
      b3v = b[b0 + 3]
    let v = a[a0]
    c00 += v * b0v
    c01 += v * b1v
    c02 += v * b2v
    c03 += v * b3v
    v = a[a0 + 1]
    c10 += v * b0v
    c11 += v * b1v
    c12 += v * b2v
    c13 += v * b3v
    v = a[a0 + 2]
    c20 += v * b0v
    c21 += v * b1v
    c22 += v * b2v
    c23 += v * b3v
    v = a[a0 + 3]
    c30 += v * b0v
    c31 += v * b1v
    c32 += v * b2v
    c33 += v * b3v
  }
  const tile = [c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33]
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const to = at + i * ld + j
      c[to] = first ? tile[4 * i + j] : c[to] + tile[4 * i + j]
    }
  }
}

/** c [m, n] = a [m, k] · b [k, n], or c += a · b. */
export function matmul(c: Float32Array, a: View, b: View, m: number, n: number, k: number, accumulate = false): void {
  if (packedB.length < K * (n + 3)) packedB = new Float64Array(K * (n + 3))
  for (let k0 = 0; k0 < k; k0 += K) {
    const depth = Math.min(K, k - k0)
    pack(packedB, b, b.column, b.row, n, depth, (b.offset ?? 0) + k0 * b.row)
    for (let m0 = 0; m0 < m; m0 += M) {
      const rows = Math.min(M, m - m0)
      pack(packedA, a, a.row, a.column, rows, depth, (a.offset ?? 0) + m0 * a.row + k0 * a.column)
      for (let j = 0; j < n; j += 4) {
        for (let i = 0; i < rows; i += 4) {
          block(
            c,
            (m0 + i) * n + j,
            n,
            i * depth,
            j * depth,
            depth,
            Math.min(4, rows - i),
            Math.min(4, n - j),
            k0 === 0 && !accumulate,
          )
        }
      }
    }
  }
}
