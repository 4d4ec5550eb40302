// Figures that stand between marks in pages written by hand are those that the benchmark kept, each written as it writes them.
import { describe, expect, it } from 'vitest'
import { type FitCost, fitLine, fitMark, readFitCosts } from '../../bench/support/fit-page.js'
import { marked, withMarked } from '../../bench/support/marked.js'
import { type PassResults, passesMark, passTable, readPasses } from '../../bench/support/passes-page.js'
import { read, root } from './sources.js'

const machine = { processor: 'a processor', date: '2026-01-01' }

describe('figures of docs/programs.md', () => {
  it('are the kept worth of the passes', () => {
    const results = readPasses(root)
    expect(marked(read('docs/programs.md'), passesMark)).toBe(results ? passTable(results) : '')
  })

  it('are a line for each pass that changes rows, and a column for each workload', () => {
    const worth = { pass: 'merge', ms: 1, withoutMs: 1.5, ratio: { median: 1.5, least: 1.4, most: 1.6 } }
    const results: PassResults = {
      machine,
      rounds: 3,
      workloads: [
        { name: 'cnn', passes: [worth] },
        { name: 'mlp', passes: [] },
      ],
    }
    const lines = passTable(results).split('\n')
    expect(lines.slice(-3)).toEqual(['| pass | cnn | mlp |', '|---|---|---|', '| `merge` | 1.50 (1.40–1.60) |  |'])
  })
})

describe('figures of docs/training.md', () => {
  it('are the kept cost of fit', () => {
    expect(marked(read('docs/training.md'), fitMark)).toBe(fitLine(readFitCosts(root)))
  })

  it('give median and middle half by workload', () => {
    const cost: FitCost = { workload: 'mlp', rounds: 15, kernels: 800, fit: 820, more: { low: 1, middle: 2.5, high: 4 }, machine }
    expect(fitLine([cost])).toContain('mlp 2.5 % (middle half 1.0 to 4.0; 820 µs beside 800, 15 rounds)')
  })
})

describe('marks', () => {
  const page = 'before\n<!-- a -->\nold\n<!-- end of a -->\nafter'

  it('enclose what is replaced', () => {
    expect(withMarked(page, 'a', 'new')).toBe(page.replace('old', 'new'))
    expect(marked(page, 'a')).toBe('old')
  })

  it('must be there', () => {
    expect(() => withMarked(page, 'b', 'new')).toThrow("the page has no '<!-- b -->'")
  })
})
