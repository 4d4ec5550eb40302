// Disposed blocks of memory that wait to be used again, by size: a fresh page costs more than most kernels that fill it.
// Invariant: the blocks together stay below the limit; those of the size used last stay longest.

export class BlockPool<Block> {
  private readonly blocks = new Map<number, Block[]>()
  private held = 0

  constructor(private readonly maxBytes: number) {}

  /** Bytes of all blocks. */
  get bytes(): number {
    return this.held
  }

  /** A block of exactly that size, if there is one. */
  take(size: number): Block | undefined {
    const block = this.blocks.get(size)?.pop()
    if (block) this.held -= size
    return block
  }

  give(block: Block, size: number): void {
    if (size > this.maxBytes) return
    this.evict(size)
    const same = this.blocks.get(size) ?? []
    same.push(block)
    this.blocks.delete(size)
    this.blocks.set(size, same)
    this.held += size
  }

  /** Makes room for `bytes` by letting go of the sizes that were used least recently. */
  private evict(bytes: number): void {
    for (const [size, same] of this.blocks) {
      while (this.held + bytes > this.maxBytes && same.pop()) this.held -= size
      if (same.length === 0) this.blocks.delete(size)
      if (this.held + bytes <= this.maxBytes) return
    }
  }
}
