// How a matrix product may be divided into parts, for the measurements of its model.
// Invariant: [rows, columns, slices of k], each a power of two.
const powers = [1, 2, 4, 8, 16, 32]

/** Divisions that leave a part of 14 rows, 32 columns and 128 k or more. */
export function divisionsOf([, M = 0, N = 0, K = 0]: readonly number[]): number[][] {
  const all = powers.flatMap((rows) => powers.flatMap((columns) => powers.map((slices) => [rows, columns, slices])))
  return all.filter(([rows = 1, columns = 1, slices = 1]) => {
    const parts = rows * columns * slices
    const large = (size: number, count: number, least: number) => count === 1 || size / count >= least
    return parts >= 8 && parts <= 64 && large(M, rows, 14) && large(N, columns, 32) && large(K, slices, 128)
  })
}
