// CSV files as tensors: numeric columns as x, one column as labels. The text itself is taken apart by csv-rows.ts.
// Invariant: a number in x is exactly what the file says; what is no number is an error with line and column, or handled as `missing` says.
import { describe, ValueError, wrongArgument } from '../errors.js'
import { type FileSource, readSource } from '../io/source.js'
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkOptions } from './check.js'
import { type CsvRow, csvRows } from './csv-rows.js'
import { labelIndices } from './encode.js'

/** A column by name (files with a header) or by position from 0. */
export type ColumnKey = string | number

/** Options of `csv` and `parseCsv`. */
export interface CsvOptions {
  /** The first row holds names. Default true; without, columns are called '0', '1', … */
  readonly header?: boolean
  /** One character. Default ','. */
  readonly delimiter?: string
  /** The column to predict: y. Default: none. */
  readonly label?: ColumnKey
  /** The columns of x, in this order. Default: all but the label. */
  readonly columns?: readonly ColumnKey[]
  /** What to do with a missing number: refuse the file (default), 'nan', 'skip' the row, or put this number in its place. */
  readonly missing?: 'error' | 'nan' | 'skip' | number
  /** Fields that count as missing, compared after trimming. Default: empty, NA, N/A, NaN, nan, null, ?. */
  readonly missingValues?: readonly string[]
}

/** A CSV file as tensors. */
export interface CsvTable {
  /** float32 [rows, columns]. */
  readonly x: Tensor
  /** The label column, [rows]: int32 for integers and for words, else float32. Without `label`, int32 [0]. */
  readonly y: Tensor
  /** Names of the columns of x. */
  readonly columns: readonly string[]
  /** For labels that are words: what the indices in y mean, in sorted order. Empty for numbers. */
  readonly classes: readonly string[]
}

const defaultMissing = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', '?']
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads a CSV file of numbers and, optionally, a column of labels.
 *
 * @param source path, file: URL, or the bytes of a file (UTF-8)
 * @throws ValueError naming line and column for a field that is no number, rows of unequal length, unclosed quotes, unknown columns
 */
export async function csv(source: FileSource, options: CsvOptions = {}): Promise<CsvTable> {
  const { name, bytes } = await readSource('csv', source)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ValueError(`csv: ${name} must be UTF-8 text of at most 512 MiB, got bytes that are not`, { cause })
  }
  return readTable('csv', text, name, options)
}

/** The synchronous form of `csv` for text in memory. */
export function parseCsv(text: string, options: CsvOptions = {}): CsvTable {
  if (typeof text !== 'string') throw new ValueError(wrongArgument('parseCsv', 'text', 'a string', text))
  return readTable('parseCsv', text, 'text', options)
}

/** What reading needs to know about a file. */
interface Layout {
  /** Beginning of error messages. */
  readonly where: string
  readonly names: readonly string[]
  /** Positions of the columns of x. */
  readonly chosen: readonly number[]
  /** Position of the label column. */
  readonly label: number | undefined
  readonly missing: NonNullable<CsvOptions['missing']>
  readonly absent: ReadonlySet<string>
}

function readTable(fn: string, text: string, name: string, options: CsvOptions): CsvTable {
  const where = `${fn}: ${name}`
  const { header, delimiter, ...rest } = checkCsvOptions(fn, options)
  const rows = csvRows(text, delimiter, where)
  const first = rows[0]
  if (!first) throw new ValueError(`${where}: a CSV file must have at least one row, got none`)
  const names = header ? checkNames(first, where) : first.fields.map((_, position) => String(position))
  const label = options.label === undefined ? undefined : findColumn('label', options.label, names, where)
  const others = [...names.keys()].filter((column) => column !== label)
  const chosen = options.columns?.map((key) => findColumn('columns', key, names, where)) ?? others
  const layout: Layout = { where, names, chosen, label, ...rest }
  const body = completeRows(header ? rows.slice(1) : rows, layout)
  const values = new Float32Array(body.length * chosen.length)
  for (let i = 0; i < values.length; i++) {
    values[i] = readNumber(body[Math.floor(i / chosen.length)] as CsvRow, chosen[i % chosen.length] as number, layout)
  }
  const columns = chosen.map((column) => names[column] as string)
  return { x: tensor(values, [body.length, chosen.length]), ...readLabels(body, layout), columns }
}

