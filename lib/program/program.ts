// Programs: a function recorded once per form of its arguments, then replayed natively.
// Invariant: a call either does everything the function asks for, or throws and leaves every variable as it was.
import { setImmediate } from 'node:timers/promises'
import { isGradEnabled } from '../autograd/mode.js'
import { recording } from '../dispatch.js'
import { checkOptions, StateError, ValueError, wrongArgument } from '../errors.js'
import { allocateVariable, type Storage } from '../tensor/storage.js'
import type { Tensor } from '../tensor/tensor.js'
import { compareRecordings } from './compare.js'
import { KeptMemory } from './kept.js'
import { listing } from './listing.js'
import { enqueue, refuseDependents } from './queue.js'
import { settings } from './settings.js'
import { Signature } from './signature.js'
import { mapTensors, tensorOf, trace } from './values.js'

/** Recordings that are kept; the one used longest ago goes first. */
const maxSignatures = 16
/** Recordings one after the other, without a call in between that fits one, after which a program says so. */
const manyRecordings = 2 * maxSignatures

/** Options of `program`. */
export interface ProgramOptions {
  /** Name in listings and messages (default: the function's own). */
  name?: string
  /** Ends awaited calls: those that wait at once, the one that runs after its present repeat. They reject with the signal's reason. */
  signal?: AbortSignal
}

/**
 * A recorded function. Calling it runs it off the event loop; runs of all programs take turns in the order of the calls.
 * Tensors may stand anywhere in arrays and plain objects of arguments and results; all other arguments are frozen into the recording.
 */
export interface Program<A extends readonly unknown[], R> {
  (...args: A): Promise<R>
  /** Runs on the calling thread and returns the result. Inside another recording it becomes part of that. */
  sync(...args: A): R
  /** Runs `count` times with one wake-up of JavaScript; resolves to the result of the last run. */
  repeat(count: number, ...args: A): Promise<R>
  /** Records for these arguments, if no recording fits them, and makes room, with a turn of the event loop between; runs nothing. */
  prepare(...args: A): Promise<void>
  /** Prints the rows of the latest recording: operation, shapes, bytes, floating-point operations, place in the arena. */
  print(): void
  /** What `print` prints. */
  toString(): string
  /** Bytes of native memory that its temporaries share. */
  readonly arenaBytes: number
  /** Frees that memory and forgets the recordings. Runs that were begun still end. */
  dispose(): void
  [Symbol.dispose](): void
}

const needsGradient = ({ requiresGrad }: Tensor): boolean => requiresGrad

class Recorded<A extends readonly unknown[], R> {
  private readonly signatures: Signature[] = []
  private readonly kept = new KeptMemory()
  private arena: Storage | null = null
  private disposed = false
  private recordedInARow = 0

  constructor(
    readonly name: string,
    private readonly fn: (...args: A) => R,
    private readonly signal: AbortSignal | undefined,
  ) {}

  get arenaBytes(): number {
    return this.arena?.byteLength ?? 0
  }

  sync(args: A): R {
    if (recording()) return this.fn(...args)
    this.checkAlive()
    if (settings.eager) return this.eager(args)
    const [signature, tensors] = this.find(args)
    this.checkIdle(signature)
    const prepared = signature.prepare(this.arenaOf(signature), tensors)
    try {
      signature.run(prepared, 1)
    } catch (error) {
      signature.undo()
      throw error
    }
    return prepared.result as R
  }

  async prepare(args: A): Promise<void> {
    this.checkOutside()
    if (settings.eager || settings.check) return
    const [signature] = this.find(args)
    await setImmediate()
    if (!this.disposed) this.arenaOf(signature)
  }

  async start(args: A, repeats: number): Promise<R> {
    this.checkOutside()
    this.signal?.throwIfAborted()
    if (settings.eager || settings.check) {
      for (let i = 1; i < repeats; i++) this.sync(args)
      return this.sync(args)
    }
    const [signature, tensors] = this.find(args)
    const arena = this.arenaOf(signature)
    const { bindings, result, places } = signature.prepare(arena, tensors)
    signature.enter(arena, places)
    return new Promise((resolve, reject) => {
      const fail = (error: unknown, repeatsDone: number): void => {
        if (repeatsDone === 0) {
          refuseDependents(signature)
          signature.undo()
        }
        reject(error as Error)
      }
      enqueue({
        handle: signature.compiled.handle,
        bindings,
        repeats,
        nanoseconds: signature.nanoseconds,
        signal: this.signal,
        gradientsSeen: signature.gradientsSeen,
        gradientsChanged: signature.gradientsChanged,
        end: (ending) => {
          signature.leave(arena, places)
          try {
            if (ending) signature.ended(ending)
            if (!ending || ending.repeats < repeats) this.signal?.throwIfAborted()
            resolve(result as R)
          } catch (error) {
            fail(error, ending?.repeats ?? 0)
          }
        },
        refused: (error) => {
          signature.leave(arena, places)
          fail(error, 0)
        },
      })
    })
  }

  toString(): string {
    const latest = this.signatures[0]
    return latest ? listing(this.name, latest) : `${this.name}: not recorded yet`
  }

  dispose(): void {
    this.disposed = true
    for (const signature of this.signatures) signature.release()
    this.signatures.length = 0
    this.arena?.dispose()
    this.arena = null
  }

  private checkOutside(): void {
    if (recording())
      throw new StateError(
        `${this.name}: inside a recording use .sync(), which becomes part of it; a promise could not be awaited`,
      )
    this.checkAlive()
  }

  private checkAlive(): void {
    if (this.disposed) throw new StateError(`${this.name}: the program was disposed; make a new one with st.program`)
  }

