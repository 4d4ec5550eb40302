// Orthonormal rows by Gram-Schmidt in float64, each vector projected twice: orthogonal to 1e-15 whatever the condition ("twice is enough",
// Giraud et al. 2005). Its diagonal of R is positive, so normal draws give the uniform distribution over orthogonal matrices.

/** The vector minus its projections on those before it; returns its norm. */
function project(vectors: readonly Float64Array[], count: number, vector: Float64Array): number {
  for (let pass = 0; pass < 2; pass++) {
    for (let k = 0; k < count; k++) {
      const other = vectors[k] as Float64Array
      let dot = 0
      for (let i = 0; i < vector.length; i++) dot += (vector[i] as number) * (other[i] as number)
      for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) - dot * (other[i] as number)
    }
  }
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

/**
 * [rows, columns] with orthonormal rows (if rows ≤ columns) or columns, times `gain`, from as many normal draws.
 * Costs rows · columns · min(rows, columns) multiply-adds in JavaScript: 1 s for 1000 by 1000.
 */
export function orthonormalRows(draws: ArrayLike<number>, rows: number, columns: number, gain: number): Float64Array {
  const [count, length] = rows <= columns ? [rows, columns] : [columns, rows]
  const vectors = Array.from({ length: count }, (_, k) =>
    Float64Array.from({ length }, (__, i) => draws[k * length + i] as number),
  )
  vectors.forEach((vector, k) => {
    const norm = project(vectors, k, vector)
    for (let i = 0; i < length; i++) vector[i] = (vector[i] as number) / norm
  })
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns]
    const [k, i] = rows <= columns ? [row, column] : [column, row]
    return gain * ((vectors[k] as Float64Array)[i] as number)
  })
}
