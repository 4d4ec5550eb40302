// Comma-separated text to rows of strings, by RFC 4180: quoted fields may hold delimiters, line breaks and doubled quotes; lines end
// with LF, CRLF or CR. Blank lines are skipped.
// Invariant: every row knows the line it starts on, and what the RFC does not allow is an error that names its line.
import { ValueError } from '../errors.js'

/** One record. */
export interface CsvRow {
  /** Line of the text on which it starts, from 1. */
  readonly line: number
  readonly fields: readonly string[]
}

/** Splits text into rows. `where` begins the error messages. */
export function csvRows(text: string, delimiter: string, where: string): CsvRow[] {
  const reader = new FieldReader(text, delimiter, where)
  const rows: CsvRow[] = []
  while (!reader.atEnd) {
    const line = reader.line
    const fields: string[] = []
    do fields.push(reader.readField())
    while (reader.skipDelimiter())
    const blank = fields.length === 1 && fields[0] === '' && !reader.wasQuoted
    reader.skipLineEnd()
    if (!blank) rows.push({ line, fields })
  }
  return rows
}

class FieldReader {
  line = 1
  wasQuoted = false
  private position = 0
  private readonly unquotedEnd: RegExp

  constructor(
    private readonly text: string,
    private readonly delimiter: string,
    private readonly where: string,
  ) {
    // A byte order mark is not part of the first field.
    if (text.startsWith('\uFEFF')) this.position = 1
    this.unquotedEnd = new RegExp(`[${delimiter === '\t' ? '\\t' : `\\${delimiter}`}\r\n"]`, 'g')
  }

  get atEnd(): boolean {
    return this.position >= this.text.length
  }

  readField(): string {
    this.wasQuoted = this.text[this.position] === '"'
    return this.wasQuoted ? this.readQuoted() : this.readUnquoted()
  }

  private readUnquoted(): string {
    this.unquotedEnd.lastIndex = this.position
    const end = this.unquotedEnd.exec(this.text)?.index ?? this.text.length
    if (this.text[end] === '"') {
      throw new ValueError(`${this.where}: line ${this.line}: a field with a quote must be quoted as a whole, its quotes doubled`)
    }
    const field = this.text.slice(this.position, end)
    this.position = end
    return field
  }

  private readQuoted(): string {
    const opened = this.line
    const parts: string[] = []
    for (let start = this.position + 1; ; ) {
      const quote = this.text.indexOf('"', start)
      if (quote < 0) throw new ValueError(`${this.where}: line ${opened}: a quoted field must be closed, got the end of the text`)
      parts.push(this.text.slice(start, quote))
      this.position = quote + 1
      if (this.text[this.position] !== '"') break
      parts.push('"')
      start = this.position + 1
    }
    const field = parts.join('')
    this.line += field.match(/\r\n|\r|\n/g)?.length ?? 0
    const next = this.text[this.position]
    if (next !== undefined && next !== this.delimiter && next !== '\r' && next !== '\n') {
      throw new ValueError(
        `${this.where}: line ${this.line}: a closing quote must be followed by '${this.delimiter}' or the line's end, got '${next}'`,
      )
    }
    return field
  }

  skipDelimiter(): boolean {
    if (this.text[this.position] !== this.delimiter) return false
    this.position++
    return true
  }

  skipLineEnd(): void {
    if (this.text[this.position] === '\r' && this.text[this.position + 1] === '\n') this.position++
    this.position++
    this.line++
  }
}