  /** The recording for these arguments, made if there is none, and their tensors. */
  private find(args: A): [Signature, Tensor[]] {
    const found = this.findOrRecord(args)
    if (isGradEnabled() && found[1].some(needsGradient))
      throw new StateError(
        `${this.name}: an argument is the result of operations that gradients are to flow back through, but they would end here; ` +
          'call backward() inside the program, or pass argument.detach()',
      )
    return found
  }

  private findOrRecord(args: A): [Signature, Tensor[]] {
    const { signatures } = this
    for (let i = 0; i < signatures.length && !settings.check; i++) {
      const signature = signatures[i] as Signature
      const tensors = signature.match(args)
      if (!tensors) continue
      if (i > 0) signatures.unshift(...signatures.splice(i, 1))
      this.recordedInARow = 0
      return [signature, tensors]
    }
    this.warnOfRecordings(args)
    const signature = Signature.record(this.fn as (...args: never[]) => unknown, args, this.kept)
    const tensors = signature.match(args)
    if (!tensors) {
      signature.release()
      throw new StateError(
        `${this.name}: the function changes a flag that it depends on (training mode, trainable, gradient mode); change it before the call`,
      )
    }
    if (settings.check) this.compare(signature, args)
    signatures.unshift(signature)
    for (const old of signatures.splice(maxSignatures)) old.release()
    return [signature, tensors]
  }

  /** Says once that nearly every call records, which takes milliseconds on the event loop. */
  private warnOfRecordings(args: A): void {
    const latest = this.signatures[0]
    if (settings.check || ++this.recordedInARow !== manyRecordings || !latest) return
    process.emitWarning(
      `${this.name}: each of its last ${manyRecordings} calls was recorded anew: ${latest.mismatch(args)}; what changes from call to call is best passed as a tensor`,
      { code: 'STEEPEST_RECORDING' },
    )
  }

  /** Compares a recording with the earlier one for the same arguments, which it replaces if they are equal. */
  private compare(signature: Signature, args: A): void {
    const before = this.signatures.findIndex((other) => other.match(args))
    const old = this.signatures[before]
    if (!old) return
    try {
      compareRecordings(this.name, old.recorded, signature.recorded)
    } catch (error) {
      signature.release()
      throw error
    }
    this.signatures.splice(before, 1)
    old.release()
  }

  private checkIdle(signature: Signature): void {
    if (signature.meets(this.arena))
      throw new StateError(`${this.name}: a run of it, or one that writes the same variables, is in flight; await it first`)
  }

  /** The arena, large enough for a recording: all recordings share it. */
  private arenaOf({ compiled }: Signature): Storage {
    if (this.arena && this.arena.byteLength >= compiled.arenaBytes) return this.arena
    // Let go of first, so that both need not fit at once; none is kept should the larger one be refused.
    this.arena?.dispose()
    this.arena = null
    this.arena = allocateVariable(compiled.arenaBytes, this.name)
    return this.arena
  }

  /** The function itself, with the results that a recording would have. */
  private eager(args: A): R {
    const given = args.map((arg) => trace(arg, (value) => tensorOf(value).detach()).copy)
    return mapTensors(this.fn(...(given as unknown as A)), (tensor) => (tensor.node ? tensor.detach() : tensor)) as R
  }
}

/**
 * A function of tensors, recorded at its first call and from then on replayed natively: a whole training step or forward pass in one
 * call, off the event loop when it is awaited, without JavaScript between its kernels and without allocation. A call whose arguments have
 * other shapes or other plain values, or that finds other flags (training mode, `trainable`, gradient mode, which gradients exist),
 * records anew.
 *
 * While it is recorded the function's operations are noted, not run: values cannot be read, and numbers from JavaScript are frozen. What
 * changes between calls is an argument or a variable.
 *
 * @param fn synchronous; returns tensors and plain values, alone or in arrays and objects
 * @throws StateError when a value is read while recording, or a variable is used while a run that needs it is in flight
 * @example
 * const step = st.program((x, y) => {
 *   const loss = st.losses.meanSquaredError(y, model.forward(x))
 *   loss.backward()
 *   optimizer.step(model.parameters())
 *   return loss
 * })
 * console.log((await step(x, y)).item())
 */
export function program<A extends readonly unknown[], R>(fn: (...args: A) => R, options: ProgramOptions = {}): Program<A, R> {
  if (typeof fn !== 'function') throw new ValueError(wrongArgument('program', 'fn', 'a function of tensors', fn))
  if (fn.constructor.name === 'AsyncFunction')
    throw new ValueError('program: fn must be synchronous; what it does after an await could not be recorded')
  checkOptions('program', options, ['name', 'signal'])
  const { name, signal } = options
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new ValueError(wrongArgument('program', 'name', 'a non-empty string', name))
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ValueError(wrongArgument('program', 'signal', 'an AbortSignal', signal))
  const recorded = new Recorded<A, R>(name ?? (fn.name || 'program'), fn, signal)
  const call = (...args: A): Promise<R> => recorded.start(args, 1)
  Object.defineProperties(call, {
    name: { value: recorded.name },
    arenaBytes: { get: () => recorded.arenaBytes },
  })
  return Object.assign(call, {
    sync: (...args: A): R => recorded.sync(args),
    repeat: (count: number, ...args: A): Promise<R> => {
      if (!Number.isInteger(count) || count < 1)
        throw new ValueError(wrongArgument('repeat', 'count', 'a positive integer', count))
      return recorded.start(args, count)
    },
    prepare: (...args: A): Promise<void> => recorded.prepare(args),
    print: (): void => console.log(recorded.toString()),
    toString: (): string => recorded.toString(),
    dispose: (): void => recorded.dispose(),
    [Symbol.dispose]: (): void => recorded.dispose(),
  }) as unknown as Program<A, R>
}
