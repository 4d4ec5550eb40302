// Awaited runs, one after the other on the engine's thread, in the order of the calls. Invariant: between `enqueue` and the end of a run
// its job keeps everything reachable that the run touches.
import { type ProgramHandle, programs } from '../dispatch.js'

/** How a run ended. */
export interface Ending {
  readonly status: number
  readonly row: number
  readonly position: number
  readonly value: number
  readonly limit: number
  readonly repeats: number
}

/** A run that waits for its turn. */
export interface Job {
  readonly handle: ProgramHandle
  /** Copied if the run has to wait: the recording fills them in anew for its next one. */
  bindings: Float64Array
  readonly repeats: number
  readonly nanoseconds: Float64Array | undefined
  readonly signal: AbortSignal | undefined
  /** Called at the end; `ending` is null if the job was aborted before it began. */
  end(ending: Ending | null): void
  /** Called instead if the system refused to run it. */
  refused(error: unknown): void
}

const waiting: Job[] = []
let current: Job | null = null
let listening = false

function next(): void {
  while (!current && waiting.length > 0) {
    const job = waiting.shift() as Job
    if (job.signal?.aborted) {
      job.end(null)
      continue
    }
    current = job
    job.signal?.addEventListener('abort', programs.stop, { once: true })
    try {
      programs.start(job.handle, job.bindings, job.repeats, job.nanoseconds)
    } catch (error) {
      current = null
      job.refused(error)
    }
  }
}

function ended(status: number, row: number, position: number, value: number, limit: number, repeats: number): void {
  const job = current as Job
  current = null
  job.signal?.removeEventListener('abort', programs.stop)
  try {
    job.end({ status, row, position, value, limit, repeats })
  } finally {
    next()
  }
}

/** Runs a job when those before it have ended. */
export function enqueue(job: Job): void {
  if (!listening) {
    programs.onEnd(ended)
    listening = true
  }
  if (current || waiting.length > 0) job.bindings = job.bindings.slice()
  waiting.push(job)
  next()
}
