// Steps of data pipelines over asynchronous iterables: shuffling in a buffer, batching, prefetching.
// Invariant: each hands on what it takes in order, closes its source when it is closed, and holds no more than its buffer.
import type { RandomSource } from './rng.js'

/** What a pipeline can read from. */
export type Source<T> = Iterable<T> | AsyncIterable<T>

/** Random order as far as a buffer reaches: each item handed out is chosen among the next `bufferSize`. */
export async function* shuffleStream<T>(source: Source<T>, bufferSize: number, random: RandomSource): AsyncGenerator<T> {
  const buffer: T[] = []
  for await (const item of source) {
    buffer.push(item)
    if (buffer.length < bufferSize) continue
    const chosen = random.integer(buffer.length)
    const last = buffer.pop() as T
    if (chosen === buffer.length) yield last
    else {
      const held = buffer[chosen] as T
      buffer[chosen] = last
      yield held
    }
  }
  yield* random.shuffle(buffer)
}

/** Lists of `size` items; the last one may be shorter, or is dropped. */
export async function* batchStream<T>(source: Source<T>, size: number, dropLast: boolean): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const item of source) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0 && !dropLast) yield batch
}

/** Asks for up to `count` items ahead of the consumer, so that waiting for a slow source overlaps with work. */
export async function* prefetchStream<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  const asked: Promise<IteratorResult<T>>[] = []
  const ask = () => {
    const next = iterator.next()
    // A failure is reported where its turn comes, not as an unhandled rejection before.
    next.catch(() => undefined)
    asked.push(next)
  }
  try {
    while (asked.length < count) ask()
    for (;;) {
      const result = await (asked.shift() as Promise<IteratorResult<T>>)
      if (result.done) return
      ask()
      yield result.value
    }
  } finally {
    await iterator.return?.()
  }
}
