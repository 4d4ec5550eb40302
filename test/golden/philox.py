"""Philox4x32-10 in NumPy (Salmon et al., SC'11), the portable source of initial weights and sketch signs.

Invariant: word `e` of stream `t` under `seed` is output word e % 4 of the block with
key [seed, 0] and counter [e // 4, 0, t, 0]. RandomSource of lib/data/rng.ts yields the same words.
"""

import numpy as np

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = 0x9E3779B9, 0xBB67AE85
MASK = np.uint64(0xFFFFFFFF)


def philox_blocks(counter, key):
    """Ten rounds over counter [4, n] (any unsigned type) and key (k0, k1): uint32 [4, n]."""
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & MASK, (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & MASK
        k0, k1 = (k0 + W0) & 0xFFFFFFFF, (k1 + W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def words(seed, stream, count):
    """The first `count` words of a stream: uint32 [count]."""
    blocks = (count + 3) // 4
    index = np.arange(blocks, dtype=np.uint64)
    zero = np.zeros(blocks, dtype=np.uint64)
    return philox_blocks([index, zero, zero + np.uint64(stream), zero], (seed, 0)).T.reshape(-1)[:count]


def uniform(seed, stream, shape, low, high):
    """float32(low + (high - low) u), u = (word >> 8) / 2^24, computed in float64: uniform on [low, high)."""
    u = (words(seed, stream, int(np.prod(shape))) >> np.uint32(8)).astype(np.float64) / 2.0**24
    return (low + (high - low) * u).astype(np.float32).reshape(shape)


def self_check():
    """The known answers of Random123 1.14 (tests/kat_vectors)."""
    cases = [
        ([0, 0, 0, 0], (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ]
    for counter, key, want in cases:
        got = philox_blocks([np.array([c]) for c in counter], key)[:, 0].tolist()
        assert got == want, (got, want)


if __name__ == "__main__":
    self_check()
    print("philox: known answers hold; first words of seed 1, stream 0:", words(1, 0, 4).tolist())
