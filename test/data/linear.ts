// Linear algebra for the tests of generators. Invariant: naive and in double precision.

/** The columns of a row-major matrix. */
export function columnsOf(values: ArrayLike<number>, width: number): Float64Array[] {
  const height = values.length / width
  return Array.from({ length: width }, (_, column) =>
    Float64Array.from({ length: height }, (_, row) => values[row * width + column] as number),
  )
}

/** Numerical rank: how many columns keep a share of more than `tolerance` of their length after projection off those before. */
export function rankOf(columns: readonly Float64Array[], tolerance = 1e-5): number {
  const basis: Float64Array[] = []
  for (const column of columns) {
    const rest = Float64Array.from(column)
    for (const other of [...basis, ...basis]) {
      const overlap = rest.reduce((sum, value, i) => sum + value * (other[i] as number), 0)
      for (let i = 0; i < rest.length; i++) rest[i] = (rest[i] as number) - overlap * (other[i] as number)
    }
    const length = Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0))
    const whole = Math.sqrt(column.reduce((sum, value) => sum + value * value, 0))
    if (length > tolerance * whole) basis.push(rest.map((value) => value / length))
  }
  return basis.length
}
