// CSV: RFC 4180 quoting and line ends, columns and labels, missing values, and errors that name line and column.
import { describe, expect, test } from 'vitest'
import { csv, parseCsv } from '../../lib/data/csv.js'
import { csvRows } from '../../lib/data/csv-rows.js'
import { ValueError } from '../../lib/errors.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const numbers = (x: Tensor) => Array.from(x.dataSync())
const fields = (text: string, delimiter = ',') => csvRows(text, delimiter, 'test').map((row) => row.fields)

describe('rows', () => {
  test.each([
    [
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\rc,d\r',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['\uFEFFa,b', [['a', 'b']]],
    [
      '"a,b","c""d"""\n"e\r\nf",g',
      [
        ['a,b', 'c"d"'],
        ['e\r\nf', 'g'],
      ],
    ],
    [
      'a,\n,b\n,',
      [
        ['a', ''],
        ['', 'b'],
        ['', ''],
      ],
    ],
    ['a\n\n\r\nb\n', [['a'], ['b']]],
    ['""\n', [['']]],
    ['', []],
  ])('%j', (text, expected) => {
    expect(fields(text)).toEqual(expected)
  })

  test('other delimiters', () => {
    for (const delimiter of [';', '\t', '|', ' ', ']', '^', '-', '.', '\\']) {
      expect(fields(`a${delimiter}"b${delimiter}c"`, delimiter)).toEqual([['a', `b${delimiter}c`]])
    }
  })

  test('lines are counted inside quoted fields', () => {
    expect(csvRows('a\n"b\n\nc"\nd', ',', 'test').map((row) => row.line)).toEqual([1, 2, 5])
  })

  test.each([
    ['a\n"b', /line 2: a quoted field must be closed/],
    ['a\n"b"c', /line 2: a closing quote must be followed by ',' or the line's end, got 'c'/],
    ['a\nb"c"', /line 2: a field with a quote must be quoted as a whole/],
  ])('refuses %j', (text, message) => {
    expect(() => fields(text)).toThrow(ValueError)
    expect(() => fields(text)).toThrow(message)
  })
})

const iris = 'length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n6.3,3.3,virginica\n4.9,3,setosa\n'

describe('tables', () => {
  test('words as labels', () => {
    const { x, y, columns, classes } = parseCsv(iris, { label: 'species' })
    expect([x.shape, x.dtype, columns]).toEqual([[4, 2], 'float32', ['length', 'width']])
    expect(numbers(x)).toEqual([...Float32Array.of(5.1, 3.5, 7, 3.2, 6.3, 3.3, 4.9, 3)])
    expect([numbers(y), y.dtype, classes]).toEqual([[0, 1, 2, 0], 'int32', ['setosa', 'versicolor', 'virginica']])
  })

  test('numbers as labels, without header, chosen columns', () => {
    const { x, y, columns, classes } = parseCsv('1,2,3\n4,5,6\n', { header: false, label: 0, columns: [2, '1'] })
    expect([numbers(x), numbers(y), y.dtype, columns, classes]).toEqual([[3, 2, 6, 5], [1, 4], 'int32', ['2', '1'], []])
    expect(parseCsv('a,b\n1,0.5', { label: 'b' }).y.dtype).toBe('float32')
    expect(parseCsv('a,b\n1,2').y.shape).toEqual([0])
    expect(parseCsv('a,b\n').x.shape).toEqual([0, 2])
  })

  test('spellings of numbers', () => {
    const { x } = parseCsv('a\n 1 \n+2.\n-.5\n1e3\n1E-2\ninf\n-Infinity\n"7"\n')
    expect(numbers(x)).toEqual([
      ...Float32Array.of(1, 2, -0.5, 1000, 0.01, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 7),
    ])
  })

  test('missing values', () => {
    const text = 'a,b\n1,x\n,y\nNA,\n4,x\n'
    expect(() => parseCsv(text, { label: 'b' })).toThrow(/line 3, column 'a': a number must be given, got ''; set missing to/)
    expect(numbers(parseCsv(text, { label: 'b', missing: 'skip' }).x)).toEqual([1, 4])
    expect(numbers(parseCsv(text, { columns: ['a'], missing: 'nan' }).x)).toEqual([1, Number.NaN, Number.NaN, 4])
    expect(numbers(parseCsv(text, { columns: ['a'], missing: -1 }).x)).toEqual([1, -1, -1, 4])
    expect(() => parseCsv(text, { label: 'b', missing: 0 })).toThrow(/line 4, column 'b': a label must be given, got ''/)
    expect(numbers(parseCsv('a\n1\n-\n', { missing: 'skip', missingValues: ['-'] }).x)).toEqual([1])
  })

  test.each([
    ['', {}, /must have at least one row, got none/],
    ['a,b\n1\n', {}, /line 2 must have 2 fields, got 1/],
    ['a,b\n1,2,3\n', {}, /line 2 must have 2 fields, got 3/],
    ['a,a\n1,2\n', {}, /line 1: columns must have different names, got 'a' twice/],
    [iris, {}, /line 2, column 'species': the field must be a number, got 'setosa'; leave the column out/],
    ['a\n0x10\n', {}, /must be a number, got '0x10'/],
    ['a\n1,5\n', { delimiter: ';' }, /must be a number, got '1,5'/],
    [
      iris,
      { label: 'kind' },
      /option 'label' must name one of the columns length, width, species, or a position below 3, got 'kind'/,
    ],
    [iris, { columns: [3] }, /option 'columns' must name .* got 3/],
    [iris, { label: -1 }, /got -1/],
    [iris, { delimiter: ',,' }, /'delimiter' must be one character/],
    [iris, { missing: 'drop' }, /'missing' must be 'error', 'nan', 'skip' or a number, got 'drop'/],
    [iris, { sep: ',' }, /got 'sep'/],
    [7, {}, /argument 'text' must be a string, got 7/],
  ])('refuses %j with %j', (text, options, message) => {
    expect(() => parseCsv(text as string, options as object)).toThrow(ValueError)
    expect(() => parseCsv(text as string, options as object)).toThrow(message)
  })

  test('from bytes, which must be UTF-8', async () => {
    expect((await csv(Buffer.from(iris), { label: 'species' })).classes.length).toBe(3)
    await expect(csv(Uint8Array.of(0x61, 0xff))).rejects.toThrow(/must be UTF-8 text/)
    await expect(csv('/no/such/file.csv')).rejects.toThrow(/csv: argument 'source' must be a readable file/)
  })
})
