// Matrix product in plain JavaScript, as fast as V8 makes it: panels packed to float64 (no conversions in the inner loop, each
// float32 product is exact in double) and 3 × 3 register blocks. Invariant: c = a · b, any strides of a and b, c row-major.

const K = 256 // depth of a packed block: 3 rows of it stay in L1
const M = 60 // rows of a packed at once: M · K · 8 = 120 KiB, in L2

/** A matrix inside a buffer: element (i, j) at offset + i · row + j · column. */
export interface View {
  data: Float32Array
  row: number
  column: number
  offset?: number
}

const packedA = new Float64Array(M * K)
let packedB = new Float64Array(K * 512)
const tile = new Float64Array(9)

/** Panels of 3 (rows of a, columns of b), within each the depth outermost; the last panel is filled up with zeros. */
function pack(to: Float64Array, from: View, across: number, along: number, count: number, depth: number, start: number): void {
  const { data } = from
  for (let panel = 0; panel < count; panel += 3) {
    for (let lane = 0; lane < 3; lane++) {
      let at = panel * depth + lane
      if (panel + lane >= count) {
        for (let k = 0; k < depth; k++, at += 3) to[at] = 0
        continue
      }
      let source = start + (panel + lane) * across
      for (let k = 0; k < depth; k++, at += 3, source += along) to[at] = data[source] as number
    }
  }
}

/** The 3 × 3 block of panels at a0 and b0, to `tile`: nine sums and four factors are as many as there are registers for. */
function dot(a: Float64Array, b: Float64Array, a0: number, b0: number, depth: number): void {
  let c00 = 0,
    c01 = 0,
    c02 = 0,
    c10 = 0,
    c11 = 0,
    c12 = 0,
    c20 = 0,
    c21 = 0,
    c22 = 0
  for (let end = a0 + 3 * depth; a0 < end; a0 += 3, b0 += 3) {
    const u = b[b0],
      v = b[b0 + 1],
      w = b[b0 + 2]
    let x = a[a0]
    c00 += x * u
    c01 += x * v
    c02 += x * w
    x = a[a0 + 1]
    c10 += x * u
    c11 += x * v
    c12 += x * w
    x = a[a0 + 2]
    c20 += x * u
    c21 += x * v
    c22 += x * w
  }
  tile[0] = c00
  tile[1] = c01
  tile[2] = c02
  tile[3] = c10
  tile[4] = c11
  tile[5] = c12
  tile[6] = c20
  tile[7] = c21
  tile[8] = c22
}

/** Writes `rows` × `columns` of the tile to c at `at`; adds unless `first`. */
function store(c: Float32Array, at: number, ld: number, rows: number, columns: number, first: boolean): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const to = at + i * ld + j
      c[to] = first ? tile[3 * i + j] : c[to] + tile[3 * i + j]
    }
  }
}

/** c [m, n] = a [m, k] · b [k, n], or c += a · b. */
export function matmul(c: Float32Array, a: View, b: View, m: number, n: number, k: number, accumulate = false): void {
  if (packedB.length < K * (n + 2)) packedB = new Float64Array(K * (n + 2))
  for (let k0 = 0; k0 < k; k0 += K) {
    const [depth, first] = [Math.min(K, k - k0), k0 === 0 && !accumulate]
    pack(packedB, b, b.column, b.row, n, depth, (b.offset ?? 0) + k0 * b.row)
    for (let m0 = 0; m0 < m; m0 += M) {
      const rows = Math.min(M, m - m0)
      pack(packedA, a, a.row, a.column, rows, depth, (a.offset ?? 0) + m0 * a.row + k0 * a.column)
      for (let j = 0; j < n; j += 3) {
        for (let i = 0; i < rows; i += 3) {
          dot(packedA, packedB, i * depth, j * depth, depth)
          store(c, (m0 + i) * n + j, n, Math.min(3, rows - i), Math.min(3, n - j), first)
        }
      }
    }
  }
}
