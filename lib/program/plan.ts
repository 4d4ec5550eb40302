// Where the temporaries of a program lie in its arena: greedy by size (Pisarchyk and Lee 2020, arXiv 2001.03288).
// Pure. Invariant: two slots that are alive at the same row never overlap.

/** A slot of the arena and the rows between which it must keep its contents, both included. */
export interface Lifetime {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** Offsets in bytes, one per slot, and the size of the arena. */
export interface Plan {
  readonly offsets: readonly number[]
  readonly bytes: number
}

/** Slots start on cache lines, and 64 bytes between them keep neighbours that two threads write apart. */
const alignment = 64
const gap = 64

const round = (bytes: number): number => Math.ceil(bytes / alignment) * alignment + gap

/** Places large slots first, each at the lowest offset where it overlaps nothing that lives at the same time. */
export function planArena(slots: readonly Lifetime[]): Plan {
  const offsets = new Array<number>(slots.length).fill(0)
  const order = slots.map((_, i) => i).sort((a, b) => at(slots, b).bytes - at(slots, a).bytes || a - b)
  const placed: number[] = []
  let bytes = 0
  for (const index of order) {
    const slot = at(slots, index)
    const size = round(slot.bytes)
    let offset = 0
    for (const other of placed) {
      const neighbour = at(slots, other)
      if (neighbour.last < slot.first || slot.last < neighbour.first) continue
      const start = offsets[other] as number
      if (offset + size <= start) break
      offset = Math.max(offset, start + round(neighbour.bytes))
    }
    offsets[index] = offset
    insertByOffset(placed, offsets, index)
    bytes = Math.max(bytes, offset + size)
  }
  return { offsets, bytes }
}

/** Every slot in a place of its own. */
export function planApart(slots: readonly Lifetime[]): Plan {
  let bytes = 0
  const offsets = slots.map((slot) => {
    const offset = bytes
    bytes += round(slot.bytes)
    return offset
  })
  return { offsets, bytes }
}

const at = (slots: readonly Lifetime[], i: number): Lifetime => slots[i] as Lifetime

function insertByOffset(placed: number[], offsets: readonly number[], index: number): void {
  let i = placed.length
  while (i > 0 && (offsets[placed[i - 1] as number] as number) > (offsets[index] as number)) i--
  placed.splice(i, 0, index)
}
