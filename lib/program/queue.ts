// Awaited runs, one after the other on the engine's thread, in the order of the calls. Invariant: between `enqueue` and the end of a run
// its job keeps everything reachable that the run touches.
import { type ProgramHandle, programs } from '../dispatch.js'
import { StateError } from '../errors.js'
import type { Variable } from '../tensor/tensor.js'

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
  /** Variables of whose gradients it counts on the existence. */
  readonly gradientsSeen: ReadonlySet<Variable>
  /** Those where it changes it: at once, so that later jobs are told of it before it has run. */
  readonly gradientsChanged: ReadonlySet<Variable>
  /** Called at the end; `ending` is null if the job was aborted before it began. */
  end(ending: Ending | null): void
  /** Called instead if it was not run. */
  refused(error: unknown): void
}

let waiting: Job[] = []
let current: Job | null = null
let listening = false

function next(): void {
  while (!current && waiting.length > 0) {
    const job = waiting.shift() as Job
    if (!waiting.some(({ signal }) => signal === job.signal)) job.signal?.removeEventListener('abort', endAborted)
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

/** Ends the jobs that wait and whose signal is aborted. */
function endAborted(): void {
  for (let job = waiting.find(isAborted); job; job = waiting.find(isAborted)) {
    const aborted = job
    waiting = waiting.filter((other) => other !== aborted)
    aborted.end(null)
  }
}

const isAborted = ({ signal }: Job): boolean => signal?.aborted ?? false

/** Refuses the jobs that wait and count on gradients which `failed`, that has failed, left or cleared; the last of them first. */
export function refuseDependents(failed: Pick<Job, 'gradientsChanged'>): void {
  const changed = new Set(failed.gradientsChanged)
  const dependents = waiting.filter(({ gradientsSeen, gradientsChanged }) => {
    const depends = [...gradientsSeen].some((variable) => changed.has(variable))
    if (depends) for (const variable of gradientsChanged) changed.add(variable)
    return depends
  })
  waiting = waiting.filter((job) => !dependents.includes(job))
  for (const job of dependents.reverse())
    job.refused(new StateError('program: an earlier call has failed that this one counts on for gradients; it did not run'))
}

/** Runs a job when those before it have ended. */
export function enqueue(job: Job): void {
  if (!listening) {
    programs.onEnd(ended)
    listening = true
  }
  if (current || waiting.length > 0) job.bindings = job.bindings.slice()
  waiting.push(job)
  job.signal?.addEventListener('abort', endAborted)
  next()
}
