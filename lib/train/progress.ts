// The progress display of `fit`: one line redrawn in place on a terminal, one plain line per epoch elsewhere.
// Invariant: a redrawn line is never wider than the terminal, so that clearing it clears all of it.
import type { Logs } from './logs.js'

/** Where progress goes; `process.stdout` is one. */
export interface ProgressStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** 0 silent, 1 a bar on a terminal and a line per epoch elsewhere, 2 a line per epoch. */
export type Verbosity = 0 | 1 | 2

/** What the display needs to know about a run. */
export interface ProgressOptions {
  readonly stream: ProgressStream
  readonly verbose: Verbosity
  readonly epochs: number
  /** Milliseconds; tests set their own clock. */
  readonly now?: () => number
}

const redrawMilliseconds = 100
const [narrowestBar, widestBar] = [8, 24]
const clearLine = '\r\u001b[2K'
const gap = '  '

export class Progress {
  private readonly stream: ProgressStream
  private readonly now: () => number
  private readonly live: boolean
  private epoch = 0
  private steps: number | null = null
  private firstStep = 0
  private started = 0
  private trainedAt = 0
  private drawn = Number.NEGATIVE_INFINITY
  private visible = false

  constructor(private readonly options: ProgressOptions) {
    this.stream = options.stream
    this.now = options.now ?? (() => performance.now())
    this.live = options.verbose === 1 && options.stream.isTTY === true
  }

  /** @param steps batches of the epoch, null if unknown; `firstStep` is where a resumed epoch continues */
  epochBegin(epoch: number, steps: number | null, firstStep = 0): void {
    this.epoch = epoch
    this.steps = steps
    this.firstStep = firstStep
    this.started = this.now()
    this.drawn = Number.NEGATIVE_INFINITY
  }

  /** Whether it is time to draw: figures are read from the native side only then. */
  get due(): boolean {
    return this.live && this.now() - this.drawn >= redrawMilliseconds
  }

  /** Redraws the line after `step` batches with `samples` samples seen in this epoch. */
  draw(step: number, samples: number, logs: Readonly<Logs>): void {
    this.drawn = this.now()
    const seconds = Math.max(this.drawn - this.started, 1e-3) / 1000
    const done = Math.max(step - this.firstStep, 1)
    const remaining = this.steps === null ? [] : [`ETA ${duration(((this.steps - step) * seconds) / done)}`]
    const parts = [counter(step, this.steps), ...figures(logs), `${rate(samples / seconds)} samples/s`, ...remaining]
    const fraction = this.steps === null ? null : step / Math.max(this.steps, 1)
    this.stream.write(`${clearLine}${oneLine(this.title, fraction, parts, this.stream.columns ?? 80)}`)
    this.visible = true
  }

  /** The batches of the epoch are done; what follows (validation, saving) does not count for samples per second. */
  trained(): void {
    this.trainedAt = this.now()
  }

  /** Ends the epoch with its one line of figures. */
  epochEnd(step: number, samples: number, logs: Readonly<Logs>): void {
    this.clear()
    if (this.options.verbose === 0) return
    const seconds = Math.max(this.trainedAt - this.started, 1e-3) / 1000
    const whole = (this.now() - this.started) / 1000
    const parts = [`${step} steps`, duration(whole), `${rate(samples / seconds)} samples/s`, ...figures(logs)]
    this.stream.write(`${[this.title, ...parts].join(gap)}\n`)
  }

  /** A line of text from a callback; the bar reappears below it. */
  print(text: string): void {
    if (this.options.verbose === 0) return
    this.clear()
    this.stream.write(`${text}\n`)
    this.drawn = Number.NEGATIVE_INFINITY
  }

  /** Takes the redrawn line away. */
  clear(): void {
    if (this.visible) this.stream.write(clearLine)
    this.visible = false
  }

  private get title(): string {
    const total = String(this.options.epochs)
    return `Epoch ${String(this.epoch + 1).padStart(total.length)}/${total}`
  }
}

/**
 * One line that fits into the terminal: the bar takes what room is left, or goes; then parts from the end go; then the title is cut. The
 * last column stays free, since some terminals wrap when it is written.
 */
function oneLine(title: string, fraction: number | null, parts: readonly string[], columns: number): string {
  const limit = Math.max(columns - 1, 1)
  const kept = [title, ...parts]
  const width = (): number => kept.join(gap).length
  while (kept.length > 1 && width() > limit) kept.pop()
  const room = Math.min(limit - width() - gap.length, widestBar)
  if (fraction !== null && room >= narrowestBar) kept.splice(1, 0, progressBar(fraction, room))
  return kept.join(gap).slice(0, limit)
}

function counter(step: number, steps: number | null): string {
  return steps === null ? `${step} steps` : `${String(step).padStart(String(steps).length)}/${steps}`
}

/** A bar of heavy and light line characters, each one column wide. */
function progressBar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(Math.max(fraction, 0), 1) * width)
  return `${'━'.repeat(filled)}${'─'.repeat(width - filled)}`
}

function figures(logs: Readonly<Logs>): string[] {
  return Object.entries(logs).map(([name, value]) => `${name} ${figure(value)}`)
}

/** Four decimals, or a power of ten where those would show little or nothing. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toFixed(4)
}

function rate(perSecond: number): string {
  const digits = perSecond < 10 ? 1 : 0
  return perSecond.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
