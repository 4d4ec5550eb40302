// Philox4x32-10 in BigInt arithmetic, written from the paper (Salmon et al., SC 2011): the oracle of the random kernels.

const mask = 0xffffffffn

/** Block number `counter + offset` of the state [key low, key high, counter low, counter high], as four int32 words. */
export function philox(state: readonly [number, number, number, number], offset: number): number[] {
  const u = (value: number) => BigInt(value >>> 0)
  const counter = BigInt.asUintN(64, ((u(state[3]) << 32n) | u(state[2])) + BigInt(offset))
  return philoxWords([counter & mask, counter >> 32n, 0n, 0n], [u(state[0]), u(state[1])]).map((word) =>
    Number(BigInt.asIntN(32, word)),
  )
}

/** The bijection itself: four counter words and two key words to four words. */
export function philoxWords(counter: readonly [bigint, bigint, bigint, bigint], key: readonly [bigint, bigint]): bigint[] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0
    const p1 = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return [c0, c1, c2, c3]
}
