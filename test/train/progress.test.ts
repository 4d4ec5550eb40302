// The progress display on fake streams with a fake clock: what is written, how often, and that it fits the terminal.
import { describe, expect, it } from 'vitest'
import { figure, Progress, type Verbosity } from '../../lib/train/progress.js'

function display(options: { isTTY?: boolean; columns?: number; verbose?: Verbosity; epochs?: number } = {}) {
  const { isTTY = true, columns = 100, verbose = 1, epochs = 12 } = options
  const clock = { time: 0 }
  const written: string[] = []
  const stream = { isTTY, columns, write: (text: string) => written.push(text) }
  return { progress: new Progress({ stream, verbose, epochs, now: () => clock.time }), clock, written, stream }
}

describe('progress', () => {
  it('draws a bar with figures, rate and ETA on a terminal', () => {
    const { progress, clock, written } = display({ columns: 120 })
    progress.epochBegin(1, 100)
    clock.time = 2000
    progress.draw(25, 3200, { loss: 0.25, accuracy: 0.9 })
    expect(written).toEqual([
      '\r\u001b[2KEpoch  2/12  ━━━━━━──────────────────   25/100  loss 0.2500  accuracy 0.9000  1,600 samples/s  ETA 6.0 s',
    ])
  })

  it('is due at most ten times a second', () => {
    const { progress, clock } = display()
    progress.epochBegin(0, 1000)
    let draws = 0
    for (clock.time = 0; clock.time < 1000; clock.time += 1) {
      if (!progress.due) continue
      draws++
      progress.draw(clock.time, clock.time, {})
    }
    expect(draws).toBe(10)
  })

  it.each([1, 5, 12, 20, 40, 60, 79, 80, 81, 95, 120, 200])(
    'never writes a line as wide as a terminal of %i columns',
    (columns) => {
      const { progress, clock, written } = display({ columns })
      progress.epochBegin(0, 469)
      clock.time = 10
      progress.draw(468, 60000, { loss: 1.23456, accuracy: 0.98, precision: 0.5, learningRate: 1e-7 })
      for (const text of written) expect(text.replace('\r\u001b[2K', '').length).toBeLessThan(Math.max(columns, 2))
    },
  )

  it('follows a terminal that is resized', () => {
    const { progress, written, stream } = display({ columns: 120 })
    progress.epochBegin(0, 10)
    progress.draw(5, 10, { loss: 1 })
    stream.columns = 20
    progress.draw(6, 12, { loss: 1 })
    expect(written[1].replace('\r\u001b[2K', '').length).toBeLessThan(20)
  })

  it('replaces the bar by one line at the end of an epoch', () => {
    const { progress, clock, written } = display({ epochs: 3 })
    progress.epochBegin(0, 10)
    clock.time = 1000
    progress.draw(10, 500, { loss: 0.5 })
    clock.time = 2000
    progress.trained()
    clock.time = 3000
    progress.epochEnd(10, 1000, { loss: 0.5, valLoss: 2e-5 })
    expect(written.slice(1)).toEqual([
      '\r\u001b[2K',
      'Epoch 1/3  10 steps  3.0 s  500 samples/s  loss 0.5000  valLoss 2.000e-5\n',
    ])
  })

  it('writes plain lines where there is no terminal, and with verbose 2', () => {
    for (const options of [{ isTTY: false }, { verbose: 2 as const }]) {
      const { progress, clock, written } = display(options)
      progress.epochBegin(0, 10)
      clock.time = 500
      expect(progress.due).toBe(false)
      progress.trained()
      progress.epochEnd(10, 100, { loss: 1 })
      expect(written).toEqual(['Epoch  1/12  10 steps  0.5 s  200 samples/s  loss 1.0000\n'])
    }
  })

  it('is silent with verbose 0, also for callbacks', () => {
    const { progress, written } = display({ verbose: 0 })
    progress.epochBegin(0, 10)
    progress.trained()
    progress.epochEnd(10, 100, { loss: 1 })
    progress.print('a line')
    progress.clear()
    expect(written).toEqual([])
  })

  it('does without bar and ETA where the number of steps is unknown, and lets callbacks print above', () => {
    const { progress, clock, written } = display()
    progress.epochBegin(0, null)
    clock.time = 1000
    progress.draw(7, 70, { loss: 1 })
    progress.print('saved')
    expect(written).toEqual(['\r\u001b[2KEpoch  1/12  7 steps  loss 1.0000  70 samples/s', '\r\u001b[2K', 'saved\n'])
    expect(progress.due).toBe(true)
  })

  it('counts a resumed epoch from where it goes on', () => {
    const { progress, clock, written } = display()
    progress.epochBegin(0, 100, 50)
    clock.time = 1000
    progress.draw(60, 320, {})
    expect(written[0]).toContain('ETA 4.0 s')
  })

  it('shows numbers of any size', () => {
    expect([0, 0.5, 1e-3, 9e-4, 123456, 1e6, Number.NaN, Number.NEGATIVE_INFINITY].map(figure)).toEqual([
      '0.0000',
      '0.5000',
      '0.0010',
      '9.000e-4',
      '123456.0000',
      '1.000e+6',
      'NaN',
      '-Infinity',
    ])
  })
})