/** Checks that rows are equally long; without those that miss a value, if that is wanted. */
function completeRows(rows: readonly CsvRow[], { where, names, chosen, label, missing, absent }: Layout): readonly CsvRow[] {
  for (const { line, fields } of rows) {
    if (fields.length !== names.length) {
      throw new ValueError(`${where}: line ${line} must have ${names.length} fields, got ${fields.length}`)
    }
  }
  if (missing !== 'skip') return rows
  const needed = label === undefined ? chosen : [...chosen, label]
  return rows.filter(({ fields }) => needed.every((column) => !absent.has((fields[column] as string).trim())))
}

function checkCsvOptions(
  fn: string,
  options: CsvOptions,
): Pick<Layout, 'missing' | 'absent'> & { header: boolean; delimiter: string } {
  checkOptions(fn, options, ['header', 'delimiter', 'label', 'columns', 'missing', 'missingValues'])
  const { header = true, delimiter = ',', missing = 'error', missingValues = defaultMissing } = options
  checkBoolean(fn, 'header', header)
  if (typeof delimiter !== 'string' || delimiter.length !== 1 || /["\r\n\w]/.test(delimiter)) {
    throw new ValueError(
      wrongArgument(fn, 'delimiter', 'one character other than a letter, digit, quote or line break', delimiter),
    )
  }
  if (typeof missing !== 'number' && !['error', 'nan', 'skip'].includes(missing)) {
    throw new ValueError(wrongArgument(fn, 'missing', "'error', 'nan', 'skip' or a number", missing))
  }
  return { header, delimiter, missing, absent: new Set(missingValues) }
}

function checkNames({ fields, line }: CsvRow, where: string): string[] {
  const names = fields.map((name) => name.trim())
  const twice = names.find((name, position) => names.indexOf(name) !== position)
  if (twice !== undefined)
    throw new ValueError(`${where}: line ${line}: columns must have different names, got ${describe(twice)} twice`)
  return names
}

function findColumn(option: string, key: ColumnKey, names: readonly string[], where: string): number {
  const column = typeof key === 'string' ? names.indexOf(key) : key
  if (Number.isInteger(column) && column >= 0 && column < names.length) return column
  throw new ValueError(
    `${where}: option '${option}' must name one of the columns ${names.join(', ')}, or a position below ${names.length}, got ${describe(key)}`,
  )
}

function readNumber(row: CsvRow, column: number, { where, names, missing, absent }: Layout): number {
  const field = (row.fields[column] as string).trim()
  const at = `${where}: line ${row.line}, column '${names[column]}'`
  if (absent.has(field)) {
    if (typeof missing === 'number') return missing
    if (missing === 'nan') return Number.NaN
    throw new ValueError(
      `${at}: a number must be given, got ${describe(field)}; set missing to 'nan', 'skip' or a number to accept that`,
    )
  }
  if (decimal.test(field)) return Number(field)
  if (/^[+-]?inf(inity)?$/i.test(field)) return field.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  throw new ValueError(
    `${at}: the field must be a number, got ${describe(field)}; leave the column out with the option columns, or make it the label`,
  )
}

function readLabels(rows: readonly CsvRow[], { where, names, label, absent }: Layout): Pick<CsvTable, 'y' | 'classes'> {
  if (label === undefined) return { y: tensor(new Int32Array(0)), classes: [] }
  const fields = rows.map((row) => (row.fields[label] as string).trim())
  const gap = fields.findIndex((field) => absent.has(field))
  if (gap >= 0) {
    const at = `${where}: line ${rows[gap]?.line}, column '${names[label]}'`
    throw new ValueError(
      `${at}: a label must be given, got ${describe(fields[gap])}; set missing to 'skip' to leave such rows out`,
    )
  }
  if (!fields.every((field) => decimal.test(field))) {
    const { labels, classes } = labelIndices(fields)
    return { y: labels, classes }
  }
  const numbers = fields.map(Number)
  const whole = numbers.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31)
  return { y: tensor(whole ? Int32Array.from(numbers) : Float32Array.from(numbers)), classes: [] }
}
