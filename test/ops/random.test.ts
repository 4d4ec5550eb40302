// Random numbers: the exact stream, its moments, its independence of the number of threads, and that a saved state resumes it.
import { describe, expect, it } from 'vitest'
import { Generator, setThreads, tensor } from '../../lib/index.js'
import { randomChecks } from './random-recipe.js'

describe('random', () => {
  it.each(Object.entries(randomChecks))('%s gives the documented stream', (_name, check) => check())

  it('has the right moments', () => {
    const g = new Generator(1)
    const normal = g.normal([200_000], 3, 2)
    expect(normal.mean().item()).toBeCloseTo(3, 1)
    expect(normal.variance().sqrt().item()).toBeCloseTo(2, 1)
    const truncated = g.truncatedNormal([100_000])
    expect(truncated.abs().max().item()).toBeLessThanOrEqual(2)
    expect(g.bernoulli([200_000], 0.3).mean().item()).toBeCloseTo(0.3, 2)
    expect(g.uniform([200_000], -1, 1).mean().item()).toBeCloseTo(0, 1)
  })

  it('does not depend on the number of threads', () => {
    const run = (threads: number): number[] => {
      setThreads(threads)
      return [...new Generator(5).normal([100_003]).dataSync()]
    }
    const single = run(1)
    expect(run(2)).toEqual(single)
    expect(run(4)).toEqual(single)
    setThreads(2)
  })

  it('resumes from a saved state and differs between seeds', () => {
    const g = new Generator(11)
    g.normal([10])
    const saved = g.state.dataSync()
    const next = g.uniform([5]).array()
    const other = new Generator(0)
    other.state.assign(tensor(saved))
    expect(other.uniform([5]).array()).toEqual(next)
    expect(new Generator(12).uniform([5]).array()).not.toEqual(new Generator(11).uniform([5]).array())
  })
})
