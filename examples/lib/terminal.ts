// Small pictures and tables for the terminal.

const shades = ' ░▒▓█'

/** A grey picture of 0 to 255 as text, two rows of pixels to a line (a character is about twice as high as wide). */
export function draw(pixels: ArrayLike<number>, width: number): string[] {
  const lines: string[] = []
  for (let row = 0; row < pixels.length / width; row += 2) {
    const shade = (column: number): string => {
      const [above = 0, below = 0] = [pixels[row * width + column], pixels[(row + 1) * width + column]]
      return shades[Math.min(Math.ceil(((above + below) / 2 / 255) * shades.length), shades.length - 1)]
    }
    lines.push(Array.from({ length: width }, (_, column) => shade(column)).join(''))
  }
  return lines
}

/** Pictures in rows of `perRow`, padded to equal width. */
export function sideBySide(pictures: readonly (readonly string[])[], perRow = 3): string {
  const rows: string[] = []
  for (let first = 0; first < pictures.length; first += perRow) {
    const group = pictures.slice(first, first + perRow)
    const width = Math.max(...group.flat().map((line) => line.length))
    const height = Math.max(...group.map((picture) => picture.length))
    for (let line = 0; line < height; line++)
      rows.push(
        group
          .map((picture) => (picture[line] ?? '').padEnd(width))
          .join('  ')
          .trimEnd(),
      )
  }
  return rows.join('\n')
}

/** Columns aligned to the right below their headings. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map(String))]
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  return cells.map((row) => row.map((cell, column) => cell.padStart(widths[column])).join('  ')).join('\n')
}

/** A square matrix of counts with its row and column numbers; zeros as dots. */
export function matrixTable(matrix: readonly (readonly number[])[]): string {
  const headings = ['', ...matrix.map((_, column) => String(column))]
  return table(
    headings,
    matrix.map((row, i) => [i, ...row.map((count) => (count === 0 ? '·' : count))]),
  )
}
