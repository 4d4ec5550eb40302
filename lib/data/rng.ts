// Host-side random numbers for shuffles, splits, generators and augmentation: Philox4x32-10, a counter-based generator.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Invariant: a value depends on (seed, stream, position) only, so any point of a run can be revisited without replaying it.
import { checkInteger, checkNumber } from './check.js'

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85
const TWO_32 = 2 ** 32

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers, by 16-bit halves (every partial sum stays below 2^53). */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const cross = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + (cross >>> 16)) >>> 0
}

/**
 * One block of Philox4x32-10: four 32-bit random words from a 128-bit counter and a 64-bit key.
 *
 * @param counter four unsigned 32-bit words, least significant first
 * @param key two unsigned 32-bit words
 * @param out receives four unsigned 32-bit words (may be `counter`)
 */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0)
    const low0 = Math.imul(MULTIPLIER_0, c0)
    const high1 = multiplyHigh(MULTIPLIER_1, c2)
    const low1 = Math.imul(MULTIPLIER_1, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + WEYL_0) >>> 0
    k1 = (k1 + WEYL_1) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/**
 * A reproducible stream of random numbers. The key is the seed; the stream number occupies the upper half of the counter, so
 * streams of one seed never overlap.
 */
export class RandomSource {
  private readonly key: Uint32Array
  private readonly counter: Uint32Array
  private readonly block = new Uint32Array(4)
  private used = 4
  private spareNormal = Number.NaN

  /**
   * @param seed integer from 0 to 2^53 - 1
   * @param stream independent sequence within the seed, integer from 0 to 2^53 - 1
   */
  constructor(seed: number, stream = 0) {
    checkInteger('RandomSource', 'seed', seed, 0)
    checkInteger('RandomSource', 'stream', stream, 0)
    this.key = new Uint32Array([seed % TWO_32, Math.floor(seed / TWO_32)])
    this.counter = new Uint32Array([0, 0, stream % TWO_32, Math.floor(stream / TWO_32)])
  }

  /** The next random word: an integer from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.used === 4) {
      philox4x32(this.counter, this.key, this.block)
      this.used = 0
      this.counter[0]++
      if (this.counter[0] === 0) this.counter[1]++
    }
    return this.block[this.used++]
  }

  /** Uniform in [low, high), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    checkNumber('uniform', 'low', low)
    checkNumber('uniform', 'high', high)
    const bits = (this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)
    return low + (high - low) * (bits / 2 ** 53)
  }

  /** Normally distributed, by the Box-Muller transform; every second call returns the partner of the first. */
  normal(mean = 0, standardDeviation = 1): number {
    checkNumber('normal', 'mean', mean)
    checkNumber('normal', 'standardDeviation', standardDeviation)
    if (!Number.isNaN(this.spareNormal)) {
      const spare = this.spareNormal
      this.spareNormal = Number.NaN
      return mean + standardDeviation * spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.spareNormal = radius * Math.sin(angle)
    return mean + standardDeviation * radius * Math.cos(angle)
  }

  /** An integer from 0 to limit - 1, every one equally likely (words past the last whole multiple are redrawn). Limit at most 2^32. */
  integer(limit: number): number {
    checkInteger('integer', 'limit', limit, 1, TWO_32)
    const end = TWO_32 - (TWO_32 % limit)
    let word = this.uint32()
    while (word >= end) word = this.uint32()
    return word % limit
  }

  /** Puts the items in a random order, in place (Fisher-Yates), and returns them. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    checkInteger('shuffle', 'items.length', items?.length, 0, TWO_32)
    for (let last = items.length - 1; last > 0; last--) {
      const chosen = this.integer(last + 1)
      const held = items[last]
      items[last] = items[chosen]
      items[chosen] = held
    }
    return items
  }

  /** The numbers 0 to count - 1 in a random order. */
  permutation(count: number): Int32Array {
    checkInteger('permutation', 'count', count, 0, TWO_32)
    return this.shuffle(Int32Array.from({ length: count }, (_, index) => index))
  }
}
