// Jobs too long for every change: mutation runs, sanitizers, seeds, kill and resume, memory. One file at a time, so that a job may
// take the whole machine and a measurement is not disturbed by its neighbour.
import { defineConfig } from 'vitest/config'

const minutes = 60_000

export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30 * minutes,
    hookTimeout: 10 * minutes,
    reporters: ['verbose'],
  },
})
