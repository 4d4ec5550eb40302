// The planner, alone: no two slots that live at once overlap, and the arena is no larger than without a plan.
import { describe, expect, it } from 'vitest'
import { RandomSource } from '../../lib/data/rng.js'
import { type Lifetime, planApart, planArena } from '../../lib/program/plan.js'

function randomSlots(seed: number): Lifetime[] {
  const rng = new RandomSource(seed)
  const pick = (below: number): number => Math.floor(rng.uniform() * below)
  return Array.from({ length: pick(120) }, () => {
    const first = pick(60)
    return { bytes: pick(4) === 0 ? pick(5) : pick(100_000), first, last: first + pick(pick(3) === 0 ? 60 : 6) }
  })
}

function overlaps(slots: readonly Lifetime[], offsets: readonly number[]): string[] {
  const wrong: string[] = []
  slots.forEach((a, i) => {
    slots.slice(0, i).forEach((b, k) => {
      const alive = a.first <= b.last && b.first <= a.last
      const [p, q] = [offsets[i] as number, offsets[k] as number]
      if (alive && a.bytes > 0 && b.bytes > 0 && p < q + b.bytes && q < p + a.bytes) wrong.push(`${i} and ${k}`)
    })
  })
  return wrong
}

describe('the planner', () => {
  it('never lets two live slots overlap, in 300 random programs', () => {
    for (let seed = 0; seed < 300; seed++) {
      const slots = randomSlots(seed)
      const { offsets, bytes } = planArena(slots)
      expect(overlaps(slots, offsets)).toEqual([])
      slots.forEach((slot, i) => {
        expect((offsets[i] as number) % 64).toBe(0)
        expect((offsets[i] as number) + slot.bytes).toBeLessThanOrEqual(bytes)
      })
      expect(bytes).toBeLessThanOrEqual(planApart(slots).bytes)
    }
  })

  it('reuses the memory of what is over', () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({ bytes: 1000, first: i, last: i + 1 }))
    expect(planArena(chain).bytes).toBeLessThanOrEqual(3 * 1152)
  })

  it('notices an overlap', () => {
    const slots = [
      { bytes: 100, first: 0, last: 2 },
      { bytes: 100, first: 2, last: 3 },
    ]
    expect(overlaps(slots, [0, 64])).toEqual(['1 and 0'])
  })
})
